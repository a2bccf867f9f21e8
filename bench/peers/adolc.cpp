#include "bench/peers/adolc.hpp"

namespace bench {

Library with_adolc() { return library_of<WithAdolc, Library>("ADOL-C"); }

}  // namespace bench
