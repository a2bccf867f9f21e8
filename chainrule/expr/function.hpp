// A program as a Function: its names are the arguments.
#pragma once

#include "chainrule/expr/program.hpp"
#include "chainrule/graph/function.hpp"

namespace chainrule::expr {

/// The values of `outputs` (the program's result, if none is named) as a Function of its names, one
/// scalar argument each, in the program's order.
Function to_function(const Program& program, std::span<const Slot> outputs = {});

}  // namespace chainrule::expr
