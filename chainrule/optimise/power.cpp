// power: pow(x, c) by products and roots, where c is a small integer or half of one. Relaxed: pow
// itself is within 1 ulp (and x², x⁻¹ and √x are more exact than that).
//
//   xⁿ, n ≤ 8    by squaring: n − 1 roundings, so at most 7 ulps. A power on the way overflows or
//                is subnormal only where xⁿ is beyond the range itself.
//   x⁻ⁿ, n ≤ 4   (1/x)ⁿ: 2n − 1 roundings. Not 1/xⁿ: where xⁿ overflows, x⁻ⁿ need not be 0.
//   x^½, x^1½    √x and x·√x. pow(−0, ½) is +0, and so is √(−0 + 0); pow(−inf, ½) is +inf, which is
//                chosen where x may be negative.
//   x^−½         1/√x, likewise. Not √(1/x): 1/x overflows where x is subnormal.
//   x^−1½        r·√r, where r = 1/(x + 0): of −inf it is −0. It overflows where x^−1½ does.
//
// ±0, ±inf, NaN and subnormal numbers give what pow gives.
#include <cmath>
#include <limits>

#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rewriter_internal.hpp"
#include "chainrule/optimise/steps_internal.hpp"

namespace chainrule::passes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargest = 8, kLargestBelow = 4;

class Powers : public Rewriter {
 public:
  using Rewriter::Rewriter;

  /// xᶜ by products and roots, or kNone.
  Vertex power(Vertex x, double c) {
    const double size = std::fabs(c);
    if (size == std::floor(size) && size >= 1 && size <= (c > 0 ? kLargest : kLargestBelow)) {
      const auto n = static_cast<unsigned>(size);
      return c > 0 ? product(x, n) : product(reciprocal(x), n);
    }
    if (size != 0.5 && size != 1.5) return kNone;
    const Vertex base = plus_zero(x);
    if (c == -1.5) {
      const Vertex r = reciprocal(base);
      return make(Op::mul, r, make(Op::sqrt, r));
    }
    const Vertex root = make(Op::sqrt, base);
    if (c == -0.5) return at_minus_infinity(x, 0, reciprocal(root));
    return at_minus_infinity(x, kInfinity, c == 0.5 ? root : make(Op::mul, base, root));
  }

 private:
  // xⁿ = (x^⌊n/2⌋)²·x^(n mod 2). Knuth, TAOCP 2, 4.6.3.
  Vertex product(Vertex x, unsigned n) {
    Vertex z = x;
    for (unsigned bit = 1u << (31 - __builtin_clz(n)); bit >>= 1, bit != 0;) {
      z = make(Op::mul, z, z);
      if ((n & bit) != 0) z = make(Op::mul, z, x);
    }
    return z;
  }
  Vertex reciprocal(Vertex x) { return make(Op::div, constant(1), x); }
  Vertex plus_zero(Vertex x) { return make(Op::add, x, constant(0)); }
  // z where x is −inf, else `otherwise`.
  Vertex at_minus_infinity(Vertex x, double z, Vertex otherwise) {
    if (facts(x).has(Facts::not_negative)) return otherwise;
    return make(Op::select, make(Op::eq, x, constant(-kInfinity)), constant(z), otherwise);
  }
};

bool is_power(const Graph& graph, const GraphNode& node) {
  return node.kind == VertexKind::operation && node.op == Op::pow &&
         is_number(graph, {node.operand[1]});
}

}  // namespace

Trace power(Trace trace, const OptimiseOptions& options) {
  const Graph& graph = trace.graph;
  bool any = false;
  for (const GraphNode& node : graph.nodes()) any = any || is_power(graph, node);
  if (!any || options.arithmetic == Arithmetic::strict) return trace;

  Powers built(trace, options.precision);
  const std::vector<bool> decides = nodes_that_decide(trace, built.uses());
  built.each_needed([&](Vertex v) {
    const GraphNode& node = graph[v];
    Vertex z = kNone;
    if (is_power(graph, node)) {
      const double c = number_of(graph, {node.operand[1]});
      // What a step reads is as exact as pow: the others are, wherever xᶜ is a number.
      if (c > 0 || !decides[v.index]) z = built.power(built.image({node.operand[0]}), c);
    }
    if (z != kNone) return built.place(v, z);
    built.remake(graph, v);
  });
  return built.finish();
}

}  // namespace chainrule::passes
