// Why is it zero, where was the NaN born, and is the gradient right at all?
#include <chainrule/chainrule.hpp>
#include <chainrule/tape/inspect.hpp>
#include <chainrule/transform/check.hpp>
#include <cmath>
#include <iostream>

using namespace chainrule;

int main() {
  Tape::active().keep_source_lines();  // debug mode: nodes remember where they were written

  auto x = variable(-2, "x"), w = variable(3, "w");
  auto hidden = relu(x * w).label("hidden");
  std::cout << explain(hidden + w, x) << "\n\n";

  auto loss = log(x) + w;
  if (const auto fault = first_nan(loss)) std::cout << fault->text << "\n\n";

  // A value taken out of the graph is a derivative lost without a word; the checker sees it.
  const auto broken = [](std::span<const Scalar> v) {
    return v[0] * v[0] + std::exp(v[1].value());
  };
  const double at[] = {1.5, 0.5};
  const CheckReport report = check(broken, at);
  std::cout << "the gradient is " << to_string(report.verdict) << " in component " << report.worst
            << '\n';
  return report.verdict == Verdict::wrong && report.worst == 1 ? 0 : 1;
}
