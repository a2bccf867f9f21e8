#include "bench/suite/compiled/lse.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

Case at(Index n) {
  const auto problem = std::make_shared<const LogSumExp>(n);
  const double operations = 3 * static_cast<double>(n);
  Case c = case_of(problem, operations, Gives::derivatives);
  add_compiled<CompiledLogSumExp>(c, problem, Rows::many,
                                  [](CompiledLogSumExp& lse, Result& result, unsigned threads) {
                                    result.values[0] = lse.run(result.derivatives, threads);
                                  });
  add_replay(c, problem, operations);
  add_differences(c, problem, operations);
  return c;
}

Size size(Index n, SizeClass of) {
  return {"n=" + std::to_string(n), static_cast<double>(n), of, [=] { return at(n); }};
}

}  // namespace

Family lse() {
  return {"lse",
          "log Σ exp and gradient",
          "n",
          "GradBench",
          {size(2500, SizeClass::small), size(10'000, SizeClass::small),
           size(40'000, SizeClass::small), size(160'000, SizeClass::large),
           size(640'000, SizeClass::large), size(1'280'000, SizeClass::large)}};
}

}  // namespace bench::suite
