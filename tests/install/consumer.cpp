// A program outside the tree: what a user writes first.

#include <chainrule/chainrule.hpp>

int main() {
  auto a = chainrule::variable(1.5, "a");
  auto y = a * a + 1.0;
  y.backward();
  return a.grad() == 3.0 ? 0 : 1;
}
