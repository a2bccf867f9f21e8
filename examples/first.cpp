// The smallest useful program: record, differentiate, print.
#include <chainrule/chainrule.hpp>
#include <iostream>

using namespace chainrule;

int main() {
  auto a = variable(1.5, "a");
  auto b = variable(-4.0, "b");
  auto y = (pow(a, 3) / 5 + relu(pow(b, 2))).label("y");  // ordinary C++, recorded as it runs

  y.backward();  // ∂y/∂node, for every node, into its grad()

  std::cout << y << '\n' << a << '\n' << b << '\n';
  return a.grad() == 1.35 && b.grad() == -8 ? 0 : 1;
}
