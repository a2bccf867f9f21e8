// Where a term is defined: conditions that are stated, and which of them say the same.
#include <algorithm>
#include <cmath>
#include <limits>

#include "chainrule/expr/terms_internal.hpp"

namespace chainrule::expr {
namespace {

// Beyond this a condition is not worth stating: the rewrite is not made.
constexpr std::size_t kMostConditions = 4;
constexpr std::size_t kMostVisited = 200;

bool is_domain(const Interval& domain, const Interval& which) {
  return std::string_view(domain.name) == which.name;
}

bool holds(const Interval& domain, double v) {
  using namespace domains;
  if (!std::isfinite(v)) return false;
  if (is_domain(domain, nonzero)) return v != 0;
  if (is_domain(domain, nonpole)) return v > 0 || v != std::floor(v);
  if (is_domain(domain, order)) return v >= 0 && v == std::floor(v);
  if (is_domain(domain, integer)) return v == std::floor(v);
  if (is_domain(domain, nonnegative)) return v >= 0;
  if (is_domain(domain, truth)) return true;
  return v > domain.lower && v < domain.upper;
}

}  // namespace

/// Whether t lies in the domain for every real value of the names for which it is defined.
bool Terms::inside(const Interval& domain, TermId t) const {
  using namespace domains;
  const Term& term = terms_[t.index];
  if (term.form == Form::number) return holds(domain, term.number.value());
  if (is_domain(domain, reals) || is_domain(domain, truth)) return true;
  if (is_domain(domain, nonnegative) || is_domain(domain, above_minus_one)) {
    return term.facts.nonnegative;
  }
  if (is_domain(domain, nonzero)) return term.facts.nonzero;
  if (is_domain(domain, positive) || is_domain(domain, parameter) || is_domain(domain, nonpole)) {
    return term.facts.positive();
  }
  return false;
}

void Terms::state(const Value& condition) {
  std::vector<TermId> open = {term(condition)};
  while (!open.empty()) {
    const TermId t = open.back();
    open.pop_back();
    if (terms_[t.index].form == Form::number && terms_[t.index].number.num != 0) continue;
    if (is(t, Op::both)) {
      for (const Part& p : parts(t)) open.push_back(p.term);
      continue;
    }
    // a b != 0: a != 0 and b != 0.
    if (is(t, Op::ne) && terms_[parts(t)[0].term.index].form == Form::product &&
        terms_[parts(t)[1].term.index].form == Form::number) {
      const std::vector<Part> factors(parts(parts(t)[0].term).begin(),
                                      parts(parts(t)[0].term).end());
      for (const Part& p : factors) {
        open.push_back(term(compare(Op::ne, value(p.term), number(0.0))));
      }
      continue;
    }
    if (std::ranges::find(stated, t) == stated.end()) stated.push_back(t);
  }
}

void Terms::state_inside(const Interval& domain, TermId t) {
  using namespace domains;
  if (inside(domain, t)) return;
  const Value x = value(t), zero = number(0.0);
  const auto floor_of = [&] { return operation(Op::floor, {&x, 1}); };
  if (is_domain(domain, nonzero)) return state(compare(Op::ne, x, zero));
  if (is_domain(domain, nonnegative)) return state(compare(Op::ge, x, zero));
  if (is_domain(domain, nonpole)) {
    return state(logic(Op::either, compare(Op::gt, x, zero), compare(Op::ne, floor_of(), x)));
  }
  if (is_domain(domain, order) || is_domain(domain, integer)) {
    if (is_domain(domain, order)) state(compare(Op::ge, x, zero));
    return state(compare(Op::eq, floor_of(), x));
  }
  if (std::isfinite(domain.lower)) state(compare(Op::gt, x, number(domain.lower)));
  if (std::isfinite(domain.upper)) state(compare(Op::lt, x, number(domain.upper)));
}

// States under which conditions t is defined (and finite, or at least not NaN), by the domains that
// the table gives. False, and nothing stated, where they are too many or hang on a choice.
bool Terms::state_defined(TermId t, Defined how) {
  if (terms_[t.index].facts.total) return true;
  const std::size_t before = stated.size();
  std::vector<TermId> open = {t}, seen;
  const auto give_up = [&] { return stated.resize(before), false; };
  for (std::size_t visited = 0; !open.empty(); ++visited) {
    const TermId at = open.back();
    open.pop_back();
    const Term term = terms_[at.index];
    if (term.facts.total || std::ranges::find(seen, at) != seen.end()) continue;
    seen.push_back(at);
    if (visited > kMostVisited || stated.size() > before + kMostConditions) return give_up();
    if (term.form == Form::number || is(at, Op::select)) return give_up();
    const std::vector<Part> inner(parts(at).begin(), parts(at).end());
    for (const Part& p : inner) {
      if (!std::isfinite(p.factor.value())) return give_up();
      open.push_back(p.term);
    }
    if (!std::isfinite(term.number.value())) return give_up();
    if (term.form == Form::product) {
      for (const Part& p : inner) {
        const bool below = !is_whole(p.factor);
        const Interval& domain = p.factor.num > 0 ? (below ? domains::nonnegative : domains::reals)
                                                  : (below ? domains::positive : domains::nonzero);
        state_inside(domain, p.term);
      }
    }
    if (term.form != Form::operation) continue;
    if (term.op == Op::tan) {
      const Value x = value(inner[0].term);
      state(compare(Op::ne, operation(Op::cos, {&x, 1}), number(0.0)));
    }
    for (std::size_t k = 0; k < inner.size(); ++k) {
      // The logarithm of something nonnegative may be infinite, but is not NaN.
      const bool is_log = term.op == Op::log || term.op == Op::log2 || term.op == Op::log10;
      if (how == Defined::not_nan && is_log && terms_[inner[k].term.index].facts.nonnegative) {
        continue;
      }
      state_inside(info(term.op).domain[k], inner[k].term);
    }
  }
  if (stated.size() > before + kMostConditions) return give_up();
  return true;
}

namespace {

// The numbers that x may be: an interval, or all but one.
struct Range {
  TermId x;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  bool has_lower = false, has_upper = false;  // the ends themselves
  bool all_but = false;                       // all but `lower`

  bool contains(double v) const {
    if (all_but) return v != lower;
    return (v > lower || (has_lower && v == lower)) && (v < upper || (has_upper && v == upper));
  }
};

std::optional<Range> range_of(const Terms& terms, TermId condition, bool side) {
  while (terms.is(condition, Op::negate)) {
    condition = terms.parts(condition)[0].term;
    side = !side;
  }
  if (terms[condition].form != Form::operation || terms[condition].count != 2) return std::nullopt;
  const TermId y = terms.parts(condition)[1].term;
  if (terms[y].form != Form::number) return std::nullopt;
  const double v = terms[y].number.value();
  Range range{terms.parts(condition)[0].term};
  Op op = terms[condition].op;
  if (!side) {
    switch (op) {
      case Op::eq: op = Op::ne; break;
      case Op::ne: op = Op::eq; break;
      case Op::lt: op = Op::ge; break;
      case Op::le: op = Op::gt; break;
      case Op::gt: op = Op::le; break;
      case Op::ge: op = Op::lt; break;
      default: return std::nullopt;
    }
  }
  switch (op) {
    case Op::eq: range.lower = range.upper = v, range.has_lower = range.has_upper = true; break;
    case Op::ne: range.lower = v, range.all_but = true; break;
    case Op::ge: range.has_lower = true; [[fallthrough]];
    case Op::gt: range.lower = v; break;
    case Op::le: range.has_upper = true; [[fallthrough]];
    case Op::lt: range.upper = v; break;
    default: return std::nullopt;
  }
  return range;
}

bool lies_in(const Range& a, const Range& b) {
  if (a.x != b.x) return false;
  if (b.all_but) return a.all_but ? a.lower == b.lower : !a.contains(b.lower);
  if (a.all_but) return false;
  const bool below = a.lower > b.lower || (a.lower == b.lower && (b.has_lower || !a.has_lower));
  const bool above = a.upper < b.upper || (a.upper == b.upper && (b.has_upper || !a.has_upper));
  return below && above;
}

}  // namespace

bool Terms::implies(TermId given, bool side, TermId condition) const {
  std::vector<std::pair<TermId, bool>> open = {{given, side}};
  const std::optional<Range> wanted = range_of(*this, condition, true);
  for (std::size_t visited = 0; !open.empty() && visited < kMostVisited; ++visited) {
    const auto [at, is_true] = open.back();
    open.pop_back();
    if (at == condition && is_true) return true;
    const std::optional<Range> range = range_of(*this, at, is_true);
    if (range && wanted && lies_in(*range, *wanted)) return true;
    // Both sides of a && b hold; neither of !(a || b).
    if ((is(at, Op::both) && is_true) || (is(at, Op::either) && !is_true)) {
      for (const Part& p : parts(at)) open.emplace_back(p.term, is_true);
    }
    // a || b: one of them, so it must follow from each.
    if (is(at, Op::negate)) open.emplace_back(parts(at)[0].term, !is_true);
    if (is(condition, Op::either) && is_true) {
      for (const Part& p : parts(condition)) {
        const std::optional<Range> one = range_of(*this, p.term, true);
        if (p.term == at || (range && one && lies_in(*range, *one))) return true;
      }
    }
  }
  return false;
}

}  // namespace chainrule::expr
