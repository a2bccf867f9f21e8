// A part of a tensor is a tensor of its own: what is assigned to it would be lost. x.set() writes.
// expect: no viable overloaded|discards qualifiers|no match for|passing .* as .this. argument

#include <chainrule/tensor/index.hpp>

int main() {
  chainrule::Tensor x = chainrule::zeros({2, 3});
  x(0) = chainrule::ones({3});
  return 0;
}
