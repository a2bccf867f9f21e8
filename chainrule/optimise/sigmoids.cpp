// sigmoids: σ(x) and σ(−x), which stand side by side in every slope of σ and tanh, by one exp.
// Relaxed: the formula of the table's row, which machine code would compute for each by itself,
// with the same bits:
//
//   e = exp(−|x|),   σ(x) = (x < 0 ? e : 1)/(1 + e),   σ(−x) = (x > 0 ? e : 1)/(1 + e)
//
// Both are accurate for every x, and both are NaN for a NaN. After `reciprocal`: the quotients stay
// quotients, as exact as the row's own.
#include <algorithm>

#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rewriter_internal.hpp"
#include "chainrule/optimise/steps_internal.hpp"

namespace chainrule::passes {
namespace {

// x of σ(x) and of σ(−x).
struct Argument {
  Vertex x;
  bool is_negated;
};
Argument argument_of(const Graph& graph, Vertex sigmoid) {
  const Vertex x{graph[sigmoid].operand[0]};
  if (is_operation(graph, x, Op::neg)) return {Vertex{graph[x].operand[0]}, true};
  return {x, false};
}

}  // namespace

Trace sigmoids(Trace trace, const OptimiseOptions& options) {
  if (options.arithmetic == Arithmetic::strict) return trace;
  if (options.compounds == OptimiseOptions::Compounds::by_row) return trace;
  const Graph& graph = trace.graph;
  const std::vector<std::uint32_t> uses = uses_of(trace);
  const std::vector<bool> decides = nodes_that_decide(trace, uses);
  // By node: 1 if σ of it is computed, 2 if σ of its negation is.
  std::vector<std::uint8_t> sides;
  bool any = false;
  const auto is_one = [&](Vertex v) {
    return is_operation(graph, v, Op::sigmoid) && uses[v.index] > 0 && !decides[v.index];
  };
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (!is_one({v})) continue;
    sides.resize(graph.size());
    const auto [x, is_negated] = argument_of(graph, {v});
    sides[x.index] = static_cast<std::uint8_t>(sides[x.index] | (is_negated ? 2 : 1));
    any = any || sides[x.index] == 3;
  }
  if (!any) return trace;

  Rewriter built(trace, options.precision);
  built.each_needed([&](Vertex v) {
    if (is_one(v)) {
      const auto [of, is_negated] = argument_of(graph, v);
      if (sides[of.index] == 3) {
        const Vertex x = built.image(of), zero = built.constant(0), one = built.constant(1);
        const Vertex e = built.make(Op::exp, built.make(Op::neg, built.make(Op::abs, x)));
        const Vertex is_small = built.make(is_negated ? Op::gt : Op::lt, x, zero);
        return built.place(v, built.make(Op::div, built.make(Op::select, is_small, e, one),
                                         built.make(Op::add, one, e)));
      }
    }
    built.remake(graph, v);
  });
  return built.finish();
}

}  // namespace chainrule::passes
