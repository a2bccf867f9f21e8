// Schedules: orders in which the operations and blocks of a graph may be computed, and how many
// values live at once in each.
//
// A value lives from its node to the last one that reads it. Inputs and numbers are read from
// memory, and outputs are written there at once, so that neither lives for its own sake. Every
// schedule takes linear time, and nothing recurses.
#pragma once

#include <vector>

#include "chainrule/graph/trace.hpp"

namespace chainrule::passes {

/// Operations and blocks, each after its operands; the outputs of a block come with it.
using Schedule = std::vector<Vertex>;

/// As the graph has them.
Schedule as_built(const Graph& graph);
/// On demand: what an output needs just before it, the operand that needs more values first.
Schedule on_demand(const Trace& trace);
/// From the end: of what is read no more the node that makes the fewest values live.
Schedule from_the_end(const Trace& trace);

/// The largest number of values that live at once.
std::size_t most_live(const Graph& graph, const Schedule& schedule);

}  // namespace chainrule::passes
