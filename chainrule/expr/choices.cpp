// Operations in normal form: constants, laws of the table, comparisons, truths and choices.
#include <algorithm>
#include <cmath>

#include "chainrule/expr/terms_internal.hpp"
#include "chainrule/op/reading.hpp"

namespace chainrule::expr {
namespace {

// x op y as y op' x.
Op mirrored(Op op) {
  switch (op) {
    case Op::lt: return Op::gt;
    case Op::le: return Op::ge;
    case Op::gt: return Op::lt;
    case Op::ge: return Op::le;
    default: return op;
  }
}

bool is_comparison(Op op) {
  return op == Op::eq || op == Op::ne || op == Op::lt || op == Op::le || op == Op::gt ||
         op == Op::ge;
}

// Of numbers that came of folding in another order.
bool differ_by_rounding(const Ratio& a, const Ratio& b) {
  return std::abs(a.value() - b.value()) <= 0x1p-50 * std::abs(a.value());
}

}  // namespace

Value Terms::operation(Op op, std::span<const Value> x) {
  if (std::ranges::all_of(x, [this](const Value& v) { return is_number(v); })) return fold(op, x);
  switch (op) {
    case Op::add:
    case Op::sub: {
      const Addend addends[] = {{{1, 1}, x[0]}, {{op == Op::add ? 1.0 : -1.0, 1}, x[1]}};
      return sum(addends);
    }
    case Op::neg: {  // −(−x) → x, −(a + b) → −a − b
      if (x[0].c.num < 0) count(Rewrite::signs);
      const Addend addend[] = {{{-1, 1}, x[0]}};
      return sum(addend);
    }
    case Op::mul:
    case Op::div: {
      const Factor factors[] = {{x[0], false}, {x[1], op == Op::div}};
      return product(factors);
    }
    case Op::copy: return x[0];
    case Op::sqrt: return power(x[0], {1, 2});
    case Op::pow:
      if (is_number(x[1])) return power(x[0], x[1].c);
      return plain_operation(op, x);
    case Op::fma: {  // rounded once: a correction fma(x, x, −(x*x)) is 0
      count(Rewrite::rounding);
      const Factor factors[] = {{x[0], false}, {x[1], false}};
      const Addend addends[] = {{{1, 1}, product(factors)}, {{1, 1}, x[2]}};
      return sum(addends);
    }
    case Op::eq:
    case Op::ne:
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge: return compare(op, x[0], x[1]);
    case Op::both:
    case Op::either: return logic(op, x[0], x[1]);
    case Op::negate: return negate(x[0]);
    case Op::select: return select(x[0], x[1], x[2]);
    case Op::abs:
    case Op::relu:  // |x| → x where x ≥ 0 whatever the names are
      if (facts_of(x[0]).nonnegative) return count(Rewrite::choices), x[0];
      return plain_operation(op, x);
    case Op::sign:
      if (facts_of(x[0]).total && facts_of(x[0]).positive()) {
        return count(Rewrite::choices), number(1.0);
      }
      return plain_operation(op, x);
    default: return plain_operation(op, x);
  }
}

Value Terms::fold(Op op, std::span<const Value> x) {
  double numbers[3] = {};
  for (std::size_t k = 0; k < x.size(); ++k) numbers[k] = x[k].c.value();
  count(Rewrite::folded);
  // Fractions stay fractions.
  switch (op) {
    case Op::neg: return number(-x[0].c);
    case Op::add: return number(x[0].c + x[1].c);
    case Op::sub: return number(x[0].c + -x[1].c);
    case Op::mul: return number(x[0].c * x[1].c);
    case Op::div: return number(x[0].c / x[1].c);
    default: return number(read_value<double>(op, numbers));
  }
}

// f(−x) → −f(x) or f(x), f(y, x) → f(x, y), where the table's row says so (exactly, also in
// floating point).
Value Terms::plain_operation(Op op, std::span<const Value> x) {
  const Laws laws = info(op).laws;
  TermId operands[3];
  if (x.size() == 1 && x[0].c.num < 0 && (obeys(laws, Laws::odd) || obeys(laws, Laws::even))) {
    count(Rewrite::signs);
    operands[0] = term({-x[0].c, x[0].unit});
    return {{obeys(laws, Laws::odd) ? -1.0 : 1.0, 1}, make_operation(op, {operands, 1})};
  }
  for (std::size_t k = 0; k < x.size(); ++k) operands[k] = term(x[k]);
  if (x.size() == 2 && obeys(laws, Laws::commutes)) {
    const bool first_is_number = is_number(x[0]), second_is_number = is_number(x[1]);
    if (first_is_number || (!second_is_number && operands[1] < operands[0])) {
      std::swap(operands[0], operands[1]);
    }
  }
  return {{1, 1}, make_operation(op, {operands, x.size()})};
}

// ---- comparisons ------------------------------------------------------------------------------

Value Terms::compare(Op op, Value x, Value y) {
  if (is_number(x) && is_number(y)) {
    const Value operands[] = {x, y};
    return fold(op, operands);
  }
  // x = x → 1 unless x is NaN: under the condition that x is defined. x < x → 0 in any case.
  if (x == y) {
    if (op == Op::lt || op == Op::gt) return count(Rewrite::choices), number(0.0);
    if (state_defined(x.unit, Defined::not_nan)) {
      count(Rewrite::defined);
      return number(op == Op::ne ? 0.0 : 1.0);
    }
  }
  if (is_number(x)) {
    std::swap(x, y);
    op = mirrored(op);
  }
  const bool with_zero = is_number(y) && y.c.num == 0 && std::isfinite(x.c.value()) && x.c.num != 0;
  const Facts facts = facts_of(x);
  if (facts.boolean && with_zero && op == Op::ne) return x;
  if (facts.boolean && with_zero && op == Op::eq) return negate(x);
  if (with_zero) {
    // c x > 0 → x > 0 or x < 0.
    if (x.c.num < 0) op = mirrored(op);
    x.c = {1, 1};
    // xⁿ = 0 → x = 0 for n > 0.
    const Term& t = terms_[x.unit.index];
    if ((op == Op::eq || op == Op::ne) && t.form == Form::product && t.count == 1 &&
        parts(x.unit)[0].factor.num > 0) {
      return compare(op, value(parts(x.unit)[0].term), y);
    }
    // What the sign decides for every real x; a NaN is unequal to everything, and not greater.
    const Facts unit = facts_of(x);
    std::optional<double> known;
    if (op == Op::eq && unit.nonzero) known = 0;
    if (op == Op::ne && unit.nonzero) known = 1;
    if (op == Op::lt && unit.nonnegative) known = 0;
    if (op == Op::le && unit.positive()) known = 0;
    if (op == Op::ge && unit.nonnegative && unit.total) known = 1;
    if (op == Op::gt && unit.positive() && unit.total) known = 1;
    if (known) return count(Rewrite::choices), number(*known);
    // x ≥ 0: x > 0 ⇔ x ≠ 0.
    if (op == Op::gt && unit.nonnegative && unit.total) return compare(Op::ne, x, y);
    if (op == Op::le && unit.nonnegative) return compare(Op::eq, x, y);
  }
  const TermId operands[] = {term(x), term(y)};
  return {{1, 1}, make_operation(op, operands)};
}

Value Terms::logic(Op op, const Value& x, const Value& y) {
  // With 1: x && 1 → x, x || 1 → 1; with 0 the other way round. (x, not 1 or 0, becomes x != 0.)
  for (const auto& [a, b] : {std::pair{x, y}, std::pair{y, x}}) {
    if (!is_number(a)) continue;
    count(Rewrite::choices);
    if ((a.c.num != 0) == (op == Op::either)) return number(op == Op::either ? 1.0 : 0.0);
    return compare(Op::ne, b, number(0.0));
  }
  if (x == y) return compare(Op::ne, x, number(0.0));
  return plain_operation(op, std::array{x, y});
}

// The opposite of a comparison, where that is one: !(x < y) is x >= y unless one is NaN.
std::optional<Value> Terms::complement(TermId condition) {
  const Term& t = terms_[condition.index];
  if (t.form != Form::operation) return std::nullopt;
  if (t.op == Op::negate) return value(parts(condition)[0].term);
  if (!is_comparison(t.op)) return std::nullopt;
  const TermId x = parts(condition)[0].term, y = parts(condition)[1].term;
  const bool is_order = t.op != Op::eq && t.op != Op::ne;
  if (is_order && !(terms_[x.index].facts.total && terms_[y.index].facts.total))
    return std::nullopt;
  constexpr Op kOpposite[] = {Op::ne, Op::eq, Op::ge, Op::gt, Op::le, Op::lt};
  const auto which = static_cast<std::size_t>(t.op) - static_cast<std::size_t>(Op::eq);
  const TermId operands[] = {x, y};
  return Value{{1, 1}, make_operation(kOpposite[which], operands)};
}

Value Terms::negate(const Value& x) {
  if (is_number(x)) return number(x.c.num == 0 ? 1.0 : 0.0);
  if (x.c.is(1)) {
    if (const std::optional<Value> opposite = complement(x.unit)) {
      if (facts_of(*opposite).boolean) return *opposite;
    }
  }
  return plain_operation(Op::negate, {&x, 1});
}

// ---- choices ----------------------------------------------------------------------------------

Value Terms::select(Value c, Value a, Value b) {
  if (is_number(c)) return count(Rewrite::choices), c.c.num != 0 ? a : b;
  // !c ? a : b → c ? b : a, for a NaN too.
  while (c.c.is(1) && is(c.unit, Op::negate)) {
    c = value(parts(c.unit)[0].term);
    std::swap(a, b);
  }
  // c ? (c ? a : x) : b → c ? a : b.
  const auto inner = [&](Value& branch, std::size_t which) {
    if (!is(branch.unit, Op::select) || value(parts(branch.unit)[0].term) != c) return;
    const Value taken = value(parts(branch.unit)[which].term);
    branch = {branch.c * taken.c, taken.unit};
    count(Rewrite::choices);
  };
  inner(a, 1);
  inner(b, 2);
  if (a == b || (a.unit == b.unit && !is_number(a) && differ_by_rounding(a.c, b.c))) {
    return count(Rewrite::choices), b;
  }
  if (const std::optional<Value> open = power_gate(c, a, b)) return count(Rewrite::defined), *open;
  // A choice in the second place reads better in the third.
  if (is(a.unit, Op::select) && !is(b.unit, Op::select) && c.c.is(1)) {
    if (const std::optional<Value> opposite = complement(c.unit)) {
      c = *opposite;
      std::swap(a, b);
    }
  }
  const TermId operands[] = {term(c), term(a), term(b)};
  return {{1, 1}, make_operation(Op::select, operands)};
}

// Whether v is a product with x to some power, or such a power; and with log(x), if that is asked.
bool Terms::has_power_of(const Value& v, TermId base, bool with_log) const {
  bool power = false, log = !with_log;
  const auto look = [&](TermId t) {
    power = power || (is(t, Op::pow) && parts(t)[0].term == base);
    log = log || (is(t, Op::log) && parts(t)[0].term == base);
  };
  look(v.unit);
  if (terms_[v.unit.index].form == Form::product) {
    for (const Part& p : parts(v.unit)) look(p.term);
  }
  return power && log;
}

// The two gates of the pullback of x**y with a variable y, stated instead of printed:
//   (y != 0 || x != 0) ? … x**(y − 1) : 0  →  … x**(y − 1)           where y != 0 || x != 0
//   (x == 0 && y > 0) ? 0 : … x**y*log(x)  →  … x**y*log(x)          where x > 0
std::optional<Value> Terms::power_gate(const Value& c, const Value& a, const Value& b) {
  const auto is_zero = [this](const Value& v) { return is_number(v) && v.c.num == 0; };
  if (!c.c.is(1)) return std::nullopt;
  const Value zero = number(0.0);
  const auto is_gate = [&](TermId side) {
    return is(side, Op::ne) && has_power_of(a, parts(side)[0].term, false);
  };
  if (is_zero(b) &&
      (is_gate(c.unit) || (is(c.unit, Op::either) &&
                           (is_gate(parts(c.unit)[0].term) || is_gate(parts(c.unit)[1].term))))) {
    state(c);
    return a;
  }
  if (is(c.unit, Op::both) && is_zero(a)) {
    for (const Part& side : parts(c.unit)) {
      if (!is(side.term, Op::eq)) continue;
      const TermId x = parts(side.term)[0].term;
      if (has_power_of(b, x, true)) {
        state(compare(Op::gt, value(x), zero));
        return b;
      }
    }
  }
  return std::nullopt;
}

}  // namespace chainrule::expr
