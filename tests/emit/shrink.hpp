// A trace that fails, made as small as it can be while it still does: what a person reads, and what
// is kept.
#pragma once

#include <functional>

#include "chainrule/graph/trace.hpp"

namespace chainrule::test {

/// Drops outputs, guards and nodes, one at a time, until nothing more can go. A node goes by being
/// replaced by one of its operands, an input, or the number 1. `fails` is asked of sound traces
/// only, and what it throws is passed on. At most some thousands of questions.
Trace shrunk(Trace trace, const std::function<bool(const Trace&)>& fails);

}  // namespace chainrule::test
