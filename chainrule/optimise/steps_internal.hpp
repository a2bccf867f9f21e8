// Where a small error becomes a large one: what comparisons, steps and guards read.
#pragma once

#include <vector>

#include "chainrule/graph/trace.hpp"

namespace chainrule::passes {

/// By node: whether a guard, or a needed operation that has no derivative by it (a comparison,
/// floor, the condition of select), reads it as it is. Relaxed arithmetic lets these nodes be, so
/// that x·y − w = 0 and floor(49/49) are decided as in the eager engine. (Its own operands may be
/// relaxed: a decision that is within rounding of its edge may fall either way.)
std::vector<bool> nodes_that_decide(const Trace& trace);

}  // namespace chainrule::passes
