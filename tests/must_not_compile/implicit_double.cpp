// A Scalar does not turn into a double by itself: the derivative would be lost without a word.
// expect: cannot convert|no viable conversion

#include <chainrule/chainrule.hpp>

int main() {
  auto x = chainrule::variable(1.5, "x");
  double y = x * 2.0;
  return static_cast<int>(y);
}
