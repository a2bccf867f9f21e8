// scale: factors of 2 that take back factors of ½, as the derivative of ½x² has them. Relaxed, but
// without a rounding: only where x·½ is subnormal does it lose a bit, which is kept here.
//
//   (x·p)·q → x·(p q)      ((x·p)·y)·q → (x·(p q))·y      (t ± x·p) ± x·p → t ± x·(2p)
//
// where p = 2⁻ⁿ, q = 2ᵐ and m ≤ n ≤ 10: what overflows does so on both sides.
#include <cmath>

#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rewriter_internal.hpp"
#include "chainrule/optimise/steps_internal.hpp"

namespace chainrule::passes {
namespace {

// n where v is the number 2ⁿ and 0 < |n| ≤ 10; else 0.
int exponent_of(const Graph& graph, Vertex v) {
  if (!is_number(graph, v)) return 0;
  int n = 0;
  if (std::frexp(number_of(graph, v), &n) != 0.5) return 0;
  return std::abs(n - 1) <= 10 ? n - 1 : 0;
}

class Scaling : public Rewriter {
 public:
  explicit Scaling(const Trace& trace)
      : Rewriter(trace), graph_(trace.graph), uses_(uses_of(trace)) {}

  /// The product or sum with its factors put together; or kNone.
  Vertex scaled(const GraphNode& node) {
    if (node.kind != VertexKind::operation) return kNone;
    if (node.op == Op::mul) return scaled_product(node);
    return scaled_sum(node);
  }

 private:
  // x where v is x·2ⁿ for an n in [−10, −least]; else kNone.
  Vertex reduced(Vertex v, int least) const {
    if (!is_operation(graph_, v, Op::mul)) return kNone;
    return exponent_of(graph_, operand(v, 1)) <= -least ? operand(v, 0) : kNone;
  }

  Vertex scaled_product(const GraphNode& node) {
    const int m = exponent_of(graph_, {node.operand[1]});
    if (m <= 0) return kNone;
    const Vertex inner{node.operand[0]};
    if (reduced(inner, m) != kNone) return times(inner, node);
    if (!is_operation(graph_, inner, Op::mul) || uses_[inner.index] != 1) return kNone;
    const Vertex a = operand(inner, 0), b = operand(inner, 1);
    if (reduced(a, m) != kNone) return make(Op::mul, times(a, node), image(b));
    if (reduced(b, m) != kNone) return make(Op::mul, image(a), times(b, node));
    return kNone;
  }

  // Of x·p, and of a product by q: x·(p q).
  Vertex times(Vertex product, const GraphNode& by) {
    const double p = number_of(graph_, operand(product, 1));
    const double q = number_of(graph_, {by.operand[1]});
    return make(Op::mul, image(operand(product, 0)), constant(p * q));
  }

  Vertex scaled_sum(const GraphNode& node) {
    const Repeated sum = repeated(graph_, uses_, node);
    if (sum.term == kNone || reduced(sum.term, 1) == kNone) return kNone;
    const double p = number_of(graph_, operand(sum.term, 1));
    const Vertex twice = make(Op::mul, image(operand(sum.term, 0)), constant(2 * p));
    return make(node.op, image(sum.first), twice);
  }

  Vertex operand(Vertex old, int k) const { return {graph_[old].operand[k]}; }

  const Graph& graph_;  // the old one
  const std::vector<std::uint32_t> uses_;
};

}  // namespace

Trace scale(Trace trace, const OptimiseOptions& options) {
  const Graph& graph = trace.graph;
  bool any = false;
  for (const GraphNode& node : graph.nodes()) {
    any = any || (node.kind == VertexKind::operation && node.op == Op::mul &&
                  exponent_of(graph, {node.operand[1]}) < 0);
  }
  if (!any || options.arithmetic == Arithmetic::strict) return trace;

  const std::vector<bool> decides = nodes_that_decide(trace);
  Scaling built(trace);
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    const Vertex z = decides[v] ? kNone : built.scaled(graph.nodes()[v]);
    if (z != kNone) {
      built.place({v}, z);
    } else {
      built.remake(graph, {v});
    }
  }
  return built.finish();
}

}  // namespace chainrule::passes
