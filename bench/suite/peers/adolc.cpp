#include "bench/peers/adolc.hpp"
#include "bench/suite/peers/peers.hpp"

namespace bench::suite {

SuiteLibrary with_adolc() { return library_of<WithAdolc, SuiteLibrary>("ADOL-C"); }

}  // namespace bench::suite
