// Rules of comparisons, truths and choices. A truth is +0 or 1; as a condition everything but ±0 is
// true, NaN as well.
#include "chainrule/optimise/rewriter_internal.hpp"

namespace chainrule::passes {

// x, as a truth.
Vertex Rewriter::truth_of(Vertex x) {
  return facts(x).has(Facts::truth) ? x : number(Op::ne, x, constant(0));
}

// As a condition (x ≠ 0) is x.
Vertex Rewriter::without_truth_of(Vertex v) const {
  return is(v, Op::ne) && is_zero(operand(v, 1)) ? operand(v, 0) : v;
}

// Whether one of two conditions is true exactly where the other is false.
bool Rewriter::is_opposite(Vertex p, Vertex q) const {
  if (is(p, Op::negate) && operand(p, 0) == q) return true;
  if (is(q, Op::negate) && operand(q, 0) == p) return true;
  return ((is(p, Op::eq) && is(q, Op::ne)) || (is(p, Op::ne) && is(q, Op::eq))) &&
         operand(p, 0) == operand(q, 0) && operand(p, 1) == operand(q, 1);
}

// Whether v is op(…) of two operands, one of which is x.
bool Rewriter::holds_operand(Vertex v, Op op, Vertex x) const {
  return is(v, op) && (operand(v, 0) == x || operand(v, 1) == x);
}

Vertex Rewriter::rule(Rule<Op::eq>, Vertex x, Vertex y, Vertex) {
  // (x = 0) → !x.  Not (x = x) → 1, unless x is no NaN.
  if (is_zero(y)) return make(Op::negate, x);
  const bool is_truth = facts(x).has(Facts::truth);
  if (is_truth && is(y, 1)) return x;
  if (is_truth && x == y) return constant(1);
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::ne>, Vertex x, Vertex y, Vertex) {
  // (c ≠ 0) → c, (c ≠ 1) → !c, (c ≠ c) → 0, where c is a truth.
  if (!facts(x).has(Facts::truth)) return kNone;
  if (is_zero(y)) return x;
  if (is(y, 1)) return make(Op::negate, x);
  return x == y ? constant(0) : kNone;
}

Vertex Rewriter::rule(Rule<Op::lt>, Vertex x, Vertex y, Vertex) {
  // (x < x) → 0, of a NaN as well.
  if (x == y) return constant(0);
  // (x < 0) → 0, where x is never negative.
  if (is_zero(y) && facts(x).has(Facts::not_negative)) return constant(0);
  // (0 < c) → c, (c < 1) → !c, where c is a truth.
  if (is_zero(x) && facts(y).has(Facts::truth)) return y;
  if (is(y, 1) && facts(x).has(Facts::truth)) return make(Op::negate, x);
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::le>, Vertex x, Vertex y, Vertex) {
  // (x <= x) → (x = x).  Not → 1: x may be NaN.
  if (x == y) return make(Op::eq, x, x);
  // (0 <= c) → 1, (c <= 0) → !c, where c is a truth.
  if (is_zero(x) && facts(y).has(Facts::truth)) return constant(1);
  if (is_zero(y) && facts(x).has(Facts::truth)) return make(Op::negate, x);
  return kNone;
}

// (x > y) → (y < x), (x >= y) → (y <= x).
Vertex Rewriter::rule(Rule<Op::gt>, Vertex x, Vertex y, Vertex) { return make(Op::lt, y, x); }
Vertex Rewriter::rule(Rule<Op::ge>, Vertex x, Vertex y, Vertex) { return make(Op::le, y, x); }

Vertex Rewriter::rule(Rule<Op::both>, Vertex x, Vertex y, Vertex) {
  // p & 0 → 0, p & c → p, p & p → p.
  if (is_zero(y)) return constant(0);
  if (is_number(y) || x == y) return truth_of(x);
  // (p ≠ 0) & q → p & q.
  const Vertex p = without_truth_of(x), q = without_truth_of(y);
  if (p != x || q != y) return make(Op::both, p, q);
  // p & !p → 0.
  if (is_opposite(x, y)) return constant(0);
  // p & (p & q) → p & q, p & (p | q) → p.
  if (holds_operand(x, Op::both, y)) return x;
  if (holds_operand(y, Op::both, x)) return y;
  if (holds_operand(x, Op::either, y)) return truth_of(y);
  if (holds_operand(y, Op::either, x)) return truth_of(x);
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::either>, Vertex x, Vertex y, Vertex) {
  // p | 0 → p, p | c → 1, p | p → p.
  if (is_zero(y) || x == y) return truth_of(x);
  if (is_number(y)) return constant(1);
  // (p ≠ 0) | q → p | q.
  const Vertex p = without_truth_of(x), q = without_truth_of(y);
  if (p != x || q != y) return make(Op::either, p, q);
  // p | !p → 1.
  if (is_opposite(x, y)) return constant(1);
  // p | (p | q) → p | q, p | (p & q) → p.
  if (holds_operand(x, Op::either, y)) return x;
  if (holds_operand(y, Op::either, x)) return y;
  if (holds_operand(x, Op::both, y)) return truth_of(y);
  if (holds_operand(y, Op::both, x)) return truth_of(x);
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::negate>, Vertex x, Vertex, Vertex) {
  // !!p → p, !(x = y) → (x ≠ y), !(x ≠ y) → (x = y).  Not !(x < y) → (y <= x): of a NaN both are 0.
  if (is(x, Op::negate)) return truth_of(operand(x, 0));
  if (is(x, Op::eq)) return make(Op::ne, operand(x, 0), operand(x, 1));
  if (is(x, Op::ne)) return make(Op::eq, operand(x, 0), operand(x, 1));
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::select>, Vertex c, Vertex y, Vertex w) {
  // A choice that is known, or none.
  if (is_number(c)) return is_zero(c) ? w : y;
  if (y == w) return y;
  // select(!c, y, w) → select(c, w, y), select(c ≠ 0, y, w) → select(c, y, w).
  if (is(c, Op::negate)) return make(Op::select, operand(c, 0), w, y);
  if (without_truth_of(c) != c) return make(Op::select, without_truth_of(c), y, w);
  // select(c, select(c, a, b), w) → select(c, a, w), and likewise where c is false.
  if (is(y, Op::select) && operand(y, 0) == c) return make(Op::select, c, operand(y, 1), w);
  if (is(w, Op::select) && operand(w, 0) == c) return make(Op::select, c, y, operand(w, 2));
  // select(c, 1, +0) → c, select(c, +0, 1) → !c.
  if (is(y, 1) && is(w, +0.0)) return truth_of(c);
  if (is(y, +0.0) && is(w, 1)) return make(Op::negate, c);
  // select(c, q, +0) → c & q, select(c, 1, q) → c | q, where q is a truth.
  if (is(w, +0.0) && facts(y).has(Facts::truth)) return make(Op::both, c, y);
  if (is(y, 1) && facts(w).has(Facts::truth)) return make(Op::either, c, w);
  // select(c, −a, −b) → −select(c, a, b).
  if (is(y, Op::neg) && is(w, Op::neg)) {
    return make(Op::neg, make(Op::select, c, operand(y, 0), operand(w, 0)));
  }
  return kNone;
}

// The larger, or the smaller, of x and x is x.
Vertex Rewriter::rule(Rule<Op::max>, Vertex x, Vertex y, Vertex) { return x == y ? x : kNone; }
Vertex Rewriter::rule(Rule<Op::min>, Vertex x, Vertex y, Vertex) { return x == y ? x : kNone; }
Vertex Rewriter::rule(Rule<Op::fmax>, Vertex x, Vertex y, Vertex) { return x == y ? x : kNone; }
Vertex Rewriter::rule(Rule<Op::fmin>, Vertex x, Vertex y, Vertex) { return x == y ? x : kNone; }

Vertex Rewriter::rule(Rule<Op::relu>, Vertex x, Vertex, Vertex) {
  // relu(x) → x, where x is never negative, or −0, which it keeps.
  return facts(x).has(Facts::not_negative) ? x : kNone;
}

}  // namespace chainrule::passes
