// A value of a type that is no number is refused as an operand.
// expect: no match|invalid operands|deleted function|static assertion|constraints not satisfied

#include <string>

#include <chainrule/chainrule.hpp>

int main() {
  auto x = chainrule::variable(1.5, "x");
  auto y = x * std::string("2");
  return 0;
}
