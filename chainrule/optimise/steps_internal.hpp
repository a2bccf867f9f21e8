// Where a small error becomes a large one: what comparisons, steps and guards read.
#pragma once

#include <span>
#include <vector>

#include "chainrule/graph/trace.hpp"

namespace chainrule::passes {

/// By node: whether a guard, or an operation that is used and has no derivative by it (a
/// comparison, floor, the condition of select), reads it as it is. Relaxed arithmetic lets these
/// nodes be, so that x·y − w = 0 and floor(49/49) are decided as in the eager engine. (Its own
/// operands may be relaxed: a decision that is within rounding of its edge may fall either way.)
std::vector<bool> nodes_that_decide(const Trace& trace, std::span<const std::uint32_t> uses);

}  // namespace chainrule::passes
