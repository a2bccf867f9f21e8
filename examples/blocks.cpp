// Blocks: derivatives of one's own, code that is run again, equations, matrices.
#include <chainrule/block/checkpoint.hpp>
#include <chainrule/block/custom.hpp>
#include <chainrule/block/implicit.hpp>
#include <chainrule/block/linalg.hpp>
#include <chainrule/chainrule.hpp>
#include <cmath>
#include <cstdio>

using namespace chainrule;

int main() {
  const Scalar x = variable(0.5, "x");

  auto my_exp = custom(
      "my_exp", [](double v) { return std::exp(v); },
      [](auto v, auto z, auto zbar) { return static_cast<void>(v), zbar * z; });
  std::printf("%g\n", gradient(my_exp(x), {x})[0]);

  // A million steps, 32 states kept: what is captured is differentiated by as well.
  const Scalar rate = variable(1e-6, "rate");
  const Scalar end = repeat([rate](const Scalar& v) { return v + rate * v; }, x, 1'000'000, 32);
  const auto by_both = gradient(end, {x, rate});
  std::printf("%.6f %.0f\n", by_both[0], by_both[1]);

  // √a as the solution of an equation: no iteration stands on the tape.
  const Scalar a = variable(2.0, "a");
  const Scalar root = implicit_solve([a](const Scalar& v) { return v * v - a; }, 1.0);
  std::printf("%.6f %.6f\n", root.value(), gradient(root, {a})[0]);

  const Dense<Scalar> matrix(2, 2, {a, 1.0, 1.0, 3.0});
  const std::vector<Scalar> solution = solve(matrix, std::vector<Scalar>{x, 1.0});
  std::printf("%g %g\n", gradient(solution[0], {a})[0], gradient(logdet(matrix), {a})[0]);
}
