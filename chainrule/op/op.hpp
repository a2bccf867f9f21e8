// Rule<Op>, kOps, visit: the table as C++ sees it.
//
// Everything here is generated from ops.def. Rule<op>::value and Rule<op>::pullback are the row's
// formulas over any algebra; plain::NAME is the row over double; kOps is the row's description;
// visit turns a run-time Op into its Rule.
#pragma once

#include <cstdint>
#include <string_view>

#include "chainrule/op/formulas.hpp"

namespace chainrule {

namespace rules {

using namespace domains;

/// One row: its formulas over any algebra V. pullback gives g ∂z/∂operand for each operand.
template <Op op>
struct Rule;

// apply: the row as a function of V, recorded or differentiated as V does (for a compound row,
// value spells the formula out instead).
#define CR_ROW(name, arity_, glyph_, laws_, value_, pullback_, domain_, ulps_, text_)  \
  template <>                                                                          \
  struct Rule<Op::name> {                                                              \
    static constexpr Op op = Op::name;                                                 \
    static constexpr int arity = arity_;                                               \
    template <class V>                                                                 \
    static V value(CR_VALUES_##arity_) {                                               \
      return value_;                                                                   \
    }                                                                                  \
    template <class V>                                                                 \
    static V apply(CR_VALUES_##arity_) {                                               \
      using plain::name;                                                               \
      return name(CR_NAMES_##arity_);                                                  \
    }                                                                                  \
    template <class V>                                                                 \
    static Pushes<V, arity_> pullback([[maybe_unused]] const V& g, CR_VALUES_##arity_, \
                                      [[maybe_unused]] const V& z) {                   \
      return {{CR_LIST pullback_}};                                                    \
    }                                                                                  \
  };
#define CR_OP  CR_ROW
#define CR_FN  CR_ROW
#define CR_DEF CR_ROW
#include "chainrule/op/ops.def"
#undef CR_ROW

}  // namespace rules

using rules::Rule;

namespace plain {
#define CR_OP(name, arity, ...) \
  inline double name(CR_DOUBLES_##arity) { return Rule<Op::name>::value<double>(CR_NAMES_##arity); }
#define CR_FN(...)
#define CR_DEF(...)
#include "chainrule/op/ops.def"
}  // namespace plain

/// How a row is evaluated over double.
enum class Kind : std::uint8_t { inline_formula, primitive, compound };

/// What a row says of its operation.
struct OpInfo {
  Op op;
  std::string_view name;
  int arity;
  std::string_view glyph;  ///< the operator's sign, empty for a function
  Laws laws;
  Interval domain[3];
  Ulps ulps;
  std::string_view text;
  Kind kind;
};

namespace rules {
#define CR_INFO(kind_, name, arity, glyph, laws, domain, ulps, text) \
  OpInfo{Op::name, #name, arity, glyph, Laws::laws, {CR_LIST domain}, {CR_LIST ulps}, text, kind_},
#define CR_OP(name, arity, glyph, laws, value, pullback, domain, ulps, text) \
  CR_INFO(Kind::inline_formula, name, arity, glyph, laws, domain, ulps, text)
#define CR_FN(name, arity, glyph, laws, value, pullback, domain, ulps, text) \
  CR_INFO(Kind::primitive, name, arity, glyph, laws, domain, ulps, text)
#define CR_DEF(name, arity, glyph, laws, value, pullback, domain, ulps, text) \
  CR_INFO(Kind::compound, name, arity, glyph, laws, domain, ulps, text)
inline constexpr OpInfo kTable[] = {
#include "chainrule/op/ops.def"
};
#undef CR_OP
#undef CR_FN
#undef CR_DEF
#undef CR_INFO
}  // namespace rules

/// The table's descriptions, indexed by Op.
inline constexpr auto& kOps = rules::kTable;
inline constexpr int kOpCount = static_cast<int>(sizeof(rules::kTable) / sizeof(OpInfo));

constexpr const OpInfo& info(Op op) { return kOps[static_cast<std::size_t>(op)]; }

/// Whether an operation gives the number 1 or 0: the rows from eq to negate.
constexpr bool gives_truth(Op op) { return Op::eq <= op && op <= Op::negate; }

/// Calls f(Rule<op>{}).
template <class F>
decltype(auto) visit(Op op, F&& f) {
  switch (op) {
#define CR_OP(name, ...) \
  case Op::name:         \
    return f(Rule<Op::name>{});
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
  }
  __builtin_unreachable();
}

/// The value of the last operand where a call leaves it out; NaN where it must be given.
constexpr double usual_last_operand(Op op) {
  if (op == Op::leaky_relu) return 0.01;
  if (op == Op::elu) return 1.0;
  if (op == Op::selu) return rules::kSeluAlpha;
  return std::numeric_limits<double>::quiet_NaN();
}

/// The operation of that name (or, failing that, of that glyph and arity); null if there is none.
const OpInfo* find_op(std::string_view name);

}  // namespace chainrule
