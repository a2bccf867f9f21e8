#include "bench/peers/stan.hpp"
#include "bench/suite/peers/peers.hpp"

namespace bench::suite {

SuiteLibrary with_stan() { return library_of<WithStan, SuiteLibrary>("Stan"); }

}  // namespace bench::suite
