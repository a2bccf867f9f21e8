// The tool's own language, as a dialect: what is spelled here reads back as the same terms.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "chainrule/base/text.hpp"
#include "chainrule/expr/dialects_internal.hpp"

namespace chainrule::expr {
namespace {

using enum chainrule::Binding;

Piece infix(const Piece& x, std::string_view sign, const Piece& y, Tightness binding) {
  return {within(x, tighter(binding)) + " " + std::string(sign) + " " + within(y, tighter(binding)),
          binding};
}

// Both sides of && and || associate.
Piece chain(const Piece& x, std::string_view sign, const Piece& y, Tightness binding) {
  return {within(x, binding) + " " + std::string(sign) + " " + within(y, tighter(binding)),
          binding};
}

std::string joined(std::span<const Piece> factors) {
  std::string text;
  for (const Piece& f : factors) {
    text += text.empty() ? within(f, product) : "*" + within(f, tighter(product));
  }
  return text;
}

// What known_number gives, in the language.
Piece spelled(const KnownNumber& k) {
  std::string text = k.text;
  if (k.is_below) return {shortest(k.over) + "/" + text, product};
  if (k.over != 1) return {shortest(k.over) + "*" + text, product};
  if (k.under != 1) return {text + "/" + shortest(k.under), product};
  return {text};
}

}  // namespace

// m c, c/m and m/c, for the constants c that formulas are full of.
std::optional<KnownNumber> known_number(double v, bool with_pi, bool with_e) {
  struct Known {
    double value;
    const char *text, *latex;
    bool is_free;
  };
  constexpr double kMost = 100;
  const Known above[] = {{std::numbers::pi, "pi", "\\pi", with_pi},
                         {std::numbers::e, "e", "e", with_e},
                         {std::numbers::ln2, "log(2)", "\\ln 2", true},
                         {std::numbers::ln10, "log(10)", "\\ln 10", true},
                         {std::numbers::sqrt2, "sqrt(2)", "\\sqrt{2}", true}};
  for (const Known& k : above) {
    const double m = std::round(v / k.value), d = std::round(k.value / v);
    if (!k.is_free) continue;
    if (m >= 1 && m <= kMost && m * k.value == v) return KnownNumber{m, 1, k.text, k.latex, false};
    if (d >= 2 && d <= kMost && k.value / d == v) return KnownNumber{1, d, k.text, k.latex, false};
  }
  const Known below[] = {{std::sqrt(std::numbers::pi), "sqrt(pi)", "\\sqrt{\\pi}", with_pi},
                         {std::sqrt(2 * std::numbers::pi), "sqrt(2*pi)", "\\sqrt{2 \\pi}", with_pi},
                         {std::numbers::sqrt2, "sqrt(2)", "\\sqrt{2}", true}};
  for (const Known& k : below) {
    const double m = std::round(v * k.value);
    if (k.is_free && m >= 1 && m <= kMost && m / k.value == v) {
      return KnownNumber{m, 1, k.text, k.latex, true};
    }
  }
  return std::nullopt;
}

Piece Language::number(const Ratio& r) const {
  const double v = r.value();
  if (v == 0) return {"0"};
  if (v != v) return {"0/0", Tightness::product};
  if (std::isinf(v)) return {v > 0 ? "1/0" : "-1/0", v > 0 ? Tightness::product : Tightness::sum};
  const bool is_negative = v < 0;
  Piece piece{shortest(std::abs(v))};
  if (r.den > 2) {
    piece = {shortest(std::abs(r.num)) + "/" + shortest(r.den), Tightness::product};
  } else if (!is_whole(r)) {
    if (const auto known = this->known(std::abs(v))) piece = spelled(*known);
  }
  if (!is_negative) return piece;
  return {"-" + piece.text, piece.binding == Tightness::product ? Tightness::sum : minus};
}

Piece Language::sum(std::span<const Signed> addends) const {
  std::string text;
  for (const Signed& a : addends) {
    if (text.empty()) {
      text = a.is_negative ? "-" : "";
    } else {
      text += a.is_negative ? " - " : " + ";
    }
    text += within(a.piece, Tightness::product);
  }
  return {text, Tightness::sum};
}

Piece Language::product(bool is_negative, std::span<const Piece> over,
                        std::span<const Piece> under) const {
  Piece piece;
  if (over.size() == 1 && under.empty()) {
    piece = over[0];
    if (is_negative) piece = {within(piece, minus), std::min(piece.binding, minus)};
  } else {
    piece = {over.empty() ? "1" : joined(over), Tightness::product};
    if (under.size() == 1) piece.text += "/" + within(under[0], tighter(Tightness::product));
    if (under.size() > 1) piece.text += "/(" + joined(under) + ")";
  }
  if (!is_negative) return piece;
  return {"-" + piece.text, piece.binding == Tightness::product ? Tightness::sum : minus};
}

Piece Language::power(const Piece& base, double n) const {
  if (n == 0.5) return {"sqrt(" + base.text + ")"};
  return {within(base, atom) + "**" + shortest(n), Tightness::power};
}

Piece Language::operation(Op op, std::span<const Piece> x) const {
  switch (op) {
    case Op::eq:
    case Op::ne: return infix(x[0], info(op).glyph, x[1], equality);
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge: return infix(x[0], info(op).glyph, x[1], order);
    case Op::both: return chain(x[0], "&&", x[1], conjunction);
    case Op::either: return chain(x[0], "||", x[1], disjunction);
    case Op::negate: return {"!" + within(x[0], minus), minus};
    case Op::select:
      return {within(x[0], disjunction) + " ? " + within(x[1], disjunction) + " : " + x[2].text,
              choice};
    case Op::pow: return {within(x[0], atom) + "**" + within(x[1], minus), Tightness::power};
    default: break;
  }
  std::string text(op == Op::hypot3 ? "hypot" : info(op).name);
  const char* separator = "(";
  for (const Piece& operand : x) {
    text += separator + operand.text;
    separator = ", ";
  }
  return {text + ")"};
}

// Comments, then the definitions, then the results, then where they hold.
std::string as_program(Formulas& formulas, const Page& page) {
  const auto assigns = [&](const char* name) {
    return std::ranges::find(page.assigned, name) != page.assigned.end();
  };
  const Language language(!assigns("pi"), !assigns("e"));
  const Spelled spelled = spell(
      formulas, language, {.inputs = page.inputs, .taken = page.taken, .assigned = page.assigned});
  std::string text;
  for (const std::string& step : page.steps) text += "# " + step + "\n";
  for (const Definition& d : spelled.definitions) text += d.name + " = " + d.value.text + "\n";
  // A line that begins with a minus would continue the one before it.
  if (!spelled.definitions.empty() && page.outputs.empty() &&
      spelled.outputs[0].text.front() == '-') {
    text.insert(text.size() - 1, ";");
  }
  for (std::size_t k = 0; k < spelled.outputs.size(); ++k) {
    if (!page.outputs.empty()) text += page.outputs[k] + " = ";
    text += spelled.outputs[k].text + "\n";
  }
  for (const auto& condition : spelled.conditions) text += "# where " + condition.text() + "\n";
  return text;
}

}  // namespace chainrule::expr
