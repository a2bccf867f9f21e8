// fuse: a product and the sum that alone reads it as one operation, rounded once. Relaxed, and only
// where the processor has the instruction.
//
//   x·y + w → fma(x, y, w)      w − x·y → fma(−x, y, w)
//   x·y − w → fma(x, y, −w)     −(x·y) − w → fma(−x, y, −w)
//
// The result is the more exact one: by half an ulp of the product, which is all of it where the sum
// cancels. Where the product overflows or underflows, infinities, NaN and the sign of a zero follow
// the exact sum: with x·y beyond the range, x·y − inf is −inf, not inf − inf.
//
// A negated operand costs an interpreter what the subtraction did, and machine code nothing.
#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rewriter_internal.hpp"
#include "chainrule/optimise/steps_internal.hpp"

namespace chainrule::passes {
namespace {

class Fusing : public Rewriter {
 public:
  explicit Fusing(const Trace& trace)
      : Rewriter(trace), graph_(trace.graph), uses_(uses_of(trace)) {}

  /// The sum or difference as one operation; or kNone.
  Vertex fused(const GraphNode& sum) {
    const Vertex a{sum.operand[0]}, b{sum.operand[1]};
    const bool is_difference = sum.op == Op::sub;
    const bool first = is_for_one(a, Op::mul), second = is_for_one(b, Op::mul);
    // Of two products the later one: by then the other has been computed.
    if (second && (!first || a < b)) {
      const auto [x, y] = factors(b);
      return is_difference ? minus(x, y, image(a)) : make(Op::fma, x, y, image(a));
    }
    if (first) {
      const auto [x, y] = factors(a);
      return make(Op::fma, x, y, is_difference ? make(Op::neg, image(b)) : image(b));
    }
    if (is_difference && is_for_one(a, Op::neg)) {
      const Vertex product{graph_[a].operand[0]};
      if (is_for_one(product, Op::mul)) {
        const auto [x, y] = factors(product);
        return minus(x, y, make(Op::neg, image(b)));
      }
    }
    return kNone;
  }

 private:
  struct Factors {
    Vertex x, y;
  };

  bool is_for_one(Vertex old, Op op) const {
    return is_operation(graph_, old, op) && uses_[old.index] == 1;
  }
  Factors factors(Vertex product) const {
    return {image({graph_[product].operand[0]}), image({graph_[product].operand[1]})};
  }
  // w − x·y: a number takes the sign up.
  Vertex minus(Vertex x, Vertex y, Vertex w) {
    if (is_number(y)) return make(Op::fma, x, make(Op::neg, y), w);
    return make(Op::fma, make(Op::neg, x), y, w);
  }

  const Graph& graph_;  // the old one
  const std::vector<std::uint32_t> uses_;
};

bool is_sum(const GraphNode& node) {
  return node.kind == VertexKind::operation && (node.op == Op::add || node.op == Op::sub);
}

}  // namespace

Trace fuse(Trace trace, const OptimiseOptions& options) {
  if (options.arithmetic == Arithmetic::strict ||
      options.fma == OptimiseOptions::Fma::as_function) {
    return trace;
  }
  const std::vector<bool> decides = nodes_that_decide(trace);
  Fusing built(trace);
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    const GraphNode& node = trace.graph.nodes()[v];
    const Vertex z = is_sum(node) && !decides[v] ? built.fused(node) : kNone;
    if (z != kNone) {
      built.place({v}, z);
    } else {
      built.remake(trace.graph, {v});
    }
  }
  return built.finish();
}

}  // namespace chainrule::passes
