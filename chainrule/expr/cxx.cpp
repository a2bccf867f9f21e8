// C++, as a dialect: one function of doubles, after the helpers that <cmath> lacks.
#include <algorithm>
#include <cmath>
#include <set>

#include "chainrule/base/text.hpp"
#include "chainrule/expr/dialects_internal.hpp"
#include "chainrule/expr/program.hpp"

namespace chainrule::expr {
namespace {

// Rows that are no function of <cmath>, in an order in which each may use those before it.
struct Source {
  Op op;
  const char* text;
  Op needs = Op::add;  // add: nothing
};
constexpr Source kSources[] = {
    {Op::stop_gradient, "double stop_gradient(double x) { return x; }"},
    {Op::sign, "double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }"},
    {Op::max, "double max(double x, double y) { return x > y ? x : y >= x ? y : x + y; }"},
    {Op::min, "double min(double x, double y) { return x < y ? x : y <= x ? y : x + y; }"},
    {Op::ldexp, "double ldexp(double x, double n) { return std::ldexp(x, static_cast<int>(n)); }"},
    {Op::lerp, "double lerp(double x, double y, double w) { return x + w*(y - x); }"},
    {Op::sph_bessel,
     "double sph_bessel(double n, double x) {\n"
     "  const double j = std::sph_bessel(static_cast<unsigned>(n), std::abs(x));\n"
     "  return x < 0 && std::fmod(n, 2) != 0 ? -j : j;\n}"},
    {Op::cyl_bessel_j,
     "double cyl_bessel_j(double n, double x) {\n"
     "  const double j = std::cyl_bessel_j(std::abs(n), std::abs(x));\n"
     "  return std::fmod(n, 2) != 0 && (n < 0) != (x < 0) ? -j : j;\n}"},
    {Op::cyl_neumann,
     "double cyl_neumann(double n, double x) {\n"
     "  const double y = std::cyl_neumann(std::abs(n), x);\n"
     "  return n < 0 && std::fmod(n, 2) != 0 ? -y : y;\n}"},
    {Op::cyl_bessel_i,
     "double cyl_bessel_i(double n, double x) {\n"
     "  const double i = std::cyl_bessel_i(std::abs(n), std::abs(x));\n"
     "  return x < 0 && std::fmod(n, 2) != 0 ? -i : i;\n}"},
    {Op::cyl_bessel_k,
     "double cyl_bessel_k(double n, double x) { return std::cyl_bessel_k(std::abs(n), x); }"},
    {Op::hermite,
     "double hermite(double n, double x) { return std::hermite(static_cast<unsigned>(n), x); }"},
    {Op::laguerre,
     "double laguerre(double n, double x) { return std::laguerre(static_cast<unsigned>(n), x); }"},
    {Op::assoc_laguerre,
     "double assoc_laguerre(double n, double m, double x) {\n"
     "  return std::assoc_laguerre(static_cast<unsigned>(n), static_cast<unsigned>(m), x);\n}"},
    {Op::legendre,
     "double legendre(double n, double x) { return std::legendre(static_cast<unsigned>(n), x); }"},
    {Op::digamma,
     "double digamma(double x);  // not in <cmath>: boost::math::digamma, for instance"},
    {Op::polygamma,
     "double polygamma(double n, double x);  // not in <cmath>: boost::math::polygamma, for "
     "instance"},
    {Op::gegenbauer,
     "double gegenbauer(double n, double lambda, double x);  // not in <cmath>: "
     "boost::math::gegenbauer, for instance"},
    {Op::sigmoid,
     "double sigmoid(double x) {\n"
     "  const double e = std::exp(-std::abs(x));\n"
     "  return (x < 0 ? e : 1) / (1 + e);\n}"},
    {Op::softplus,
     "double softplus(double x) { return (x > 0 ? x : 0*x) + std::log1p(std::exp(-std::abs(x))); "
     "}"},
    {Op::logsigmoid, "double logsigmoid(double x) { return -softplus(-x); }", Op::softplus},
    {Op::log1mexp,
     "double log1mexp(double x) {\n"
     "  return x > -std::log(2.0) ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));\n}"},
    {Op::logaddexp,
     "double logaddexp(double x, double y) {\n"
     "  if (x == y) return x + std::log(2.0);\n"
     "  return (x > y ? x : y >= x ? y : x + y) + std::log1p(std::exp(-std::abs(x - y)));\n}"},
    {Op::xlogy,
     "double xlogy(double x, double y) { return x == 0 && y == y ? 0 : x*std::log(y); }"},
    {Op::sinc, "double sinc(double x) { return x == 0 ? 1 : std::sin(x)/x; }"},
    {Op::relu, "double relu(double x) { return x < 0 ? 0 : x; }"},
    {Op::leaky_relu, "double leaky_relu(double x, double y) { return x > 0 ? x : x*y; }"},
    {Op::elu, "double elu(double x, double y) { return x > 0 ? x : y*std::expm1(x); }"},
    {Op::selu,
     "double selu(double x, double y) {\n"
     "  return 1.0507009873554805*(x > 0 ? x : y*std::expm1(x));\n}"},
    {Op::gelu, "double gelu(double x) { return 0.5*x*std::erfc(-x/std::sqrt(2.0)); }"},
    {Op::silu, "double silu(double x) { return x*sigmoid(x); }", Op::sigmoid},
    {Op::mish, "double mish(double x) { return x*std::tanh(softplus(x)); }", Op::softplus},
};

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
    std::string text(op == Op::hypot3 ? "hypot" : info(op).name);
    if (const Source* source = std::ranges::find(kSources, op, &Source::op);
        source != std::end(kSources)) {
      helpers_.insert(op);
      if (source->needs != Op::add) helpers_.insert(source->needs);
    } else {
      text = "std::" + text;
    }
    const char* separator = "(";
    for (const Piece& operand : x) {
      text += separator + operand.text;
      separator = ", ";
    }
    return {text + ")"};
  }

  std::string helpers() const {
    std::string text;
    for (const Source& source : kSources) {
      if (helpers_.contains(source.op)) text += std::string("inline ") + source.text + "\n";
    }
    // A function that is only declared is not inline.
    for (std::size_t at = 0; (at = text.find("inline double", at)) != text.npos; ++at) {
      const std::size_t end = text.find('\n', at);
      if (text.substr(at, end - at).find("not in <cmath>") != text.npos) text.erase(at, 7);
    }
    return text;
  }

 private:
  mutable std::set<Op> helpers_;
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
