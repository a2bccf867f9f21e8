// order: an order in which fewer values live at once, for registers are few. Several schedules are
// measured; the order that the trace has is one of them, and so it never becomes worse.
#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"
#include "chainrule/optimise/schedule_internal.hpp"

namespace chainrule::passes {

Trace order(Trace trace, const OptimiseOptions& options) {
  Schedule best = as_built(trace.graph);
  std::size_t most = most_live(trace.graph, best);
  bool is_new = false;
  for (const auto schedule : {&on_demand, &from_the_end}) {
    Schedule other = schedule(trace);
    const std::size_t live = most_live(trace.graph, other);
    if (live >= most) continue;
    best = std::move(other), most = live, is_new = true;
  }
  if (!is_new) return trace;

  Rebuilt built(trace, options.precision);
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    const VertexKind kind = trace.graph.nodes()[v].kind;
    if (kind == VertexKind::placeholder || kind == VertexKind::variable ||
        kind == VertexKind::constant) {
      built.copy({v});
    }
  }
  for (const Vertex v : best) built.copy(v);
  return built.finish();
}

}  // namespace chainrule::passes
