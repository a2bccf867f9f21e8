// What the table's pullbacks leave in a recorded derivative for the sake of the last digits, as a
// reader would not write it.
#pragma once

#include <optional>

#include "chainrule/graph/trace.hpp"

namespace chainrule::expr {

/// u, if the node is 4 σ(2u) σ(−2u), the slope of tanh(u).
std::optional<std::uint32_t> tanh_slope(const Graph& graph, std::uint32_t v);

/// The node y x^(y−1), if v chooses between it and y xʸ/x.
std::optional<std::uint32_t> power_branches(const Graph& graph, std::uint32_t v);

/// The trace with each such choice replaced by y x^(y−1): equal but for rounding, and so are its
/// derivatives, which would otherwise choose at every step.
Trace without_power_branches(const Trace& trace);

}  // namespace chainrule::expr
