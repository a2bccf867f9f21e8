// A node's id is no plain number and no id of another kind.
// expect: no viable|conversion from

#include <chainrule/chainrule.hpp>

int main() {
  using SlotId = chainrule::Id<struct SlotTag>;
  auto x = chainrule::variable(1.5, "x");
  SlotId slot = x.node();
  return static_cast<int>(slot.index);
}
