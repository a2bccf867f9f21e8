#include "bench/peers/sacado.hpp"
#include "bench/suite/peers/peers.hpp"

namespace bench::suite {

SuiteLibrary with_sacado() { return library_of<WithSacado, SuiteLibrary>("Sacado"); }

}  // namespace bench::suite
