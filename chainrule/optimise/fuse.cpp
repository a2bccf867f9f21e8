// fuse: a product and the sum that alone reads it as one operation, rounded once. Relaxed, and only
// where the processor has the instruction.
//
//   x·y + w → fma(x, y, w)      w − x·y → fma(−x, y, w)
//   x·y − w → fma(x, y, −w)     −(x·y) − w → fma(−x, y, −w)     (t ± m) ± m → fma(m, ±2, t)
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
  Fusing(const Trace& trace, Precision precision)
      : Rewriter(trace, precision),
        graph_(trace.graph),
        decides_(nodes_that_decide(trace, uses())),
        negations_(trace.graph.size()) {
    count_negations();
  }

  /// The old sum or difference as one operation; or kNone.
  Vertex fused(Vertex sum) {
    const Fusion fusion = fusion_of(sum);
    switch (fusion.form) {
      case Form::none: return kNone;
      case Form::twice:
        return make(Op::fma, image(fusion.product), constant(2), image(fusion.other));
      case Form::minus_twice:
        return make(Op::fma, image(fusion.product), constant(-2), image(fusion.other));
      case Form::plus: return product_and(fusion, image(fusion.other));
      case Form::minus_other: return product_and(fusion, make(Op::neg, image(fusion.other)));
      case Form::minus_product: return minus_product_and(fusion, image(fusion.other));
      case Form::minus_both: return minus_product_and(fusion, make(Op::neg, image(fusion.other)));
    }
    __builtin_unreachable();
  }

 private:
  // x·y + w, x·y − w, w − x·y, −(x·y) − w; w + 2 m and w − 2 m, where m is the `product`.
  enum class Form { none, plus, minus_other, minus_product, minus_both, twice, minus_twice };
  struct Fusion {
    Form form = Form::none;
    Vertex product = kNone, other = kNone;
  };

  Fusion fusion_of(Vertex sum) const {
    const GraphNode& node = graph_[sum];
    const bool is_sum = is_operation(graph_, sum, Op::add);
    if ((!is_sum && !is_operation(graph_, sum, Op::sub)) || decides_[sum.index]) return {};
    if (const Repeated twice = repeated(graph_, uses(), node); twice.term != kNone) {
      return {is_sum ? Form::twice : Form::minus_twice, twice.term, twice.first};
    }
    const Vertex a{node.operand[0]}, b{node.operand[1]};
    const bool first = is_for_one(a, Op::mul), second = is_for_one(b, Op::mul);
    // Of two products the later one: by then the other has been computed.
    if (second && (!first || a < b)) return {is_sum ? Form::plus : Form::minus_product, b, a};
    if (first) return {is_sum ? Form::plus : Form::minus_other, a, b};
    if (!is_sum && is_for_one(a, Op::neg) && is_for_one(operand_of(a, 0), Op::mul)) {
      return {Form::minus_both, operand_of(a, 0), b};
    }
    return {};
  }

  bool is_for_one(Vertex old, Op op) const {
    return is_operation(graph_, old, op) && uses(old) == 1;
  }
  Vertex operand_of(Vertex old, int k) const { return {graph_[old].operand[k]}; }

  Vertex product_and(const Fusion& fusion, Vertex w) {
    return make(Op::fma, image(operand_of(fusion.product, 0)), image(operand_of(fusion.product, 1)),
                w);
  }

  // −x·y + w. A number takes the sign up; else that factor which is negated most often, so that
  // many products share a negation.
  Vertex minus_product_and(const Fusion& fusion, Vertex w) {
    Vertex x = operand_of(fusion.product, 0), y = operand_of(fusion.product, 1);
    const bool is_second =
        passes::is_number(graph_, y) ||
        (!passes::is_number(graph_, x) && negations_[x.index] < negations_[y.index]);
    if (!is_second) std::swap(x, y);
    return make(Op::fma, image(x), make(Op::neg, image(y)), w);
  }

  void count_negations() {
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (uses({v}) == 0) continue;
      // One that is there costs nothing.
      if (is_operation(graph_, {v}, Op::neg)) negations_[graph_.nodes()[v].operand[0]] += kFree;
      const Fusion fusion = fusion_of({v});
      if (fusion.form != Form::minus_product && fusion.form != Form::minus_both) continue;
      ++negations_[operand_of(fusion.product, 0).index];
      ++negations_[operand_of(fusion.product, 1).index];
    }
  }

  static constexpr std::uint64_t kFree = std::uint64_t{1} << 32;

  const Graph& graph_;  // the old one
  const std::vector<bool> decides_;
  std::vector<std::uint64_t> negations_;  // of a factor: in how many products it may be negated
};

}  // namespace

Trace fuse(Trace trace, const OptimiseOptions& options) {
  if (options.arithmetic == Arithmetic::strict ||
      options.fma == OptimiseOptions::Fma::as_function) {
    return trace;
  }
  Fusing built(trace, options.precision);
  built.each_needed([&](Vertex v) {
    if (const Vertex z = built.fused(v); z != kNone) return built.place(v, z);
    built.remake(trace.graph, v);
  });
  return built.finish();
}

}  // namespace chainrule::passes
