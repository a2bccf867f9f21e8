#include "chainrule/op/text.hpp"

#include <charconv>
#include <cmath>
#include <utility>

namespace chainrule {
namespace {

std::string shortest(double v) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  return {buffer, end};
}

// A constant of the formulas, by the expression that gives it to the last bit.
struct Known {
  double value;
  const char* text;
  Binding binding;
};
constexpr Known kKnown[] = {
    {rules::kLn2, "log(2)", Binding::atom},
    {rules::kLn10, "log(10)", Binding::atom},
    {rules::kTwoOverSqrtPi, "2 / sqrt(pi)", Binding::product},
};

std::string within(const Text& operand, Binding loosest) {
  return operand.binding() < loosest ? "(" + operand.str() + ")" : operand.str();
}

Binding tighter(Binding binding) {
  return static_cast<Binding>(static_cast<unsigned char>(binding) + 1);
}

// Operators associate to the left, except ** (whose exponent may carry a minus).
Text infix(const Text& x, std::string_view glyph, const Text& y, Binding binding) {
  std::string text = within(x, binding);
  text.append(" ").append(glyph).append(" ").append(within(y, tighter(binding)));
  return {std::move(text), binding};
}

Text power(const Text& x, const Text& y) {
  return {within(x, Binding::atom) + "**" + within(y, Binding::minus), Binding::power};
}

Text call(std::string_view name, std::initializer_list<Text> operands) {
  std::string text(name);
  const char* separator = "(";
  for (const Text& operand : operands) {
    text.append(separator).append(operand.str());
    separator = ", ";
  }
  return {text + ")"};
}

}  // namespace

Text Text::of_number(double literal) {
  for (const Known& known : kKnown) {
    if (known.value == literal) return {known.text, known.binding};
    if (known.value == -literal) return -Text(known.text, known.binding);
  }
  return {shortest(literal), literal < 0 ? Binding::minus : Binding::atom};
}

Text Text::row(Op op, std::initializer_list<Text> operands) {
  const Text* const x = operands.begin();
  const Text* const y = x + 1;
  const std::string_view glyph = info(op).glyph;
  switch (op) {
    case Op::add:
    case Op::sub: return infix(*x, glyph, *y, Binding::sum);
    case Op::mul:
      if (x->is("1")) return *y;
      if (y->is("1")) return *x;
      return infix(*x, glyph, *y, Binding::product);
    case Op::div: return infix(*x, glyph, *y, Binding::product);
    case Op::neg: return {"-" + within(*x, Binding::minus), Binding::minus};
    case Op::eq:
    case Op::ne: return infix(*x, glyph, *y, Binding::equality);
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge: return infix(*x, glyph, *y, Binding::order);
    case Op::select: return choose(*x, *y, x[2]);
    case Op::pow: return power(*x, *y);
    default: return call(info(op).name, operands);
  }
}

Text choose(const Text& condition, const Text& a, const Text& b) {
  const bool is_comparison =
      condition.binding() == Binding::equality || condition.binding() == Binding::order;
  if (is_comparison && a.is("1") && b.is("0")) return condition;
  return {within(condition, tighter(Binding::choice)) + " ? " + a.str() + " : " + b.str(),
          Binding::choice};
}

Text mish_gate_slope(const Text& x) { return (1 - power(tanh(softplus(x)), 2)) * sigmoid(x); }
Text exp_minus_square(const Text& x) { return exp(-power(x, 2)); }
Text normal_pdf(const Text& x) { return exp(-power(x, 2) / 2) / sqrt(Text(2) * "pi"); }
Text normal_cdf(const Text& x) { return erfc(-x / sqrt(Text(2))) / 2; }

namespace {

constexpr std::string_view kOperands[] = {"x", "y", "w"};

// One entry of a pullback at g = 1: "none", or what is pushed and where.
std::string partial(const Push<Text>& entry) {
  if (entry.taken.is("0")) return "none";
  std::string text = "`" + entry.value.str() + "`";
  if (!entry.taken.is("1")) text += " where `" + entry.taken.str() + "`, else none";
  return text;
}

template <Op op>
void print_formulas(std::string& out) {
  using Row = Rule<op>;
  const Text x("x"), y("y"), w("w"), z("z");
  Pushes<Text, Row::arity> partials = [&] {
    if constexpr (Row::arity == 1) {
      out += "`" + Row::template value<Text>(x).str() + "`";
      return Row::template pullback<Text>(1.0, x, z);
    } else if constexpr (Row::arity == 2) {
      out += "`" + Row::template value<Text>(x, y).str() + "`";
      return Row::template pullback<Text>(1.0, x, y, z);
    } else {
      out += "`" + Row::template value<Text>(x, y, w).str() + "`";
      return Row::template pullback<Text>(1.0, x, y, w, z);
    }
  }();
  out += " | ";
  for (int k = 0; k < Row::arity; ++k) {
    if (k > 0) out += "<br>";
    if (Row::arity > 1) out.append(kOperands[k]).append(": ");
    out += partial(partials.entry[k]);
  }
}

void print_domain(std::string& out, const OpInfo& row) {
  const std::string_view everywhere = domains::reals.name;
  bool restricted = false;
  for (int k = 0; k < row.arity; ++k) {
    if (row.domain[k].name == everywhere) continue;
    if (restricted) out += ", ";
    restricted = true;
    out.append(kOperands[k]).append(" ").append(row.domain[k].name);
  }
  if (!restricted) out += everywhere;
}

std::string escaped(std::string_view glyph) {
  if (glyph.empty()) return "";
  return glyph == "|" ? "`\\|`" : "`" + std::string(glyph) + "`";
}

}  // namespace

std::string derivative_table() {
  std::string out =
      "| name | glyph | value z | partials | domain | error of z, ulps | of partials | meaning |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const OpInfo& row : kOps) {
    out.append("| ").append(row.name).append(" | ").append(escaped(row.glyph)).append(" | ");
    visit(row.op, [&](auto rule) { print_formulas<decltype(rule)::op>(out); });
    out += " | ";
    print_domain(out, row);
    out.append(" | ").append(shortest(row.ulps.value));
    out.append(" | ").append(shortest(row.ulps.partials));
    out.append(" | ").append(row.text).append(" |\n");
  }
  return out;
}

}  // namespace chainrule
