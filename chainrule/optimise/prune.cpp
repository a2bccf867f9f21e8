// prune: dead code. Marked from the outputs and guards down; inputs stay, needed or not.
#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"

namespace chainrule::passes {

Trace prune(Trace trace, const OptimiseOptions& options) {
  Rebuilt built(trace, options.precision);
  bool any = false;
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    const GraphNode& node = trace.graph.nodes()[v];
    // An output is needed with its block.
    const std::uint32_t item = node.kind == VertexKind::output ? node.operand[0] : v;
    any = any || (built.uses({item}) == 0 && !built.is_input({v}));
  }
  if (!any) return trace;
  built.each_needed([&](Vertex v) { built.copy(v); });
  return built.finish();
}

}  // namespace chainrule::passes
