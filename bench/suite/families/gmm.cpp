#include "bench/suite/compiled/gmm.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

Case at(Index d, Index k, Index n) {
  const auto problem = std::make_shared<const Mixture>(d, k, n);
  const double operations = static_cast<double>(n * k * (d * (d - 1) + 5 * d + 6));
  Case c = case_of(problem, operations, Gives::derivatives);
  add_compiled<CompiledMixture>(c, problem, Rows::many,
                                [](CompiledMixture& mixture, Result& result, unsigned threads) {
                                  result.values[0] = mixture.run(result.derivatives, threads);
                                });
  add_replay(c, problem, operations);
  add_differences(c, problem, operations);
  return c;
}

Size size(Index d, Index k, Index n, SizeClass of) {
  return {"d=" + std::to_string(d) + " k=" + std::to_string(k) + " n=" + std::to_string(n),
          static_cast<double>(n * k * d * d), of, [=] { return at(d, k, n); }};
}

}  // namespace

Family gmm() {
  return {"gmm",
          "Gaussian mixture, log-posterior and gradient",
          "n k d²",
          "ADBench",
          {size(2, 5, 1000, SizeClass::small), size(10, 5, 1000, SizeClass::small),
           size(10, 25, 1000, SizeClass::small), size(20, 50, 1000, SizeClass::large),
           size(32, 25, 1000, SizeClass::large), size(10, 25, 10'000, SizeClass::large),
           size(64, 50, 1000, SizeClass::large)}};
}

}  // namespace bench::suite
