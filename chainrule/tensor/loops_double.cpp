#include "chainrule/tensor/loops_of_internal.hpp"

namespace chainrule {
const Loops<double>& double_loops(Op op) { return loops_of<double>(op); }
}  // namespace chainrule
