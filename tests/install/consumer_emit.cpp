// A program outside the tree that compiles a Function: the machine code, the assembler and the
// vector functions must all be there.

#include <chainrule/chainrule.hpp>
#include <chainrule/emit/kernel.hpp>
#include <cmath>
#include <cstdio>
#include <vector>

int main() {
  using chainrule::Scalar;
  const chainrule::Function f =
      chainrule::record([](const Scalar& a, const Scalar& x) { return sin(a * x) + x; }, 1.5, 0.5);
  const chainrule::Kernel kernel = chainrule::compile(chainrule::value_and_grad(f));
  const double a[] = {1.5};
  std::vector<double> x;
  for (int r = 0; r < 100; ++r) x.push_back(0.01 * r);
  std::vector<double> out(2 * x.size());
  kernel.map(a, x, out);
  int failures = 0;
  for (std::size_t r = 0; r < x.size(); ++r) {
    // ∂/∂a = x cos(a x).
    failures += std::abs(out[2 * r] - (std::sin(1.5 * x[r]) + x[r])) > 1e-14;
    failures += std::abs(out[2 * r + 1] - x[r] * std::cos(1.5 * x[r])) > 1e-14;
  }
  if (failures > 0)
    std::printf("%d numbers are wrong (%s)\n", failures,
                std::string(name_of(kernel.backend())).c_str());
  return failures;
}
