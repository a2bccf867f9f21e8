// Text: the formulas of the table, printed.
//
// Rule<op>::value<Text>("x", "y") is the row as a line of the tool's own language: `**` for powers,
// `c ? a : b` for choices, a comparison for the number 1 or 0, and parentheses only where the order
// of evaluation needs them. A factor that is exactly 1 is left out, so that a pullback read at g =
// 1 prints the partials.
#pragma once

#include <initializer_list>
#include <string>

#include "chainrule/op/op.hpp"

namespace chainrule {

class Text;

template <>
struct TruthOf<Text> {
  using type = Text;
};

/// How tightly an expression is bound, loosest first, as in the tool's language.
enum class Binding : unsigned char {
  choice,
  disjunction,
  conjunction,
  equality,
  order,
  sum,
  product,
  minus,
  power,
  atom
};

class Text {
 public:
  template <Number T>
  Text(T literal) : Text(of_number(static_cast<double>(literal))) {}
  Text(std::string expression, Binding binding = Binding::atom)
      : text_(std::move(expression)), binding_(binding) {}
  Text(const char* name) : text_(name) {}

  const std::string& str() const { return text_; }
  Binding binding() const { return binding_; }
  bool is(const char* literal) const { return text_ == literal; }

  // Every row of the table, by its name.
#define CR_TEXT_ARGS_1 const Text& x
#define CR_TEXT_ARGS_2 const Text &x, const Text &y
#define CR_TEXT_ARGS_3 const Text &x, const Text &y, const Text &w
#define CR_OP(name, arity, ...) \
  friend Text name(CR_TEXT_ARGS_##arity) { return row(Op::name, {CR_NAMES_##arity}); }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_TEXT_ARGS_1
#undef CR_TEXT_ARGS_2
#undef CR_TEXT_ARGS_3

  friend Text operator+(const Text& x, const Text& y) { return add(x, y); }
  friend Text operator-(const Text& x, const Text& y) { return sub(x, y); }
  friend Text operator*(const Text& x, const Text& y) { return mul(x, y); }
  friend Text operator/(const Text& x, const Text& y) { return div(x, y); }
  friend Text operator-(const Text& x) { return neg(x); }
  friend Text operator+(const Text& x) { return x; }

  // A truth is a Text as well.
  friend Text operator==(const Text& x, const Text& y) { return eq(x, y); }
  friend Text operator!=(const Text& x, const Text& y) { return ne(x, y); }
  friend Text operator<(const Text& x, const Text& y) { return lt(x, y); }
  friend Text operator<=(const Text& x, const Text& y) { return le(x, y); }
  friend Text operator>(const Text& x, const Text& y) { return gt(x, y); }
  friend Text operator>=(const Text& x, const Text& y) { return ge(x, y); }
  friend Text operator!(const Text& x) { return negate(x); }
  friend Text and_(const Text& x, const Text& y) { return both(x, y); }
  friend Text or_(const Text& x, const Text& y) { return either(x, y); }
  friend Text choose(const Text& condition, const Text& a, const Text& b);

  // What formulas.hpp spells out for the last digit's sake reads as the formula it stands for.
  friend Text fixed(const Text& x) { return x; }
  friend Text where_defined(const Text&, const Text& v) { return v; }
  friend Text sigmoid_of_difference(const Text& a, const Text& b) { return sigmoid(a - b); }
  friend Text mish_gate(const Text& x) { return tanh(softplus(x)); }
  friend Text mish_gate_slope(const Text& x);
  friend Text exp_minus_square(const Text& x);
  friend Text normal_pdf(const Text& x);
  friend Text normal_cdf(const Text& x);

 private:
  static Text of_number(double literal);
  static Text row(Op op, std::initializer_list<Text> operands);

  std::string text_;
  Binding binding_ = Binding::atom;
};

/// The table as a page of Markdown: what `chainrule ops` prints and docs/operations.md holds. One
/// line an operation: name, glyph, value, partials, domain, largest error in ulps, meaning.
std::string derivative_table();

}  // namespace chainrule
