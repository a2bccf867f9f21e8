// Rewriter: a Numbered Trace whose nodes are in normal form.
//
// make() computes what depends on numbers alone, else tries the rules of the row, else appends the
// node. The rules look at nodes that are in normal form already and make others through make(), so
// one pass from the first node to the last applies all there is to apply. Every rule is exact: for
// all operands, NaN, ±0 and ±inf among them, both sides have the same bits. (Of a NaN only that it
// is one: its sign is nobody's, and copysign(x, NaN) is not defined more closely than |x|.)
//
// Numbers stand second and signs outside: x·(−y) and x·(−3) are −(x·y) and −(x·3), where a sum
// takes the sign up. What is left of them in the end pass `signs` puts back.
#pragma once

#include "chainrule/optimise/numbered_internal.hpp"

namespace chainrule::passes {

class Rewriter : public Numbered {
 public:
  using Numbered::Numbered;

  Vertex make(Op op, Vertex x, Vertex y = kNone, Vertex w = kNone);
  /// The old node in normal form, and its image.
  void remake(const Graph& from, Vertex old);

 private:
  // The rules of a row: what op(x, y, w) is equal to, or kNone. They stand in rules_arithmetic.cpp
  // and rules_choices.cpp; a row without rules of its own has those of its laws.
  template <class Row>
  Vertex rule(Row, Vertex x, Vertex, Vertex) {
    return Row::arity == 1 ? rule_of_laws(Row::op, x) : kNone;
  }
  Vertex rule_of_laws(Op op, Vertex x);

  Vertex rule(Rule<Op::add>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::sub>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::mul>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::div>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::neg>, Vertex x, Vertex, Vertex);
  Vertex rule(Rule<Op::fma>, Vertex x, Vertex y, Vertex w);
  Vertex rule(Rule<Op::pow>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::ldexp>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::abs>, Vertex x, Vertex, Vertex);
  Vertex rule(Rule<Op::copysign>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::copy>, Vertex x, Vertex, Vertex);
  Vertex rule(Rule<Op::stop_gradient>, Vertex x, Vertex, Vertex);

  Vertex rule(Rule<Op::eq>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::ne>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::lt>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::le>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::gt>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::ge>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::both>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::either>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::negate>, Vertex x, Vertex, Vertex);
  Vertex rule(Rule<Op::select>, Vertex x, Vertex y, Vertex w);
  Vertex rule(Rule<Op::max>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::min>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::fmax>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::fmin>, Vertex x, Vertex y, Vertex);
  Vertex rule(Rule<Op::relu>, Vertex x, Vertex, Vertex);

 protected:
  // What rules ask.
  bool is_number(Vertex v) const { return passes::is_number(graph(), v); }
  double number_at(Vertex v) const { return number_of(graph(), v); }
  /// Whether v is that number, bit by bit.
  bool is(Vertex v, double number) const;
  bool is(Vertex v, Op op) const { return is_operation(graph(), v, op); }
  Vertex operand(Vertex v, int k) const { return {graph()[v].operand[k]}; }
  /// x where v is −x; else kNone.
  Vertex negated(Vertex v) const { return is(v, Op::neg) ? operand(v, 0) : kNone; }

 private:
  bool is_zero(Vertex v) const { return is_number(v) && number_at(v) == 0; }
  Vertex without_sign(Vertex v);
  Vertex truth_of(Vertex v);
  Vertex without_truth_of(Vertex v) const;
  bool is_opposite(Vertex p, Vertex q) const;
  bool holds_operand(Vertex v, Op op, Vertex x) const;
};

}  // namespace chainrule::passes
