// Sums, products and powers in normal form. Each rule holds in real arithmetic; what it asks for
// beyond that is stated.
#include <algorithm>

#include "chainrule/expr/terms_internal.hpp"

namespace chainrule::expr {
namespace {

// A sum or a product of more parts than this stays one term within another.
constexpr std::uint32_t kOpenedSum = 4;
constexpr std::uint32_t kOpened = 8;
// How often joined choices may give sums in which choices are joined.
constexpr int kJoinedDeep = 8;

}  // namespace

// ---- sums -------------------------------------------------------------------------------------

// a + (b + c) → a + b + c, and c(a + b) → c a + c b within a sum, and −(a + b) → −a − b.
Value Terms::sum(std::span<const Addend> addends) {
  if (addends.size() == 1) {
    const Value only{addends[0].factor * addends[0].value.c, addends[0].value.unit};
    if (!only.c.is(-1) || terms_[only.unit.index].form != Form::sum) return only;
  }
  Ratio constant{0, 1};
  std::vector<Part> parts;
  for (const Addend& a : addends) {
    const Ratio c = a.factor * a.value.c;
    const Term& unit = terms_[a.value.unit.index];
    if (is_number(a.value)) {
      constant = constant + c;
    } else if (unit.form == Form::sum && unit.count <= kOpenedSum) {
      count(Rewrite::gathered);
      constant = constant + c * unit.number;
      for (const Part& p : this->parts(a.value.unit)) parts.push_back({c * p.factor, p.term});
    } else {
      parts.push_back({c, a.value.unit});
    }
  }
  collect(parts);
  if (parts.size() > 1) {
    const std::size_t before_joining = parts.size();
    join_choices(parts);
    if (parts.size() < before_joining) {
      std::vector<Addend> again = {{{1, 1}, number(constant)}};
      for (const Part& p : parts) again.push_back({p.factor, value(p.term)});
      return sum(again);  // with fewer addends
    }
  }
  // x + 0 → x. (−0 + 0 is +0: the sign of a zero is no part of a real number.)
  if (parts.empty()) return number(constant);
  if (parts.size() == 1 && constant.num == 0) {
    if (addends.size() > 1) count(Rewrite::neutral);
    return {parts[0].factor, parts[0].term};
  }
  std::ranges::sort(parts, [this](const Part& a, const Part& b) { return before(a, b); });
  return {{1, 1}, make_sum(constant, parts)};
}

// a x + b x → (a + b) x. Where a + b is 0, x vanishes, and where a and b have different signs, ∞ −
// ∞ does: only if x is defined and finite everywhere, or under the condition that it is. If that
// cannot be said shortly, they stay apart, or 0 x stays.
void Terms::collect(std::vector<Part>& parts) {
  std::ranges::stable_sort(parts, {}, [](const Part& p) { return p.term; });
  std::vector<Part> kept;
  for (std::size_t i = 0; i < parts.size();) {
    const std::size_t first = i;
    Ratio total{0, 1};
    bool positive = false, negative = false;
    for (; i < parts.size() && parts[i].term == parts[first].term; ++i) {
      total = total + parts[i].factor;
      positive = positive || parts[i].factor.num > 0;
      negative = negative || parts[i].factor.num < 0;
    }
    const TermId t = parts[first].term;
    const bool cancels = total.num == 0 || (positive && negative);
    if (cancels && !state_defined(t, Defined::finite)) {
      kept.insert(kept.end(), parts.begin() + static_cast<std::ptrdiff_t>(first),
                  parts.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    for (std::size_t k = first + 1; k < i; ++k) count(Rewrite::collected);
    if (total.num == 0) {
      count(Rewrite::vanished);
    } else {
      kept.push_back({total, t});
    }
  }
  parts = std::move(kept);
}

// k (c ? a : 0) + m (c ? 0 : b) → c ? k a : m b, and likewise any number of such choices, by c or
// by its opposite.
void Terms::join_choices(std::vector<Part>& parts) {
  thread_local int depth = 0;
  const auto is_zero = [&](TermId t) {
    return terms_[t.index].form == Form::number && terms_[t.index].number.num == 0;
  };
  struct OneSided {
    TermId condition, branch;
    bool side;
    std::size_t place;
  };
  std::vector<OneSided> found;
  for (std::size_t i = 0; i < parts.size() && depth < kJoinedDeep; ++i) {
    if (!is(parts[i].term, Op::select)) continue;
    const TermId c = this->parts(parts[i].term)[0].term, a = this->parts(parts[i].term)[1].term,
                 b = this->parts(parts[i].term)[2].term;
    if (!is_zero(a) && !is_zero(b)) continue;
    OneSided one{c, is_zero(b) ? a : b, is_zero(b), i};
    if (const std::optional<Value> opposite = complement(c)) {
      if (opposite->c.is(1) && opposite->unit < c)
        one.condition = opposite->unit, one.side = !one.side;
    }
    found.push_back(one);
  }
  std::ranges::stable_sort(found, {}, &OneSided::condition);
  std::vector<bool> gone(parts.size());
  std::vector<Part> joined;
  ++depth;
  for (std::size_t i = 0; i < found.size();) {
    std::size_t k = i + 1;
    while (k < found.size() && found[k].condition == found[i].condition) ++k;
    if (k - i > 1) {
      std::vector<Addend> sides[2];
      for (std::size_t j = i; j < k; ++j) {
        sides[found[j].side ? 0 : 1].push_back(
            {parts[found[j].place].factor, value(found[j].branch)});
        gone[found[j].place] = true;
        count(Rewrite::joined);
      }
      const Value a = sum(sides[0]), b = sum(sides[1]);
      const Value choice = select(value(found[i].condition), a, b);
      joined.push_back({{1, 1}, term(choice)});
    }
    i = k;
  }
  --depth;
  if (joined.empty()) return;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!gone[i]) joined.push_back(parts[i]);
  }
  parts = std::move(joined);
}

// ---- products ---------------------------------------------------------------------------------

// a (b c) → a b c, 3 (2 x) → 6 x, a / b → a b⁻¹.
Value Terms::product(std::span<const Factor> factors) {
  Ratio c{1, 1};
  std::vector<Power> powers;
  for (const Factor& f : factors) {
    c = f.inverse ? c / f.value.c : c * f.value.c;
    if (is_number(f.value)) {
      if (f.value.c.is(1)) count(Rewrite::neutral);
    } else {
      open_factor(powers, f.value.unit, {f.inverse ? -1.0 : 1.0, 1});
    }
  }
  return gather(c, powers);
}

// (a b)ⁿ → aⁿ bⁿ and (aᵐ)ⁿ → aᵐⁿ for a whole n. Not for others: (x²)^½ is |x|.
void Terms::open_factor(std::vector<Power>& powers, TermId unit, const Ratio& exponent) {
  const Term& t = terms_[unit.index];
  if (t.form != Form::product || t.count > kOpened) {
    powers.push_back({unit, exponent, exponent.num < 0, !is_whole(exponent)});
    return;
  }
  for (const Part& p : parts(unit)) {
    const Ratio n = p.factor * exponent;
    powers.push_back({p.term, n, p.factor.num < 0 || n.num < 0, !is_whole(p.factor)});
  }
}

// xᵃ xᵇ → x^(a+b). Where a and b have different signs the left is NaN at 0, so the rule needs x ≠
// 0; roots need x ≥ 0 unless the right is a root. (x⁻¹ x⁻¹ → x⁻² needs nothing: both are infinite
// at 0.)
void Terms::state_merge(TermId base, const Ratio& sum, const Signs& signs) {
  const Facts facts = terms_[base.index].facts;
  const Value x = value(base), zero = number(0.0);
  const bool is_mixed = signs.negative && signs.positive;
  if (signs.fraction && is_whole(sum) && !facts.nonnegative) {
    state(compare(signs.negative ? Op::gt : Op::ge, x, zero));
  } else if (is_mixed && !facts.nonzero) {
    state(compare(signs.fraction ? Op::gt : Op::ne, x, zero));
  }
}

Value Terms::gather(Ratio c, std::vector<Power>& powers) {
  std::vector<Part> merged;
  for (bool settled = false; !settled;) {
    settled = true;
    merged.clear();
    std::ranges::stable_sort(powers, {}, &Power::base);
    for (std::size_t i = 0; i < powers.size();) {
      const std::size_t first = i;
      Ratio n{0, 1};
      Signs signs;
      for (; i < powers.size() && powers[i].base == powers[first].base; ++i) {
        n = n + powers[i].exponent;
        signs.negative = signs.negative || powers[i].was_negative;
        signs.positive = signs.positive || powers[i].exponent.num > 0;
        signs.fraction = signs.fraction || powers[i].was_fraction;
        if (i > first) count(Rewrite::powers);
      }
      const TermId base = powers[first].base;
      if (n.num == 0 && !state_defined(base, Defined::finite)) {
        for (std::size_t k = first; k < i; ++k) merged.push_back({powers[k].exponent, base});
        continue;
      }
      state_merge(base, n, signs);
      if (n.num != 0) merged.push_back({n, base});
    }
    // A base that has become a product, or c x, to a whole power is opened once more.
    std::vector<Power> next;
    for (const Part& p : merged) {
      const Value inner = value(p.term);
      if (p.factor.is(1) && inner.unit != p.term) {
        c = c * inner.c;
        open_factor(next, inner.unit, p.factor);
        settled = false;
      } else {
        const Term& t = terms_[p.term.index];
        if (is_whole(p.factor) && t.form == Form::product && t.count <= kOpened) settled = false;
        if (is_whole(p.factor)) {
          open_factor(next, p.term, p.factor);
        } else {
          next.push_back({p.term, p.factor, p.factor.num < 0, true});
        }
      }
    }
    if (!settled) powers = std::move(next);
  }
  // 0 x → 0, only if x is defined and finite everywhere, or under the condition that it is.
  if (c.num == 0) {
    std::erase_if(merged, [this](const Part& p) {
      const bool plain = p.factor.is(1);
      const TermId t = plain ? p.term : make_product({&p, 1});
      if (!state_defined(t, Defined::finite)) return false;
      count(Rewrite::vanished);
      return true;
    });
  }
  if (merged.empty()) return number(c);
  if (merged.size() == 1 && merged[0].factor.is(1)) return {c, merged[0].term};
  std::ranges::sort(merged, [this](const Part& a, const Part& b) { return factor_before(a, b); });
  return {c, make_product(merged)};
}

// x⁰ → 1 (also for x = NaN, as C's pow has it) and x¹ → x. (c x)ⁿ → cⁿ xⁿ where cⁿ is exact.
Value Terms::power(const Value& base, const Ratio& exponent) {
  if (exponent.num == 0) return count(Rewrite::neutral), number(1.0);
  if (exponent.is(1)) return count(Rewrite::neutral), base;
  if (is_number(base)) {
    const Value operands[] = {base, number(exponent)};
    return fold(Op::pow, operands);
  }
  Ratio c{1, 1};
  std::vector<Power> powers;
  if (!is_whole(exponent)) {
    powers.push_back({term(base), exponent, exponent.num < 0, true});
  } else if (exact_power(base.c, exponent.num, c)) {
    open_factor(powers, base.unit, exponent);
  } else {
    c = {1, 1};
    const Part part{exponent, term(base)};
    return {c, make_product({&part, 1})};
  }
  return gather(c, powers);
}

}  // namespace chainrule::expr
