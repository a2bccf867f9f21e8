// A pointer is no number either.
// expect: Number|no match|invalid operands

#include <chainrule/chainrule.hpp>

int main() {
  auto x = chainrule::variable(1.5, "x");
  auto y = x + "2";
  return 0;
}
