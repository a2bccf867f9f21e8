// Extraction: from what stands on the active tape to a Trace.
#pragma once

#include "chainrule/graph/trace.hpp"
#include "chainrule/tape/scalar.hpp"

namespace chainrule {

/// What the outputs and the guards of the active tape depend on, and nothing else, as a graph whose
/// placeholders are `inputs`. Plain numbers become constants, one for each distinct number. Labels
/// and source lines are kept.
Trace extract(std::span<const Scalar> inputs, std::span<const Scalar> outputs);

}  // namespace chainrule
