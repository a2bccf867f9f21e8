#include "bench/suite/peers/peers.hpp"

namespace bench::suite {

std::vector<SuiteLibrary> peers() {
  return {
#ifdef BENCH_WITH_ADOLC
      with_adolc(),
#endif
#ifdef BENCH_WITH_SACADO
      with_sacado(),
#endif
#ifdef BENCH_WITH_STAN
      with_stan(),
#endif
  };
}

}  // namespace bench::suite
