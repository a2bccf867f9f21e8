// reciprocal: divisions as products. Relaxed: x·(1/y) rounds twice, within 2 ulps of x/y; within 4
// where |y| > 2¹⁰²², for there 1/y is subnormal. (Of floats: 2¹²⁶, and s is 2³⁰.)
//
//   x/c → x·(1/c)         where neither c nor 1/c is near the ends of the range
//   x/y, z/y → x·r, z·r   where r = 1/y, for two divisions and more by a y that is never subnormal:
//                         then r is 0 or inf only where it is so exactly
//   x/y, … → (x·s)·r      where r = 1/(y·s), and s is 2¹⁰⁰ for a small y, else 1: for three
//                         divisions and more by any y
//
// 1/y overflows where 0 < |y| ≤ 2⁻¹⁰²⁴: 0·inf would be NaN for 0/y, and 1·inf for y/y. There s
// makes y a normal number, without rounding; x·s overflows only where x/y does.
#include <cmath>

#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rewriter_internal.hpp"
#include "chainrule/optimise/steps_internal.hpp"

namespace chainrule::passes {
namespace {

constexpr std::uint32_t kUsesOfScaled = 3;

class Reciprocals : public Rewriter {
 public:
  using Rewriter::Rewriter;

  /// x/y, for a y by which `count` are divided, without a division of its own; or kNone.
  Vertex quotient(Vertex x, Vertex y, std::uint32_t count) {
    if (is_number(y)) {
      const double c = number_at(y);
      if (!(std::fabs(c) >= 1 / range().largest && std::fabs(c) <= range().largest)) return kNone;
      return make(Op::mul, x, constant(1 / c));
    }
    if (count < 2) return kNone;
    if (facts(y).has(Facts::not_subnormal)) {
      return make(Op::mul, x, make(Op::div, constant(1), y));
    }
    if (count < kUsesOfScaled) return kNone;
    const Vertex is_small = make(Op::lt, make(Op::abs, y), constant(range().small));
    const Vertex s = make(Op::select, is_small, constant(range().scale), constant(1));
    const Vertex r = make(Op::div, constant(1), make(Op::mul, y, s));
    return make(Op::mul, make(Op::mul, x, s), r);
  }

 private:
  // Numbers between 1/largest and it have reciprocals of full precision; those below `small` have
  // one when they are scaled.
  struct Range {
    double largest, small, scale;
  };
  Range range() const {
    return precision() == Precision::f32 ? Range{0x1p125, 0x1p-100, 0x1p30}
                                         : Range{0x1p1021, 0x1p-1000, 0x1p100};
  }
};

// By node: how many quotients that may change are divided by it.
std::vector<std::uint32_t> divided_by(const Graph& graph, std::span<const std::uint32_t> uses,
                                      const std::vector<bool>& decides) {
  std::vector<std::uint32_t> divided(graph.size());
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (!is_operation(graph, {v}, Op::div) || uses[v] == 0 || decides[v]) continue;
    ++divided[graph.nodes()[v].operand[1]];
  }
  return divided;
}

}  // namespace

Trace reciprocal(Trace trace, const OptimiseOptions& options) {
  const Graph& graph = trace.graph;
  if (options.arithmetic == Arithmetic::strict) return trace;
  const std::vector<std::uint32_t> uses = uses_of(trace);
  const std::vector<bool> decides = nodes_that_decide(trace, uses);
  const std::vector<std::uint32_t> divided = divided_by(graph, uses, decides);
  bool any = false;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    any = any || divided[v] > 1 || (divided[v] == 1 && is_number(graph, {v}));
  }
  if (!any) return trace;

  Reciprocals built(trace, options.precision);
  built.each_needed([&](Vertex v) {
    Vertex z = kNone;
    if (is_operation(graph, v, Op::div) && !decides[v.index]) {
      const auto [x, y, none] = built.images(graph[v]);
      z = built.quotient(x, y, divided[graph[v].operand[1]]);
    }
    if (z != kNone) return built.place(v, z);
    built.remake(graph, v);
  });
  return built.finish();
}

}  // namespace chainrule::passes
