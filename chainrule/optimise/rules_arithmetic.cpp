// Rules of sums, products, signs and powers. Each is a line: what is found → what is equal to it.
#include <cmath>

#include "chainrule/optimise/rewriter_internal.hpp"

namespace chainrule::passes {
namespace {

// Whether 1/y is a number without rounding: y is ±2ⁿ, and 1/y neither overflows nor is 0. Then x/y
// and x·(1/y) are one real number, rounded once.
bool has_exact_reciprocal(Precision precision, double y) {
  int exponent = 0;
  if (!std::isfinite(y) || std::fabs(std::frexp(y, &exponent)) != 0.5) return false;
  return std::isfinite(rounded(precision, 1 / y));
}

}  // namespace

// x where v is −x, and c where it is the number −c; else kNone.
Vertex Rewriter::without_sign(Vertex v) {
  if (!is_number(v)) return negated(v);
  const double c = number_at(v);
  return std::signbit(c) && c == c ? constant(-c) : kNone;
}

Vertex Rewriter::rule(Rule<Op::add>, Vertex x, Vertex y, Vertex) {
  // x + (−0) → x.
  if (is(y, -0.0)) return x;
  // x + (+0) → x, where x is never −0: (−0) + (+0) is +0.
  if (is(y, +0.0) && facts(x).has(Facts::not_minus_zero)) return x;
  // x + (−y) → x − y.
  if (negated(y) != kNone) return make(Op::sub, x, negated(y));
  if (negated(x) != kNone) return make(Op::sub, y, negated(x));
  // x + x → x·2.  Not (−x) + (−y) → −(x + y): where the sum is +0 it would be −0.
  if (x == y) return make(Op::mul, x, constant(2));
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::sub>, Vertex x, Vertex y, Vertex) {
  // x − c → x + (−c); so x − (+0) → x.  Not x − x → 0: inf − inf is NaN.
  if (is_number(y)) return make(Op::add, x, constant(-number_at(y)));
  // x − (−y) → x + y.
  if (negated(y) != kNone) return make(Op::add, x, negated(y));
  // (−y) − y → −(y·2).
  if (negated(x) == y) return make(Op::neg, make(Op::mul, y, constant(2)));
  // (−0) − y → −y.  Not (+0) − y: it is +0 where y is +0.
  if (is(x, -0.0)) return make(Op::neg, y);
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::mul>, Vertex x, Vertex y, Vertex) {
  // x·1 → x.  Not x·0 → 0: inf·0 is NaN, and (−1)·0 is −0.
  if (is(y, 1)) return x;
  // (−x)·(−y) → x·y, (−x)·y → −(x·y), x·(−c) → −(x·c): rounding does not look at signs.
  const Vertex a = without_sign(x), b = without_sign(y);
  if (a != kNone && b != kNone) return make(Op::mul, a, b);
  if (a != kNone) return make(Op::neg, make(Op::mul, a, y));
  if (b != kNone) return make(Op::neg, make(Op::mul, x, b));
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::div>, Vertex x, Vertex y, Vertex) {
  // x/c → x·(1/c), where c is ±2ⁿ; so x/1 → x.  Not x/x → 1: 0/0 is NaN.
  if (is_number(y) && has_exact_reciprocal(precision(), number_at(y))) {
    return make(Op::mul, x, constant(1 / number_at(y)));
  }
  // (−x)/(−y) → x/y, (−x)/y and x/(−y) → −(x/y), of numbers likewise.
  const Vertex a = without_sign(x), b = without_sign(y);
  if (a != kNone && b != kNone) return make(Op::div, a, b);
  if (a != kNone) return make(Op::neg, make(Op::div, a, y));
  if (b != kNone) return make(Op::neg, make(Op::div, x, b));
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::neg>, Vertex x, Vertex, Vertex) {
  // −(−x) → x.  Not −(x − y) → y − x: where x is y it would be +0, not −0.
  return negated(x);
}

Vertex Rewriter::rule(Rule<Op::fma>, Vertex x, Vertex y, Vertex w) {
  // The factors in order, numbers second.
  if (is_number(x) != is_number(y) ? is_number(x) : y < x) return make(Op::fma, y, x, w);
  // x·1 + w → x + w, x·(−1) + w → w − x.
  if (is(y, 1)) return make(Op::add, x, w);
  if (is(y, -1)) return make(Op::sub, w, x);
  // x·y + (−0) → x·y.  Not x·y + (+0): it loses the sign of −0.
  if (is(w, -0.0)) return make(Op::mul, x, y);
  // (−x)·c + w → x·(−c) + w, (−x)·(−y) + w → x·y + w.
  const Vertex a = negated(x), b = negated(y);
  if (a != kNone && is_number(y)) return make(Op::fma, a, constant(-number_at(y)), w);
  if (a != kNone && b != kNone) return make(Op::fma, a, b, w);
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::pow>, Vertex x, Vertex y, Vertex) {
  // x¹ → x, x⁰ → 1 and 1ʸ → 1, of a NaN as well (C17, F.10.4.4).
  if (is(y, 1)) return x;
  if (is_zero(y) || is(x, 1)) return constant(1);
  return kNone;
}

Vertex Rewriter::rule(Rule<Op::ldexp>, Vertex x, Vertex y, Vertex) {
  // x·2ⁿ, where 2ⁿ is a number: one real number, rounded once, either way.
  if (!is_number(y)) return kNone;
  const double n = number_at(y);
  if (!(n >= -1074 && n <= 1023) || n != std::floor(n)) return kNone;
  const double scale = std::ldexp(1.0, static_cast<int>(n));
  if (rounded(precision(), scale) != scale) return kNone;
  return make(Op::mul, x, constant(scale));
}

Vertex Rewriter::rule(Rule<Op::abs>, Vertex x, Vertex, Vertex) {
  // |x| → x, where x is never negative, nor −0.
  return facts(x).has(Facts::not_negative) ? x : rule_of_laws(Op::abs, x);
}

Vertex Rewriter::rule(Rule<Op::copysign>, Vertex x, Vertex y, Vertex) {
  // copysign(−x, y) and copysign(|x|, y) → copysign(x, y).
  if (is(x, Op::neg) || is(x, Op::abs)) return make(Op::copysign, operand(x, 0), y);
  // copysign(x, c) → |x| or −|x|.
  if (!is_number(y) || std::isnan(number_at(y))) return kNone;
  const Vertex size = make(Op::abs, x);
  return std::signbit(number_at(y)) ? make(Op::neg, size) : size;
}

// Derivatives have been recorded: what is left of these is the value.
Vertex Rewriter::rule(Rule<Op::copy>, Vertex x, Vertex, Vertex) { return x; }
Vertex Rewriter::rule(Rule<Op::stop_gradient>, Vertex x, Vertex, Vertex) { return x; }

Vertex Rewriter::rule_of_laws(Op op, Vertex x) {
  // f(−x) → −f(x), where f is odd.
  const Laws laws = info(op).laws;
  if (obeys(laws, Laws::odd) && is(x, Op::neg)) return make(Op::neg, make(op, operand(x, 0)));
  // f(−x) and f(|x|) → f(x), where f is even.
  if (obeys(laws, Laws::even) && (is(x, Op::neg) || is(x, Op::abs))) {
    return make(op, operand(x, 0));
  }
  return kNone;
}

}  // namespace chainrule::passes
