#include "bench/suite/compiled/ode.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

Case at(Index n, Index steps) {
  const auto problem = std::make_shared<const RungeKutta>(n, steps);
  const double operations = 17 * static_cast<double>(n * steps);
  Case c = case_of(problem, operations, Gives::derivatives);
  add_compiled<CompiledRungeKutta>(c, problem, Rows::one_after_another,
                                   [](CompiledRungeKutta& ode, Result& result, unsigned) {
                                     result.values[0] = ode.run(result.derivatives);
                                   });
  add_replay(c, problem, operations);
  add_differences(c, problem, operations);
  return c;
}

Size size(Index n, Index steps, SizeClass of) {
  return {"n=" + std::to_string(n) + " steps=" + std::to_string(steps),
          static_cast<double>(n * steps), of, [=] { return at(n, steps); }};
}

}  // namespace

Family ode() {
  // The gradient of the first two is not 0: see problems/ode.hpp. The others are as published.
  return {"ode",
          "Runge–Kutta, last element and gradient",
          "n × steps",
          "GradBench",
          {size(40, 20, SizeClass::small), size(100, 100, SizeClass::small),
           size(1000, 10, SizeClass::small), size(1000, 100, SizeClass::small),
           size(10'000, 10, SizeClass::large), size(10'000, 100, SizeClass::large)}};
}

}  // namespace bench::suite
