#include "chainrule/optimise/facts_internal.hpp"

#include <cmath>
#include <limits>

namespace chainrule::passes {
namespace {

Facts facts_of_number(double x, Precision precision) {
  const double smallest = precision == Precision::f32 ? std::numeric_limits<float>::min()
                                                      : std::numeric_limits<double>::min();
  unsigned bits = 0;
  if (x != 0 || !std::signbit(x)) bits |= Facts::not_minus_zero;
  if (x != x || !std::signbit(x)) bits |= Facts::not_negative;
  if (x == 1 || (x == 0 && !std::signbit(x))) bits |= Facts::truth;
  if (!(std::fabs(x) < smallest) || x == 0) bits |= Facts::not_subnormal;
  if (!(x < smallest)) bits |= Facts::normal_above;
  return Facts(bits);
}

// The rows of which something is known. Of the others nothing is.
class Reasoning {
 public:
  Reasoning(const GraphNode& node, std::span<const Facts> before) : node_(node), before_(before) {}

  template <class Row>
  Facts of(Row) const {
    return {};
  }

  // A sum is −0 only where both terms are. Terms that are not negative do not cancel.
  Facts of(Rule<Op::add>) const {
    const Facts a = operand(0), b = operand(1), one = a | b;
    unsigned bits = 0;
    if (one.has(Facts::not_minus_zero)) bits |= Facts::not_minus_zero;
    if ((a & b).has(Facts::not_negative)) {
      bits |= Facts::not_negative;
      if ((a & b).has(Facts::not_subnormal)) bits |= Facts::not_subnormal;
      if (one.has(Facts::normal_above)) bits |= Facts::normal_above;
    }
    return Facts(bits);
  }
  // (−0) − (+0) alone is −0.
  Facts of(Rule<Op::sub>) const { return operand(0).only(Facts::not_minus_zero); }
  Facts of(Rule<Op::mul>) const {
    if (node_.operand[0] == node_.operand[1]) return Facts(Facts::not_negative);
    return both().only(Facts::not_negative | Facts::truth);
  }
  Facts of(Rule<Op::div>) const { return both().only(Facts::not_negative); }
  Facts of(Rule<Op::fma>) const {
    const bool is_square = node_.operand[0] == node_.operand[1];
    const Facts product = is_square ? Facts(Facts::not_negative) : both();
    const Facts w = operand(2);
    unsigned bits = 0;
    if ((product & w).has(Facts::not_negative)) {
      bits |= Facts::not_negative;
      if (w.has(Facts::normal_above)) bits |= Facts::normal_above;
    }
    return Facts(bits);
  }
  Facts of(Rule<Op::neg>) const { return operand(0).only(Facts::not_subnormal); }
  Facts of(Rule<Op::abs>) const {
    return operand(0).only(Facts::not_subnormal | Facts::normal_above) | Facts(Facts::not_negative);
  }

  Facts of(Rule<Op::eq>) const { return Facts(Facts::truth); }
  Facts of(Rule<Op::ne>) const { return Facts(Facts::truth); }
  Facts of(Rule<Op::lt>) const { return Facts(Facts::truth); }
  Facts of(Rule<Op::le>) const { return Facts(Facts::truth); }
  Facts of(Rule<Op::gt>) const { return Facts(Facts::truth); }
  Facts of(Rule<Op::ge>) const { return Facts(Facts::truth); }
  Facts of(Rule<Op::both>) const { return Facts(Facts::truth); }
  Facts of(Rule<Op::either>) const { return Facts(Facts::truth); }
  Facts of(Rule<Op::negate>) const { return Facts(Facts::truth); }

  Facts of(Rule<Op::select>) const { return operand(1) & operand(2); }
  // One of the operands, or NaN; never the smaller one. max(+0, −0) is its second operand.
  Facts of(Rule<Op::max>) const {
    const Facts x = operand(0), y = operand(1);
    unsigned bits = 0;
    if (y.has(Facts::not_negative)) bits |= Facts::not_negative;
    if (x.has(Facts::not_negative) && y.has(Facts::not_minus_zero)) bits |= Facts::not_negative;
    if ((x | y).has(Facts::normal_above)) bits |= Facts::normal_above;
    return both() | Facts(bits);
  }
  Facts of(Rule<Op::min>) const { return both(); }
  // A NaN is passed over: a fact of one operand, "or NaN", says nothing.
  Facts of(Rule<Op::fmax>) const { return both(); }
  Facts of(Rule<Op::fmin>) const { return both(); }
  Facts of(Rule<Op::relu>) const {
    return operand(0).has(Facts::not_minus_zero) ? Facts(Facts::not_negative) : Facts();
  }

  // √2⁻¹⁰⁷⁴ = 2⁻⁵³⁷; √(−0) = −0.
  Facts of(Rule<Op::sqrt>) const {
    const Facts x = operand(0);
    unsigned bits = Facts::not_subnormal;
    if (x.has(Facts::not_minus_zero)) bits |= Facts::not_negative;
    if (x.has(Facts::normal_above)) bits |= Facts::normal_above;
    return Facts(bits);
  }
  Facts of(Rule<Op::hypot>) const {
    return (operand(0) | operand(1)).only(Facts::normal_above) | Facts(Facts::not_negative);
  }
  Facts of(Rule<Op::pow>) const { return operand(0).only(Facts::not_negative); }
  Facts of(Rule<Op::exp>) const { return Facts(Facts::not_negative); }
  Facts of(Rule<Op::exp2>) const { return Facts(Facts::not_negative); }
  Facts of(Rule<Op::cosh>) const { return Facts(Facts::normal_above); }
  Facts of(Rule<Op::erfc>) const { return Facts(Facts::not_negative); }
  Facts of(Rule<Op::sigmoid>) const { return Facts(Facts::not_negative); }
  Facts of(Rule<Op::softplus>) const { return Facts(Facts::not_negative); }

 private:
  Facts operand(int k) const { return before_[node_.operand[k]]; }
  Facts both() const { return operand(0) & operand(1); }

  const GraphNode& node_;
  std::span<const Facts> before_;
};

}  // namespace

Facts facts_of(const Graph& graph, Vertex v, std::span<const Facts> before, Precision precision) {
  const GraphNode& node = graph[v];
  switch (node.kind) {
    case VertexKind::constant: return facts_of_number(graph.numbers()[node.operand[0]], precision);
    case VertexKind::operation:
      return visit(node.op, [&](auto row) { return Reasoning(node, before).of(row); });
    case VertexKind::placeholder:
    case VertexKind::variable:
    case VertexKind::block:
    case VertexKind::output: return {};
  }
  __builtin_unreachable();
}

}  // namespace chainrule::passes
