// prune: dead code. Marked from the outputs and guards down; inputs stay, needed or not.
#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"

namespace chainrule::passes {

Trace prune(Trace trace, const OptimiseOptions&) {
  const Graph& graph = trace.graph;
  Rebuilt built(trace);
  // An output is needed with its block.
  std::vector<std::uint32_t> uses = uses_of(trace);
  std::size_t kept = 0;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    const GraphNode& node = graph.nodes()[v];
    if (node.kind == VertexKind::output) uses[v] += uses[node.operand[0]];
    if (built.is_input({v})) ++uses[v];
    if (uses[v] > 0) ++kept;
  }
  if (kept == graph.size()) return trace;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (uses[v] > 0) built.copy({v});
  }
  return built.finish();
}

}  // namespace chainrule::passes
