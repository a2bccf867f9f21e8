#include "bench/peers/sacado.hpp"

namespace bench {

Library with_sacado() { return library_of<WithSacado, Library>("Sacado"); }

}  // namespace bench
