#include "chainrule/op/c_text.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"
#include "chainrule/op/primitive.hpp"

namespace chainrule {

// Which CR_FN rows are functions of C's library: those that `primitive` does not declare itself.
// Argument-dependent lookup finds what it declares, and not what it takes from std.
namespace primitive {
struct Asked {
  operator double() const;
};
}  // namespace primitive

namespace declared {
#define CR_OP(...)
#define CR_FN(name, ...) std::false_type name(...);
#define CR_DEF(...)
#include "chainrule/op/ops.def"

#define CR_ASKED_1 primitive::Asked()
#define CR_ASKED_2 CR_ASKED_1, CR_ASKED_1
#define CR_ASKED_3 CR_ASKED_2, CR_ASKED_1
constexpr bool in_primitive[] = {
#define CR_OP(...)              false,
#define CR_FN(name, arity, ...) std::is_same_v<decltype(name(CR_ASKED_##arity)), double>,
#define CR_DEF(...)             false,
#include "chainrule/op/ops.def"
};
#undef CR_ASKED_1
#undef CR_ASKED_2
#undef CR_ASKED_3
}  // namespace declared

namespace {

constexpr bool is_of_c_library(Op op) {
  return info(op).kind == Kind::primitive && !declared::in_primitive[static_cast<std::size_t>(op)];
}
static_assert(is_of_c_library(Op::sin) && !is_of_c_library(Op::digamma));

// What a language calls otherwise than the table does: the function's name; or, where there is
// none, the body of one, of x, y and w, in which $ stands for the library's prefix. Null for a row
// that is not the C library's: there is none.
struct Foreign {
  Op op;
  const char* c99;
  const char* cxx;
};
constexpr const char* kScaled =
    "  if (y != $trunc(y)) return NAN;\n"
    "  return $scalbn(x, (int)(y < -5000.0 ? -5000.0 : y > 5000.0 ? 5000.0 : y));\n";
constexpr const char* kInterpolated = "  return $fma(w, y, $fma(-w, x, x));\n";
constexpr Foreign kForeign[] = {
    {Op::abs, "fabs", "abs"},
    {Op::lgamma, "lgamma", "lgamma"},
    {Op::beta, nullptr, "beta"},
    {Op::expint, nullptr, "expint"},
    {Op::ldexp, kScaled, kScaled},
    {Op::lerp, kInterpolated, kInterpolated},
    {Op::hypot3,
     "  double size = fmax(fmax(fabs(x), fabs(y)), fabs(w)), a, b, c;\n"
     "  int n;\n"
     "  if (isinf(x) || isinf(y) || isinf(w)) return INFINITY;\n"
     "  if (!(size > 0.0)) return x + y + w == 0.0 ? 0.0 : NAN;\n"
     "  n = ilogb(size);\n"
     "  a = scalbn(x, -n), b = scalbn(y, -n), c = scalbn(w, -n);\n"
     "  return scalbn(sqrt(fma(a, a, fma(b, b, c * c))), n);\n",
     "hypot"},
    {Op::sph_bessel, nullptr,
     "  const double j = std::sph_bessel(static_cast<unsigned>(x), std::abs(y));\n"
     "  return y < 0 && std::fmod(x, 2) != 0 ? -j : j;\n"},
    {Op::cyl_bessel_j, nullptr,
     "  const double j = std::cyl_bessel_j(std::abs(x), std::abs(y));\n"
     "  return std::fmod(x, 2) != 0 && (x < 0) != (y < 0) ? -j : j;\n"},
    {Op::cyl_neumann, nullptr,
     "  const double n = std::cyl_neumann(std::abs(x), y);\n"
     "  return x < 0 && std::fmod(x, 2) != 0 ? -n : n;\n"},
    {Op::cyl_bessel_i, nullptr,
     "  const double i = std::cyl_bessel_i(std::abs(x), std::abs(y));\n"
     "  return y < 0 && std::fmod(x, 2) != 0 ? -i : i;\n"},
    {Op::cyl_bessel_k, nullptr, "  return std::cyl_bessel_k(std::abs(x), y);\n"},
    {Op::hermite, nullptr, "  return std::hermite(static_cast<unsigned>(x), y);\n"},
    {Op::laguerre, nullptr, "  return std::laguerre(static_cast<unsigned>(x), y);\n"},
    {Op::assoc_laguerre, nullptr,
     "  return std::assoc_laguerre(static_cast<unsigned>(x), static_cast<unsigned>(y), w);\n"},
    {Op::legendre, nullptr, "  return std::legendre(static_cast<unsigned>(x), y);\n"},
};

const char* foreign(Op op, CLanguage language) {
  const Foreign* at = std::ranges::find(kForeign, op, &Foreign::op);
  if (at == std::end(kForeign)) return nullptr;
  return language == CLanguage::c99 ? at->c99 : at->cxx;
}

bool is_name(std::string_view text) { return text.find('\n') == text.npos; }

constexpr std::string_view kOperands[] = {"x", "y", "w"};

std::string signature(std::string_view name, Op op) {
  std::string text = "double ";
  text.append(name);
  const char* separator = "(double ";
  for (int k = 0; k < info(op).arity; ++k) {
    text.append(separator).append(kOperands[k]);
    separator = ", double ";
  }
  return text + ")";
}

// ---- expressions ------------------------------------------------------------------------------

Binding tighter(Binding binding) {
  return static_cast<Binding>(static_cast<unsigned char>(binding) + 1);
}

std::string within(const CText& x, Binding loosest) {
  return x.binding < loosest ? "(" + x.text + ")" : x.text;
}

// A truth is an int: its quotients and its -0 would be an int's.
std::string number_in(const CText& x, Binding loosest) {
  if (x.is_truth) return "(double)" + (x.binding == Binding::atom ? x.text : "(" + x.text + ")");
  return within(x, loosest);
}

CText infix(std::string_view glyph, std::span<const CText> x, Binding binding) {
  std::string text = number_in(x[0], binding);
  text.append(" ").append(glyph).append(" ").append(number_in(x[1], tighter(binding)));
  return {std::move(text), binding, binding == Binding::order || binding == Binding::equality};
}

CText joined(std::string_view glyph, std::span<const CText> x, Binding binding) {
  std::string text = c_condition(x[0], Binding::conjunction);
  text.append(" ").append(glyph).append(" ").append(c_condition(x[1], Binding::conjunction));
  return {std::move(text), binding, true};
}

CText opposite(const CText& truth) {
  return {"!" + within(truth, Binding::atom), Binding::minus, true};
}

}  // namespace

CText c_number(double value) {
  if (std::isnan(value)) return {"NAN"};
  if (std::isinf(value))
    return {value > 0 ? "INFINITY" : "-INFINITY", value > 0 ? Binding::atom : Binding::minus};
  std::string text = shortest(value);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return {text, std::signbit(value) ? Binding::minus : Binding::atom};
}

std::string c_condition(const CText& x, Binding looser) {
  if (!x.is_truth)
    return c_condition(
        {number_in(x, tighter(Binding::equality)) + " != 0.0", Binding::equality, true}, looser);
  return x.binding <= looser ? "(" + x.text + ")" : x.text;
}

CNames::CNames(const Formula& formula, std::span<const StepId> roots)
    : uses(formula.size()), is_named(formula.size()) {
  constexpr std::uint32_t kLargest = 5;  // operations below one: nesting is no deeper
  std::vector<bool> is_root(formula.size());
  for (const StepId root : roots) {
    ++uses[root.index];
    is_root[root.index] = true;
  }
  for (std::size_t i = formula.size(); i-- > 0;) {
    const Formula::Step& step = formula.steps()[i];
    if (uses[i] == 0 || step.kind != Formula::Kind::operation) continue;
    for (int k = 0; k < info(step.op).arity; ++k) ++uses[step.at[k]];
  }
  std::vector<std::uint8_t> weight(formula.size());
  for (std::size_t i = 0; i < formula.size(); ++i) {
    const Formula::Step& step = formula.steps()[i];
    if (uses[i] == 0 || step.kind != Formula::Kind::operation) continue;
    std::uint32_t all = 1;
    for (int k = 0; k < info(step.op).arity; ++k) all += weight[step.at[k]];
    is_named[i] = uses[i] > 1 || (all > kLargest && !is_root[i]);
    weight[i] = static_cast<std::uint8_t>(is_named[i] ? 0 : all);
  }
}

// ---- rows -------------------------------------------------------------------------------------

CText CRows::operation(Op op, std::span<const CText> x) {
  const std::string_view glyph = info(op).glyph;
  switch (op) {
    case Op::add:
    case Op::sub: return infix(glyph, x, Binding::sum);
    case Op::mul:
    case Op::div: return infix(glyph, x, Binding::product);
    case Op::neg: return {"-" + number_in(x[0], tighter(Binding::minus)), Binding::minus};
    case Op::eq:
    case Op::ne:
      if (x[0].is_truth && x[1].text == "0.0") return op == Op::ne ? x[0] : opposite(x[0]);
      return infix(glyph, x, Binding::equality);
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge: return infix(glyph, x, Binding::order);
    case Op::both: return joined("&&", x, Binding::conjunction);
    case Op::either: return joined("||", x, Binding::disjunction);
    case Op::negate:
      if (x[0].is_truth) return opposite(x[0]);
      return {number_in(x[0], tighter(Binding::equality)) + " == 0.0", Binding::equality, true};
    case Op::select:
      return {c_condition(x[0]) + " ? " + number_in(x[1], tighter(Binding::choice)) + " : " +
                  number_in(x[2], Binding::choice),
              Binding::choice};
    default: break;
  }
  std::string text = callee(op);
  const char* separator = "(";
  for (const CText& operand : x) {
    text.append(separator).append(operand.text);
    separator = ", ";
  }
  return {text + ")"};
}

bool CRows::is_hidden(Op op) const {
  return calls_ == CCalls::opaque && (op == Op::pow || op == Op::fmax || op == Op::fmin);
}

std::string CRows::callee(Op op) {
  const std::string library = language_ == CLanguage::cxx ? "std::" : "";
  if (const char* text = foreign(op, language_); text != nullptr && is_name(text)) {
    return library + text;
  }
  if (is_of_c_library(op) && !is_hidden(op)) return library + std::string(info(op).name);
  if (!is_written_[static_cast<std::size_t>(op)]) {
    is_written_[static_cast<std::size_t>(op)] = true;
    write(op);
  }
  return prefix_ + std::string(info(op).name);
}

void CRows::write(Op op) {
  const OpInfo& row = info(op);
  const std::string head = signature(prefix_ + std::string(row.name), op);
  if (is_hidden(op)) {
    const std::string name(row.name);
    helpers_ +=
        "static double (*const volatile " + prefix_ + name + ")(double, double) = " + name + ";\n";
    return;
  }
  const char* const linkage = language_ == CLanguage::cxx ? "inline " : "static ";
  if (const char* text = foreign(op, language_); text != nullptr) {
    std::string body;
    for (; *text != '\0'; ++text) {
      if (*text != '$') {
        body += *text;
      } else if (language_ == CLanguage::cxx) {
        body += "std::";
      }
    }
    helpers_ += linkage + head + " {\n" + body + "}\n";
  } else if (row.kind != Kind::primitive) {
    const std::string body = body_of(op);  // which may write those that it calls
    helpers_ += linkage + head + " {\n" + body + "}\n";
  } else if (language_ == CLanguage::cxx) {
    helpers_ +=
        head + ";  // not in <cmath>: boost::math::" + std::string(row.name) + ", for instance\n";
  } else {
    fail("emit_c", "C99 has no function for the operation '" + std::string(row.name) + "' (" +
                       std::string(row.text) + ")");
  }
}

// The row's value formula.
std::string CRows::body_of(Op op) {
  const RowFormula row = formula_of(op);
  const CNames names(row.formula, {&row.value, 1});
  std::string text;
  std::vector<std::string> named(row.formula.size());
  std::size_t last = 0;
  CSteps steps(
      row.formula, names, *this,
      [&](StepId operand, StepId) -> CText {
        const Formula::Step& step = row.formula[operand];
        switch (step.kind) {
          case Formula::Kind::input: return {std::string(kOperands[step.at[0]])};
          case Formula::Kind::number: return c_number(row.formula.number_of(operand));
          case Formula::Kind::operation: break;
        }
        return {named[operand.index], Binding::atom, gives_truth(step.op)};
      },
      [&](StepId step, const CText& value) {
        named[step.index] = "t" + std::to_string(++last);
        const char* const type = value.is_truth ? "  const int " : "  const double ";
        text += type + named[step.index] + " = " + value.text + ";\n";
      });
  for (std::uint32_t i = 0; i < row.formula.size(); ++i) steps.spell({i});
  return text + "  return " + steps.use(row.value, row.value).text + ";\n";
}

}  // namespace chainrule
