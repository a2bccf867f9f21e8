#include "chainrule/tensor/loops_of_internal.hpp"

namespace chainrule {
const Loops<float>& float_loops(Op op) { return loops_of<float>(op); }
}  // namespace chainrule
