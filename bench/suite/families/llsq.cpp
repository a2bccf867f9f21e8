#include "bench/suite/compiled/llsq.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

Case at(Index n, Index m) {
  const auto problem = std::make_shared<const LeastSquares>(n, m);
  const double operations = 2 * static_cast<double>(n * m);
  Case c = case_of(problem, operations, Gives::derivatives);
  add_compiled<CompiledLeastSquares>(
      c, problem, Rows::many, [](CompiledLeastSquares& fit, Result& result, unsigned threads) {
        result.values[0] = fit.run(result.derivatives, threads);
      });
  add_replay(c, problem, operations);
  add_differences(c, problem, operations);
  return c;
}

Size size(Index n, SizeClass of) {
  constexpr Index kCoefficients = 128;
  return {"n=" + std::to_string(n) + " m=" + std::to_string(kCoefficients),
          static_cast<double>(n * kCoefficients), of, [=] { return at(n, kCoefficients); }};
}

}  // namespace

Family llsq() {
  return {
      "llsq",
      "Least squares of a polynomial and gradient",
      "n m",
      "GradBench",
      {size(64, SizeClass::small), size(256, SizeClass::small), size(1024, SizeClass::small),
       size(4096, SizeClass::large), size(8196, SizeClass::large), size(16'392, SizeClass::large)}};
}

}  // namespace bench::suite
