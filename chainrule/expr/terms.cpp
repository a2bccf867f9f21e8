// The store of terms: each once, with what is known of it, in an order fit for reading.
#include <algorithm>
#include <bit>

#include "chainrule/expr/terms_internal.hpp"

namespace chainrule::expr {
namespace {

// The order of factors: names, functions, sums.
int class_of(const Term& t) {
  if (t.form == Form::name) return 0;
  return t.form == Form::sum ? 2 : 1;
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t more) {
  return (hash ^ more) * 0x9E3779B97F4A7C15u + (hash >> 29);
}
std::uint64_t mixed(std::uint64_t hash, const Ratio& r) {
  return mixed(mixed(hash, std::bit_cast<std::uint64_t>(r.num + 0.0)),
               std::bit_cast<std::uint64_t>(r.den));
}

}  // namespace

const char* name_of(Rewrite rewrite) {
  switch (rewrite) {
    case Rewrite::folded: return "constants folded";
    case Rewrite::neutral: return "x*1, x + 0, x**1 and x**0";
    case Rewrite::vanished: return "terms that vanish";
    case Rewrite::collected: return "like terms collected";
    case Rewrite::gathered: return "sums and products opened";
    case Rewrite::powers: return "powers of one base gathered";
    case Rewrite::signs: return "signs taken out";
    case Rewrite::choices: return "choices decided";
    case Rewrite::joined: return "choices joined";
    case Rewrite::defined: return "conditions stated instead of tested";
    case Rewrite::rounding: return "corrections of rounding dropped";
    case Rewrite::branches: return "branches that are one power";
    case Rewrite::tanh_slope: return "slope of tanh as 1/cosh**2";
  }
  return "";
}

Terms::Terms() { intern({Form::number, {}, {true, true, true, true}, 0, 0, {1, 1}, 0}, {}); }

TermId Terms::intern(Term term, std::span<const Part> parts) {
  std::uint64_t hash = mixed(static_cast<std::uint64_t>(term.form), term.number);
  hash = mixed(hash, static_cast<std::uint64_t>(term.op) << 32 | (parts.empty() ? term.first : 0));
  for (const Part& p : parts) hash = mixed(mixed(hash, p.factor), p.term.index);
  const std::uint32_t found = known_.find(hash, [&](std::uint32_t place) {
    const Term& other = terms_[place];
    return other.form == term.form && other.op == term.op && other.number == term.number &&
           other.count == parts.size() && (!parts.empty() || other.first == term.first) &&
           std::ranges::equal(this->parts({place}), parts);
  });
  if (found != detail::Lookup::kNowhere) return {found};
  if (!parts.empty()) {
    term.first = static_cast<std::uint32_t>(parts_.size());
    term.count = static_cast<std::uint32_t>(parts.size());
    // `parts` may lie in parts_ itself.
    const std::vector<Part> kept(parts.begin(), parts.end());
    parts_.insert(parts_.end(), kept.begin(), kept.end());
  }
  const auto place = static_cast<std::uint32_t>(terms_.size());
  terms_.push_back(term);
  known_.insert(hash, place);
  return {place};
}

Value Terms::name(std::uint32_t which, const Facts& facts) {
  return {{1, 1}, intern({Form::name, {}, facts, which, 0, {0, 1}, 1}, {})};
}

TermId Terms::term(const Value& v) {
  if (is_number(v)) {
    const double c = v.c.value();
    const Facts facts{std::isfinite(c), c >= 0, c != 0, c == 0 || c == 1};
    return intern({Form::number, {}, facts, 0, 0, v.c, 0}, {});
  }
  if (v.c.is(1)) return v.unit;
  const Part part{v.c, v.unit};
  return make_sum({0, 1}, {&part, 1});
}

Value Terms::value(TermId t) const {
  const Term& term = terms_[t.index];
  if (term.form == Form::number) return {term.number, kOne};
  if (term.form == Form::sum && term.count == 1 && term.number.num == 0) {
    return {parts(t)[0].factor, parts(t)[0].term};
  }
  return {{1, 1}, t};
}

TermId Terms::make_sum(const Ratio& constant, std::span<const Part> parts) {
  double degree = -1e300;
  for (const Part& p : parts) degree = std::max(degree, terms_[p.term.index].degree);
  const Facts facts = facts_of_sum(constant, parts);
  return intern({Form::sum, {}, facts, 0, 0, constant, degree}, parts);
}

TermId Terms::make_product(std::span<const Part> parts) {
  double degree = 0;
  for (const Part& p : parts) degree += p.factor.value() * terms_[p.term.index].degree;
  return intern({Form::product, {}, facts_of_product(parts), 0, 0, {1, 1}, degree}, parts);
}

TermId Terms::make_operation(Op op, std::span<const TermId> operands) {
  Part parts[3];
  for (std::size_t k = 0; k < operands.size(); ++k) parts[k] = {{1, 1}, operands[k]};
  return intern({Form::operation, op, facts_of_operation(op, operands), 0, 0, {1, 1}, 0},
                std::span(parts).first(operands.size()));
}

// ---- what is known ----------------------------------------------------------------------------

Facts Terms::facts_of(const Value& v) const {
  const double c = v.c.value();
  if (is_number(v)) return {std::isfinite(c), c >= 0, c != 0, c == 0 || c == 1};
  Facts facts = terms_[v.unit.index].facts;
  facts.total = facts.total && std::isfinite(c);
  facts.nonnegative = facts.nonnegative && c > 0;
  facts.nonzero = facts.nonzero && c != 0;
  facts.boolean = facts.boolean && c == 1;
  return facts;
}

Facts Terms::facts_of_sum(const Ratio& constant, std::span<const Part> parts) const {
  const double c = constant.value();
  Facts facts{std::isfinite(c), c >= 0, c > 0, false};
  for (const Part& p : parts) {
    const Facts of = facts_of({p.factor, p.term});
    facts.total = facts.total && of.total;
    facts.nonnegative = facts.nonnegative && of.nonnegative;
    facts.nonzero = facts.nonzero || of.positive();
  }
  facts.nonzero = facts.nonzero && facts.nonnegative;
  if (parts.size() == 1 && c == 0)
    facts.nonzero = facts_of({parts[0].factor, parts[0].term}).nonzero;
  return facts;
}

Facts Terms::facts_of_product(std::span<const Part> parts) const {
  Facts facts{true, true, true, false};
  for (const Part& p : parts) {
    const Facts base = terms_[p.term.index].facts;
    const double n = p.factor.value();
    const bool at_zero = n > 0 || base.nonzero;
    const bool below = is_whole(p.factor) || base.nonnegative;
    facts.total = facts.total && base.total && at_zero && below;
    const bool even = is_whole(p.factor) && std::fmod(n, 2) == 0;
    facts.nonnegative = facts.nonnegative && (even || !is_whole(p.factor) || base.nonnegative);
    facts.nonzero = facts.nonzero && (n < 0 || base.nonzero);
  }
  return facts;
}

Facts Terms::facts_of_operation(Op op, std::span<const TermId> operands) const {
  const auto of = [&](std::size_t k) { return terms_[operands[k].index].facts; };
  Facts facts{op != Op::tan, false, false, false};
  for (std::size_t k = 0; k < operands.size(); ++k) {
    facts.total = facts.total && of(k).total && inside(info(op).domain[k], operands[k]);
  }
  if (gives_truth(op)) return {true, true, false, true};  // also of NaN
  switch (op) {
    case Op::select:
      facts = {of(1).total && of(2).total, of(1).nonnegative && of(2).nonnegative,
               of(1).nonzero && of(2).nonzero, of(1).boolean && of(2).boolean};
      break;
    case Op::exp:
    case Op::exp2:
    case Op::cosh:
    case Op::sigmoid:
    case Op::erfc:
    case Op::softplus: facts.nonnegative = facts.nonzero = true; break;
    case Op::abs:
      facts.nonnegative = true;
      facts.nonzero = of(0).nonzero;
      break;
    case Op::hypot:
    case Op::hypot3:
      facts.nonnegative = true;
      for (std::size_t k = 0; k < operands.size(); ++k)
        facts.nonzero = facts.nonzero || of(k).nonzero;
      break;
    case Op::relu: facts.nonnegative = true; break;
    case Op::pow: facts.nonnegative = facts.nonzero = of(0).positive(); break;
    case Op::stop_gradient: facts = of(0); break;
    default: break;
  }
  return facts;
}

// ---- the order of reading ---------------------------------------------------------------------

// Factors: names as the program has them, then functions in the order in which they were made, then
// sums.
bool Terms::factor_before(const Part& a, const Part& b) const {
  const Term &s = terms_[a.term.index], &t = terms_[b.term.index];
  if (class_of(s) != class_of(t)) return class_of(s) < class_of(t);
  if (s.form == Form::name && s.first != t.first) return s.first < t.first;
  if (a.term != b.term) return a.term < b.term;
  return a.factor.value() > b.factor.value();
}

// Terms of a sum: by descending degree; then as words are ordered, with x**2 before x*y before
// y**2.
bool Terms::before(const Part& a, const Part& b) const {
  const double da = terms_[a.term.index].degree, db = terms_[b.term.index].degree;
  if (da != db) return da > db;
  const auto factors = [&](const Part& p, Part& own) -> std::span<const Part> {
    if (terms_[p.term.index].form == Form::product) return parts(p.term);
    own = {{1, 1}, p.term};
    return {&own, 1};
  };
  Part own_a, own_b;
  const std::span<const Part> s = factors(a, own_a), t = factors(b, own_b);
  constexpr std::size_t kLooked = 8;
  for (std::size_t k = 0; k < std::min({s.size(), t.size(), kLooked}); ++k) {
    if (s[k] == t[k]) continue;
    if (s[k].term == t[k].term) return s[k].factor.value() > t[k].factor.value();
    return factor_before(s[k], t[k]);
  }
  return a.term < b.term;
}

}  // namespace chainrule::expr
