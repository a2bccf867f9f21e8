// Terms: formulas in normal form, each of them once.
//
//   number                          c
//   name                            an input
//   sum        c + Σ cᵢ tᵢ          terms by descending degree; a lone c t is a sum of one term
//   product    Π tᵢ^nᵢ              exponents are numbers; its coefficient stands in the Value
//   operation  f(t, …)              any other row of the table, and powers with a variable exponent
//
// Whatever makes a term brings it into this form, by rewrites that hold in real arithmetic:
// rounding and overflow may differ, the domain may not. Where a rewrite would enlarge the domain
// (x/x → 1), the condition under which it holds (x != 0) is left in `stated`, or the rewrite is not
// made. Terms are equal if and only if their ids are. Nothing recurses; work and memory are linear
// in what is put in: a shared sum or product is opened into another only if it has few parts.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chainrule/base/ids.hpp"
#include "chainrule/expr/ratio_internal.hpp"
#include "chainrule/graph/lookup.hpp"
#include "chainrule/op/op.hpp"

namespace chainrule::expr {

using TermId = Id<struct TermTag>;

/// The rewrites, for --steps.
enum class Rewrite : std::uint8_t {
  folded,
  neutral,
  vanished,
  collected,
  gathered,
  powers,
  signs,
  choices,
  joined,
  defined,
  rounding,
  branches,
  tanh_slope
};
inline constexpr int kRewrites = 13;
const char* name_of(Rewrite rewrite);

enum class Form : std::uint8_t { number, name, sum, product, operation };

/// What is known of a term for every real value of the names. Signs hold where it is defined.
struct Facts {
  bool total = true;  ///< defined and finite everywhere
  bool nonnegative = false;
  bool nonzero = false;
  bool boolean = false;  ///< 1 or 0
  bool positive() const { return nonnegative && nonzero; }
};

struct Part {
  Ratio factor;  ///< coefficient in a sum, exponent in a product
  TermId term;
  friend bool operator==(const Part&, const Part&) = default;
};

struct Term {
  Form form;
  Op op;
  Facts facts;
  std::uint32_t first;  ///< of its parts or operands; of a name, which
  std::uint32_t count;
  Ratio number;   ///< a number, or the constant of a sum
  double degree;  ///< as a polynomial in the names; functions count 0
};

/// c·unit. A number is c·1.
struct Value {
  Ratio c;
  TermId unit;
  friend bool operator==(const Value&, const Value&) = default;
};

class Terms {
 public:
  Terms();

  // ---- making -------------------------------------------------------------------------------
  Value number(double literal) { return {ratio_of(literal), kOne}; }
  Value number(const Ratio& r) { return {r, kOne}; }
  /// An input; any real number, but for what the facts say.
  Value name(std::uint32_t which, const Facts& facts = {});
  /// constant + Σ factor·value
  struct Addend {
    Ratio factor;
    Value value;
  };
  Value sum(std::span<const Addend> addends);
  /// Π value^(±1)
  struct Factor {
    Value value;
    bool inverse;
  };
  Value product(std::span<const Factor> factors);
  Value power(const Value& base, const Ratio& exponent);
  Value operation(Op op, std::span<const Value> operands);

  /// A comparison as it stands, also where it is known to hold.
  TermId untested(Op op, const Value& x, const Value& y) {
    const TermId operands[] = {term(x), term(y)};
    return make_operation(op, operands);
  }

  // ---- reading ------------------------------------------------------------------------------
  static constexpr TermId kOne{0};
  bool is_number(const Value& v) const { return v.unit == kOne; }
  const Term& operator[](TermId t) const { return terms_[t.index]; }
  std::size_t size() const { return terms_.size(); }
  std::span<const Part> parts(TermId t) const {
    return {parts_.data() + terms_[t.index].first, terms_[t.index].count};
  }
  /// The value as one term, and back.
  TermId term(const Value& v);
  Value value(TermId t) const;
  bool is(TermId t, Op op) const {
    return terms_[t.index].form == Form::operation && terms_[t.index].op == op;
  }

  // ---- domains ------------------------------------------------------------------------------
  /// The conditions under which the rewrites made since it was cleared hold: terms, all not 0.
  std::vector<TermId> stated;
  /// Whether a condition follows from another one's truth (or, `side` false, its falsehood).
  bool implies(TermId given, bool side, TermId condition) const;

  std::array<std::uint32_t, kRewrites> counts{};

 private:
  void count(Rewrite rewrite) { ++counts[static_cast<std::size_t>(rewrite)]; }
  TermId intern(Term term, std::span<const Part> parts);
  TermId make_sum(const Ratio& constant, std::span<const Part> parts);
  TermId make_product(std::span<const Part> parts);
  TermId make_operation(Op op, std::span<const TermId> operands);
  Facts facts_of_sum(const Ratio& constant, std::span<const Part> parts) const;
  Facts facts_of_product(std::span<const Part> parts) const;
  Facts facts_of_operation(Op op, std::span<const TermId> operands) const;
  Facts facts_of(const Value& v) const;
  bool before(const Part& a, const Part& b) const;
  bool factor_before(const Part& a, const Part& b) const;

  // sum and product
  void collect(std::vector<Part>& parts);
  void join_choices(std::vector<Part>& parts);
  struct Power {
    TermId base;
    Ratio exponent;
    bool was_negative;  // a negative exponent stood on it on the way here
    bool was_fraction;  // or one that is not whole
  };
  void open_factor(std::vector<Power>& powers, TermId unit, const Ratio& exponent);
  Value gather(Ratio c, std::vector<Power>& powers);
  struct Signs {
    bool positive = false, negative = false, fraction = false;
  };
  void state_merge(TermId base, const Ratio& sum, const Signs& signs);

  // operations
  Value fold(Op op, std::span<const Value> operands);
  Value compare(Op op, Value x, Value y);
  Value logic(Op op, const Value& x, const Value& y);
  Value negate(const Value& x);
  std::optional<Value> complement(TermId condition);
  Value select(Value c, Value a, Value b);
  std::optional<Value> power_gate(const Value& c, const Value& a, const Value& b);
  bool has_power_of(const Value& v, TermId base, bool with_log) const;
  Value plain_operation(Op op, std::span<const Value> operands);

  // domains
  enum class Defined : std::uint8_t { finite, not_nan };
  bool state_defined(TermId t, Defined how);
  bool inside(const Interval& domain, TermId t) const;
  void state(const Value& condition);
  void state_inside(const Interval& domain, TermId t);

  std::vector<Term> terms_;
  std::vector<Part> parts_;
  detail::Lookup known_;
};

}  // namespace chainrule::expr
