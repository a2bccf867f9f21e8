// LaTeX, as a dialect: one expression, or an aligned list of definitions.
#include <array>
#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/expr/dialects_internal.hpp"

namespace chainrule::expr {
namespace {

constexpr std::string_view kGreek[] = {
    "alpha",   "beta",   "gamma", "delta", "epsilon", "zeta",  "eta",   "theta", "iota",
    "kappa",   "lambda", "mu",    "nu",    "xi",      "pi",    "rho",   "sigma", "tau",
    "upsilon", "phi",    "chi",   "psi",   "omega",   "Gamma", "Delta", "Theta", "Lambda",
    "Xi",      "Pi",     "Sigma", "Phi",   "Psi",     "Omega"};

// Functions that LaTeX has a command for; the others are set by \operatorname.
struct Command {
  Op op;
  std::string_view command;
};
constexpr Command kCommands[] = {{Op::sin, "\\sin"},
                                 {Op::cos, "\\cos"},
                                 {Op::tan, "\\tan"},
                                 {Op::asin, "\\arcsin"},
                                 {Op::acos, "\\arccos"},
                                 {Op::atan, "\\arctan"},
                                 {Op::sinh, "\\sinh"},
                                 {Op::cosh, "\\cosh"},
                                 {Op::tanh, "\\tanh"},
                                 {Op::log, "\\ln"},
                                 {Op::log2, "\\log_{2}"},
                                 {Op::log10, "\\log_{10}"},
                                 {Op::max, "\\max"},
                                 {Op::min, "\\min"},
                                 {Op::tgamma, "\\Gamma"},
                                 {Op::digamma, "\\psi"},
                                 {Op::asinh, "\\operatorname{arsinh}"},
                                 {Op::acosh, "\\operatorname{arcosh}"},
                                 {Op::atanh, "\\operatorname{artanh}"},
                                 {Op::hypot3, "\\operatorname{hypot}"}};

bool is_tall(const std::string& text) {
  return text.find("\\frac") != text.npos || text.find("\\left") != text.npos ||
         text.find("\\begin") != text.npos || text.find('^') != text.npos;
}

std::string bracketed(const std::string& text) {
  return is_tall(text) ? "\\left(" + text + "\\right)" : "(" + text + ")";
}

std::string tight(const Piece& piece, Tightness loosest) {
  return piece.binding < loosest ? bracketed(piece.text) : piece.text;
}

// x, x_{1}, \alpha, \mathrm{vol}, \mathrm{rate}_{a, b}.
std::string word(std::string_view text) {
  for (const std::string_view letter : kGreek) {
    if (text == letter) return "\\" + std::string(text);
  }
  return text.size() == 1 ? std::string(text) : "\\mathrm{" + std::string(text) + "}";
}
std::string symbol(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t stem = std::min(name.find('_', 1), name.size());
  if (stem == name.size()) {
    while (stem > 1 && is_digit(name[stem - 1])) --stem;
  }
  std::string_view head = name.substr(0, stem);
  while (head.size() > 1 && head.front() == '_') head.remove_prefix(1);
  std::string text = head == "_" ? "\\_" : word(head), below;
  std::string_view rest = name.substr(stem);
  while (!rest.empty()) {
    if (rest.front() == '_') rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('_'), rest.size());
    if (end > 0)
      below += (below.empty() ? "" : ", ") +
               (is_digit(rest[0]) ? std::string(rest.substr(0, end)) : word(rest.substr(0, end)));
    rest.remove_prefix(end);
  }
  return below.empty() ? text : text + "_{" + below + "}";
}

class Latex final : public Dialect {
 public:
  Limits limits() const override { return {12, 48, 60}; }

  Piece name(std::string_view name) const override { return {symbol(name)}; }

  std::optional<KnownNumber> known(double v) const override { return known_number(v, true, true); }
  Piece constant(const KnownNumber& known) const override { return {known.latex}; }

  Piece number(const Ratio& r) const override {
    const double v = std::abs(r.value());
    const char* const sign = r.value() < 0 ? "-" : "";
    const Tightness binding = r.value() < 0 ? Tightness::minus : Tightness::atom;
    if (v != v) return {"\\mathrm{NaN}"};
    if (std::isinf(v)) return {std::string(sign) + "\\infty", binding};
    if (r.den > 2) {
      return {sign + fraction(shortest(std::abs(r.num)), shortest(r.den)), binding};
    }
    if (const auto k = is_whole(r) ? std::nullopt : known(v)) {
      const std::string over = k->over == 1 ? "" : shortest(k->over) + " ";
      if (k->is_below) return {sign + fraction(shortest(k->over), k->latex), binding};
      if (k->under != 1) return {sign + fraction(k->latex, shortest(k->under)), binding};
      return {sign + over + k->latex, over.empty() ? binding : Tightness::product};
    }
    std::string digits = shortest(v);
    if (const std::size_t e = digits.find('e'); e != digits.npos) {
      std::string exponent = digits.substr(e + 1);
      if (exponent.front() == '+') exponent.erase(0, 1);
      if (exponent.front() == '-' && exponent[1] == '0') exponent.erase(1, 1);
      digits = digits.substr(0, e) + " \\cdot 10^{" + exponent + "}";
      return {sign + digits, Tightness::product};
    }
    return {sign + digits, binding};
  }

  Piece sum(std::span<const Signed> addends) const override {
    std::string text;
    for (const Signed& a : addends) {
      if (text.empty())
        text = a.is_negative ? "-" : "";
      else
        text += a.is_negative ? " - " : " + ";
      text += tight(a.piece, Tightness::product);
    }
    return {text, Tightness::sum};
  }

  Piece product(bool is_negative, std::span<const Piece> over,
                std::span<const Piece> under) const override {
    Piece piece;
    if (!under.empty()) {
      piece = {fraction(over.empty() ? "1" : joined(over), joined(under)), Tightness::product};
    } else if (over.size() == 1) {
      piece = over[0];
      if (is_negative) piece.text = tight(piece, Tightness::product);
    } else {
      piece = {over.empty() ? "1" : joined(over), Tightness::product};
    }
    if (is_negative) piece = {"-" + piece.text, Tightness::sum};
    return piece;
  }

  Piece power(const Piece& base, double n) const override {
    if (n == 0.5) return {"\\sqrt{" + base.text + "}"};
    return raised(base, shortest(n));
  }

  Piece operation(Op op, std::span<const Piece> x) const override {
    const auto infix = [&](const char* sign, Tightness binding) -> Piece {
      return {tight(x[0], tighter(binding)) + " " + sign + " " + tight(x[1], tighter(binding)),
              binding};
    };
    switch (op) {
      case Op::eq: return infix("=", Tightness::equality);
      case Op::ne: return infix("\\ne", Tightness::equality);
      case Op::lt: return infix("<", Tightness::order);
      case Op::le: return infix("\\le", Tightness::order);
      case Op::gt: return infix(">", Tightness::order);
      case Op::ge: return infix("\\ge", Tightness::order);
      case Op::both: return infix("\\land", Tightness::conjunction);
      case Op::either: return infix("\\lor", Tightness::disjunction);
      case Op::negate: return {"\\lnot " + tight(x[0], Tightness::minus), Tightness::minus};
      case Op::select: return choice(x[0], x[1], x[2]);
      case Op::pow: return raised(x[0], x[1].text);
      case Op::exp: return {"e^{" + x[0].text + "}", Tightness::power};
      case Op::exp2: return {"2^{" + x[0].text + "}", Tightness::power};
      case Op::cbrt: return {"\\sqrt[3]{" + x[0].text + "}"};
      case Op::abs: return {"\\left|" + x[0].text + "\\right|"};
      case Op::floor: return {"\\left\\lfloor " + x[0].text + "\\right\\rfloor"};
      case Op::ceil: return {"\\left\\lceil " + x[0].text + "\\right\\rceil"};
      case Op::polygamma: return {"\\psi^{(" + x[0].text + ")}" + bracketed(x[1].text)};
      default: break;
    }
    std::string arguments;
    for (const Piece& operand : x) arguments += (arguments.empty() ? "" : ", ") + operand.text;
    return {command_of(op) + bracketed(arguments)};
  }

 private:
  static std::string fraction(const std::string& over, const std::string& under) {
    return "\\frac{" + over + "}{" + under + "}";
  }

  static std::string command_of(Op op) {
    for (const Command& c : kCommands) {
      if (c.op == op) return std::string(c.command);
    }
    std::string name;
    for (const char c : info(op).name) name += c == '_' ? "\\_" : std::string(1, c);
    return "\\operatorname{" + name + "}";
  }

  // A \cdot stands only before a digit: 2 x, but 2 \cdot 3^{x}.
  static std::string joined(std::span<const Piece> factors) {
    if (factors.size() == 1) return factors[0].text;
    std::string text;
    for (const Piece& f : factors) {
      const std::string factor =
          tight(f, text.empty() ? Tightness::product : tighter(Tightness::product));
      if (!text.empty()) text += factor[0] >= '0' && factor[0] <= '9' ? " \\cdot " : " ";
      text += factor;
    }
    return text;
  }

  // \cos^{2}(x), x^{2}, (x + 1)^{2}.
  static Piece raised(const Piece& base, const std::string& exponent) {
    for (const Command& c : kCommands) {
      const bool has_script = c.command.find('_') != c.command.npos;
      if (!has_script && base.binding == Tightness::atom &&
          (base.text.starts_with(std::string(c.command) + "(") ||
           base.text.starts_with(std::string(c.command) + "\\left("))) {
        std::string text = base.text;
        text.insert(c.command.size(), "^{" + exponent + "}");
        return {text, Tightness::power};
      }
    }
    return {tight(base, Tightness::atom) + "^{" + exponent + "}", Tightness::power};
  }

  static Piece choice(const Piece& c, const Piece& a, const Piece& b) {
    constexpr std::string_view kBegin = "\\begin{cases} ", kEnd = " \\end{cases}";
    std::string otherwise = b.text + " & \\text{otherwise}";
    if (b.binding == Tightness::choice) {  // another choice: further lines of this one
      otherwise = b.text.substr(kBegin.size(), b.text.size() - kBegin.size() - kEnd.size());
    }
    return {std::string(kBegin) + a.text + " & \\text{if } " + c.text + " \\\\ " + otherwise +
                std::string(kEnd),
            Tightness::choice};
  }
};

}  // namespace

std::string as_latex(Formulas& formulas, const Page& page) {
  const Latex latex;
  const Spelled spelled = spell(
      formulas, latex, {.inputs = page.inputs, .taken = page.taken, .assigned = page.assigned});
  std::string text;
  for (const std::string& step : page.steps) text += "% " + step + "\n";
  std::string where;
  for (const Spelled::Stated& condition : spelled.conditions) {
    where += where.empty() ? " \\quad \\text{where } " : ", \\; ";
    where += condition.holds;
    if (!condition.link.empty()) where += "\\text{" + condition.link + "}" + condition.given;
  }
  if (spelled.definitions.empty() && page.outputs.empty()) {
    return text + spelled.outputs[0].text + where + "\n";
  }
  text += "\\begin{aligned}\n";
  for (const Definition& d : spelled.definitions) {
    text += symbol(d.name) + " &= " + d.value.text + " \\\\\n";
  }
  for (std::size_t k = 0; k < spelled.outputs.size(); ++k) {
    const bool is_last = k + 1 == spelled.outputs.size();
    text += page.outputs.empty() ? "" : symbol(page.outputs[k]) + " ";
    text += (page.outputs.empty() ? "& " : "&= ") + spelled.outputs[k].text;
    text += (is_last ? where : std::string(" \\\\")) + "\n";
  }
  return text + "\\end{aligned}\n";
}

}  // namespace chainrule::expr
