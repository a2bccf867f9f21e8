#include "bench/peers/stan.hpp"

namespace bench {

Library with_stan() { return library_of<WithStan, Library>("Stan"); }

}  // namespace bench
