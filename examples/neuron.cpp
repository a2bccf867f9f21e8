// A neuron, three ways: one backward(), step by step, and as a plain gradient.
#include <chainrule/chainrule.hpp>
#include <cmath>
#include <iostream>

using namespace chainrule;

int main() {
  auto x1 = variable(2, "x1"), x2 = variable(0, "x2");
  auto w1 = variable(-3, "w1"), w2 = variable(1, "w2");
  auto b = variable(6.8813735870195432, "b");
  auto n = (x1 * w1 + x2 * w2 + b).label("n");
  auto o = tanh(n).label("o");

  o.backward();
  std::cout << o << '\n' << x1 << '\n' << w1 << '\n';

  Tape::active().zero_grad();
  o.set_grad(1);
  o.step_backward();  // into n
  n.step_backward();  // into b and the sum before it
  std::cout << "b after two steps: " << b.grad() << '\n';

  const auto g = gradient(o, {x1, w1, x2, w2, b});  // numbers only, grad() untouched
  return std::abs(g[0] + 1.5) < 1e-14 && std::abs(g[1] - 1) < 1e-14 ? 0 : 1;
}
