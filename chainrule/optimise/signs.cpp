// signs: negations that no sum has taken up, put where they cost nothing. Exact.
//
//   −(x·c) → x·(−c)     −(x/c) → x/(−c)     −(c/x) → (−c)/x     where nothing else reads the
//   product
#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"

namespace chainrule::passes {
namespace {

class Signs : public Rebuilt {
 public:
  Signs(const Trace& trace, Precision precision) : Rebuilt(trace, precision), graph_(trace.graph) {}

  bool is_to_change(const GraphNode& node) const {
    if (node.kind != VertexKind::operation || node.op != Op::neg) return false;
    const Vertex x{node.operand[0]};
    if (uses(x) != 1) return false;
    if (!is_operation(graph_, x, Op::mul) && !is_operation(graph_, x, Op::div)) return false;
    return is_number(graph_, operand(x, 0)) || is_number(graph_, operand(x, 1));
  }

  Vertex changed(const GraphNode& node) {
    const Vertex x{node.operand[0]}, a = operand(x, 0), b = operand(x, 1);
    const Op op = graph_[x].op;
    if (is_number(graph_, b)) return append(op, image(a), constant(-number_of(graph_, b)));
    return append(op, constant(-number_of(graph_, a)), image(b));
  }

 private:
  Vertex operand(Vertex v, int k) const { return {graph_[v].operand[k]}; }

  const Graph& graph_;  // the old one
};

}  // namespace

Trace signs(Trace trace, const OptimiseOptions& options) {
  Signs built(trace, options.precision);
  bool any = false;
  built.each_needed([&](Vertex v) { any = any || built.is_to_change(trace.graph[v]); });
  if (!any) return trace;
  built.each_needed([&](Vertex v) {
    const GraphNode& node = trace.graph[v];
    if (!built.is_to_change(node)) return built.copy(v);
    built.place(v, built.changed(node));
  });
  return built.finish();
}

}  // namespace chainrule::passes
