// scale: numbers that meet in a product, one of them 2ⁿ, as derivatives of ½x² and 2x² have them.
// Relaxed, but without a rounding: only where a product on the way is subnormal does it lose bits,
// which are kept here.
//
//   (x·p)·q → x·(p q)              not where |p| > 1 and |q| < 1
//   ((x·p)·y)·q → (x·(p q))·y      where |q| ≥ 1 and |p q| ≤ 1
//   (t ± x·p) ± x·p → t ± x·(2p)   where |2p| ≤ 1
//
// So what overflows does so on both sides; |n| ≤ 10 bounds the bits that are lost.
#include <cmath>

#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rewriter_internal.hpp"
#include "chainrule/optimise/steps_internal.hpp"

namespace chainrule::passes {
namespace {

// Whether c is ±2ⁿ and |n| ≤ 10.
bool is_scale(double c) {
  int n = 0;
  return std::fabs(std::frexp(c, &n)) == 0.5 && std::abs(n - 1) <= 10;
}

class Scaling : public Rewriter {
 public:
  Scaling(const Trace& trace, Precision precision)
      : Rewriter(trace, precision), graph_(trace.graph) {}

  /// The old product or sum with its numbers put together; or kNone.
  Vertex scaled(Vertex old) {
    const GraphNode& node = graph_[old];
    if (!is_operation(graph_, old, Op::mul)) return scaled_sum(node);
    const Vertex x = image({node.operand[0]}), y = image({node.operand[1]});
    if (!is_number(y)) return kNone;
    const Vertex z = product(x, number_at(y));
    if (z != kNone || uses({node.operand[0]}) != 1) return z;
    return product_of_product(x, number_at(y));
  }

 private:
  // p q where v is x·p, and the two may be put together; else NaN.
  double together(Vertex v, double q) const {
    if (!is(v, Op::mul) || !is_number(operand(v, 1))) return NAN;
    const double p = number_at(operand(v, 1));
    if (!is_scale(p) && !is_scale(q)) return NAN;
    if (std::fabs(p) > 1 && std::fabs(q) < 1) return NAN;
    return is_normal(p * q) ? p * q : NAN;
  }

  // x·(p q) where v is x·p; or kNone. The product may meet a number again.
  Vertex product(Vertex v, double q) {
    Vertex z = kNone;
    for (double c = together(v, q); c == c; c = together(v, c)) {
      v = operand(v, 0);
      z = make(Op::mul, v, constant(c));
    }
    return z;
  }

  // (x·(p q))·y where v is (x·p)·y.
  Vertex product_of_product(Vertex v, double q) {
    if (!is(v, Op::mul) || !is_scale(q) || std::fabs(q) < 1) return kNone;
    for (int k = 0; k < 2; ++k) {
      const Vertex a = operand(v, k), b = operand(v, 1 - k);
      if (!(std::fabs(together(a, q)) <= 1)) continue;
      const Vertex x = product(a, q), z = is_number(b) ? product(x, number_at(b)) : kNone;
      return z != kNone ? z : make(Op::mul, x, b);
    }
    return kNone;
  }

  Vertex scaled_sum(const GraphNode& node) {
    const Repeated sum = repeated(graph_, uses(), node);
    if (sum.term == kNone || !(std::fabs(together(image(sum.term), 2)) <= 1)) return kNone;
    return make(node.op, image(sum.first), product(image(sum.term), 2));
  }

  bool is_normal(double c) const {
    return precision() == Precision::f32 ? std::isnormal(static_cast<float>(c)) : std::isnormal(c);
  }

  const Graph& graph_;  // the old one
};

}  // namespace

Trace scale(Trace trace, const OptimiseOptions& options) {
  const Graph& graph = trace.graph;
  bool any = false;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    any = any || (is_operation(graph, {v}, Op::mul) && is_number(graph, {graph[{v}].operand[1]}));
  }
  if (!any || options.arithmetic == Arithmetic::strict) return trace;

  Scaling built(trace, options.precision);
  const std::vector<bool> decides = nodes_that_decide(trace, built.uses());
  built.each_needed([&](Vertex v) {
    const Vertex z = decides[v.index] ? kNone : built.scaled(v);
    if (z != kNone) return built.place(v, z);
    built.remake(graph, v);
  });
  return built.finish();
}

}  // namespace chainrule::passes
