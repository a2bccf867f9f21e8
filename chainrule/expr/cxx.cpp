// C++, as a dialect: one function of doubles, after the helpers that <cmath> lacks.
#include <algorithm>
#include <cmath>
#include <set>

#include "chainrule/base/text.hpp"
#include "chainrule/expr/dialects_internal.hpp"
#include "chainrule/expr/program.hpp"
#include "chainrule/op/c_text.hpp"

namespace chainrule::expr {
namespace {

// Names that a parameter cannot have, besides those of the table's rows.
constexpr std::string_view kReserved[] = {"alignas",
                                          "alignof",
                                          "and",
                                          "and_eq",
                                          "asm",
                                          "auto",
                                          "bitand",
                                          "bitor",
                                          "bool",
                                          "break",
                                          "case",
                                          "catch",
                                          "char",
                                          "char8_t",
                                          "char16_t",
                                          "char32_t",
                                          "class",
                                          "compl",
                                          "concept",
                                          "const",
                                          "consteval",
                                          "constexpr",
                                          "constinit",
                                          "const_cast",
                                          "continue",
                                          "co_await",
                                          "co_return",
                                          "co_yield",
                                          "decltype",
                                          "default",
                                          "delete",
                                          "derivative",
                                          "derivatives",
                                          "do",
                                          "double",
                                          "dynamic_cast",
                                          "else",
                                          "enum",
                                          "explicit",
                                          "export",
                                          "extern",
                                          "false",
                                          "float",
                                          "for",
                                          "friend",
                                          "goto",
                                          "if",
                                          "inline",
                                          "int",
                                          "long",
                                          "mutable",
                                          "namespace",
                                          "new",
                                          "noexcept",
                                          "not",
                                          "not_eq",
                                          "nullptr",
                                          "operator",
                                          "or",
                                          "or_eq",
                                          "private",
                                          "protected",
                                          "public",
                                          "register",
                                          "reinterpret_cast",
                                          "requires",
                                          "return",
                                          "short",
                                          "signed",
                                          "sizeof",
                                          "static",
                                          "static_assert",
                                          "static_cast",
                                          "std",
                                          "struct",
                                          "switch",
                                          "template",
                                          "this",
                                          "thread_local",
                                          "throw",
                                          "true",
                                          "try",
                                          "typedef",
                                          "typeid",
                                          "typename",
                                          "union",
                                          "unsigned",
                                          "using",
                                          "virtual",
                                          "void",
                                          "volatile",
                                          "wchar_t",
                                          "while",
                                          "xor",
                                          "xor_eq",
                                          "NAN",
                                          "INFINITY",
                                          "HUGE_VAL",
                                          "HUGE_VALF",
                                          "HUGE_VALL",
                                          "linux",
                                          "unix"};

bool is_reserved_word(std::string_view name) {
  return std::ranges::find(kReserved, name) != std::end(kReserved) || find_op(name) != nullptr;
}

class Cxx final : public Language {
 public:
  Limits limits() const override { return {3, 6, 40}; }
  std::optional<KnownNumber> known(double) const override { return std::nullopt; }

  Piece number(const Ratio& r) const override {
    const double v = r.value();
    if (v != v) return {"NAN"};
    if (std::isinf(v)) return v > 0 ? Piece{"INFINITY"} : Piece{"-INFINITY", Tightness::minus};
    if (r.den > 2) {
      const Piece over = number({r.num, 1}), under = number({r.den, 1});
      return {over.text + "/" + under.text, Tightness::product};
    }
    std::string text = shortest(v == 0 ? 0 : v);
    if (text.find_first_of(".e") == text.npos) text += ".0";
    return {text, v < 0 ? Tightness::minus : Tightness::atom};
  }

  Piece power(const Piece& base, double n) const override {
    if (n == 0.5) return {"std::sqrt(" + base.text + ")"};
    if (n == 2 && base.binding == Tightness::atom && base.text.find('(') == base.text.npos) {
      return {base.text + "*" + base.text, Tightness::product};
    }
    return {"std::pow(" + base.text + ", " + number({n, 1}).text + ")"};
  }

  Piece operation(Op op, std::span<const Piece> x) const override {
    if (gives_truth(op) || op == Op::select) return Language::operation(op, x);
    std::string text = rows_.callee(op);
    const char* separator = "(";
    for (const Piece& operand : x) {
      text += separator + operand.text;
      separator = ", ";
    }
    return {text + ")"};
  }

  const std::string& helpers() const { return rows_.helpers(); }

 private:
  mutable CRows rows_{CLanguage::cxx, ""};
};

}  // namespace

// Several results come as a std::array, in the order in which the program would assign them.
std::string as_cxx(Formulas& formulas, const Page& page) {
  std::vector<std::string> inputs;
  std::set<std::string> all(page.inputs.begin(), page.inputs.end());
  for (std::string name : page.inputs) {
    if (is_reserved_word(name)) {
      do name += '_';
      while (!all.insert(name).second);
    }
    inputs.push_back(std::move(name));
  }
  for (auto& [term, label] : formulas.labels) {
    if (is_reserved_word(label)) label.clear();
  }
  const Cxx cxx;
  const Spelled spelled =
      spell(formulas, cxx, {.inputs = inputs, .taken = page.taken, .assigned = page.assigned});
  std::string text;
  for (const std::string& step : page.steps) text += "// " + step + "\n";
  text += page.outputs.empty() ? "" : "#include <array>\n";
  text += "#include <cmath>\n\n";
  if (const std::string helpers = cxx.helpers(); !helpers.empty()) text += helpers + "\n";
  for (const auto& condition : spelled.conditions) text += "// where " + condition.text() + "\n";
  if (!page.outputs.empty()) {
    text += "// ";
    for (const std::string& name : page.outputs)
      text += (&name == &page.outputs[0] ? "" : ", ") + name;
    text += "\nstd::array<double, " + std::to_string(page.outputs.size()) + "> derivatives(";
  } else {
    text += "double derivative(";
  }
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    text += k == 0 ? "" : ", ";
    text += (spelled.is_used[k] ? "double " : "[[maybe_unused]] double ") + inputs[k];
  }
  text += ") {\n";
  for (const Definition& d : spelled.definitions) {
    text += "  const double " + d.name + " = " + d.value.text + ";\n";
  }
  if (page.outputs.empty()) return text + "  return " + spelled.outputs[0].text + ";\n}\n";
  text += "  return {";
  for (std::size_t k = 0; k < spelled.outputs.size(); ++k) {
    text += (k == 0 ? "" : ",\n          ") + spelled.outputs[k].text;
  }
  return text + "};\n}\n";
}

}  // namespace chainrule::expr
