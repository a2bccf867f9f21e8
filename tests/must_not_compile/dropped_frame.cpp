// A frame that is dropped at once would rewind at once.
// expect: nodiscard

#include <chainrule/chainrule.hpp>

int main() {
  chainrule::Tape::active().frame();
  return 0;
}
