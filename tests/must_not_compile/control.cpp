// The same shapes as its neighbours, with operands that are numbers.
// expect: success

#include <chainrule/chainrule.hpp>

int main() {
  auto x = chainrule::variable(1.5, "x");
  auto y = x * 2.0;
  y.backward();
  return 0;
}
