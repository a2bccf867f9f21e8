// chainrule diff: the printed derivative against the sweeps', and how it is printed.
#include "chainrule/expr/diff.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>

#include "tests/expr/derivative.hpp"

namespace chainrule::expr {
namespace {

using test::Printed;
using test::Values;

// ---- what is printed --------------------------------------------------------------------------

std::string printed(std::string_view source, int order = 1, Notation notation = Notation::program) {
  const Program program = parse(source);
  return diff(program, {.wrt = test::all_names(program), .order = order, .notation = notation});
}

TEST(Printed, textbook_derivatives) {
  const std::pair<const char*, const char*> expected[] = {
      {"3*x**2 - 4*x + 5", "6*x - 4\n"},
      {"x*x*x/3", "x**2\n"},
      {"1/x", "-1/x**2\n"},
      {"sqrt(x)", "1/(2*sqrt(x))\n"},
      {"x**1.5", "1.5*sqrt(x)\n"},
      {"sin(2*pi*x)", "2*pi*cos(2*pi*x)\n"},
      {"x*sin(x)", "x*cos(x) + sin(x)\n"},
      {"exp(-x**2)", "-2*x*exp(-x**2)\n"},
      {"atan(x)", "1/(x**2 + 1)\n"},
      {"tanh(x)", "1/cosh(x)**2\n"},
      {"sigmoid(x)", "sigmoid(x)*sigmoid(-x)\n"},
      {"erf(x)", "2*exp(-x**2)/sqrt(pi)\n"},
      {"(x + 1)*(x + 2)", "2*x + 3\n"},
      {"sin(x)/x", "cos(x)/x - sin(x)/x**2\n"},
      {"2**x", "log(2)*2**x\n"},
      {"max(x, 2)", "x < 2 ? 0 : x == 2 ? 0.5 : 1\n"},
      {"x > 0 ? sqrt(x) : x", "x > 0 ? 1/(2*sqrt(x)) : 1\n"},
      {"n = x*x; n*n", "4*x**3\n"}};
  for (const auto& [source, text] : expected) EXPECT_EQ(printed(source), text) << source;
}

TEST(Printed, conditions_are_stated_where_a_rewrite_would_enlarge_the_domain) {
  const std::pair<const char*, const char*> expected[] = {
      {"log(x)", "1/x\n# where x > 0\n"},
      {"x*log(x)", "log(x) + 1\n# where x > 0\n"},
      {"log(x**2)", "2/x\n# where x != 0\n"},
      {"x/x", "0\n# where x != 0\n"},
      {"x**2/x", "1\n# where x != 0\n"},
      {"0*log(x)", "0\n# where x > 0\n"},
      {"log(log(x))", "1/(x*log(x))\n# where x > 0\n# where log(x) > 0\n"},
      {"x > 0 ? log(x) : -x", "x > 0 ? 1/x : -1\n"},
      {"x > 1 ? x*log(x) : x/x", "x > 1 ? log(x) + 1 : 0\n# where x != 0, if x <= 1\n"},
      {"exp(log(x))", "exp(log(x))/x\n# where x > 0\n"},
      {"sqrt(x**2)", "x/sqrt(x**2)\n"}};
  for (const auto& [source, text] : expected) EXPECT_EQ(printed(source), text) << source;
}

TEST(Printed, second_and_higher_derivatives) {
  EXPECT_EQ(printed("x**4", 2), "12*x**2\n");
  EXPECT_EQ(printed("x**-1", 3), "-6/x**4\n");
  EXPECT_EQ(printed("sin(x)", 4), "sin(x)\n");
  EXPECT_EQ(printed("x**5", 6), "0\n");
  EXPECT_EQ(printed("x**3*y", 2), "d2_x_x = 6*x*y\nd2_x_y = 3*x**2\nd2_y_y = 0\n");
}

TEST(Printed, names_of_the_program_are_kept_and_never_taken) {
  EXPECT_EQ(printed("x*y"), "d_x = y\nd_y = x\n");
  EXPECT_EQ(printed("d_x*y"), "d_d_x = y\nd_y = d_x\n");
  EXPECT_EQ(printed("d_x*x"), "d_d_x = x\nd_x_ = d_x\n");
  EXPECT_EQ(printed("e = x**2 + 1; exp(e)*e"), "2*x*(exp(x**2 + 1)*(x**2 + 1) + exp(x**2 + 1))\n");
  const Program shared = parse("t1 = a + b*c + d; s = sin(t1)*cos(t1)*t1; s*t1*a");
  const std::string text = diff(shared, {.wrt = {0, 1}});
  EXPECT_EQ(parse(text).names().size(), 4u) << text;
}

TEST(Printed, in_latex) {
  const std::pair<const char*, const char*> expected[] = {
      {"3*x**2 - 4*x + 5", "6 x - 4\n"},
      {"sqrt(x)", "\\frac{1}{2 \\sqrt{x}}\n"},
      {"sin(x)**3", "3 \\sin^{2}(x) \\cos(x)\n"},
      {"exp(-x**2)", "-2 x e^{-x^{2}}\n"},
      {"alpha_1*alpha_1", "2 \\alpha_{1}\n"},
      {"x*log(x)", "\\ln(x) + 1 \\quad \\text{where } x > 0\n"},
      {"erf(x)", "\\frac{2 e^{-x^{2}}}{\\sqrt{\\pi}}\n"},
      {"x > 0 ? x**2 : -x",
       "\\begin{cases} 2 x & \\text{if } x > 0 \\\\ -1 & \\text{otherwise} \\end{cases}\n"},
      {"x > 1 ? x*log(x) : x/x",
       "\\begin{cases} \\ln(x) + 1 & \\text{if } x > 1 \\\\ 0 & \\text{otherwise} \\end{cases} "
       "\\quad "
       "\\text{where } x \\ne 0\\text{, if }x \\le 1\n"},
      {"x*y", "\\begin{aligned}\nd_{x} &= y \\\\\nd_{y} &= x\n\\end{aligned}\n"}};
  for (const auto& [source, text] : expected) {
    EXPECT_EQ(printed(source, 1, Notation::latex), text) << source;
  }
}

TEST(Printed, the_rules_used_are_named) {
  const Program program = parse("3*x**2");
  EXPECT_EQ(diff(program, {.wrt = {0}, .steps = Steps::shown}),
            "# power rule: d(x**2) = 2 * x**1 dx\n"
            "# product rule: d(3 * x**2) = 3 d(x**2)\n"
            "# simplified: x*1, x + 0, x**1 and x**0 (1)\n"
            "6*x\n");
}

// The printed C++, compiled, gives what the printed program gives.
TEST(Printed, as_cpp_compiles_and_computes_the_same) {
  const char* const sources[] = {"3*x**2 - 4*x + y", "int*x > 0 ? log(x)*y : sigmoid(y)**2",
                                 "tanh(x*y) + erf(x)/3 + atan2(y, x)*hypot(x, y, 2)",
                                 "logaddexp(x, y)*relu(x) + gelu(y) + sinc(x) + max(x, y)",
                                 "sph_bessel(2, x) + cyl_bessel_j(0, y) + lerp(x, y, 0.3)"};
  std::string code = "#include <cstdio>\n";
  std::string expected;
  for (std::size_t k = 0; k < std::size(sources); ++k) {
    const Program program = parse(sources[k]);
    const Values at = {0.7, 1.3, 2.0};
    const std::size_t names = program.names().size();
    const Differentiation what{.wrt = {names - 1}, .notation = Notation::cxx};
    std::string own = diff(program, what);
    // Helpers may be wanted by several.
    const std::string space = "f" + std::to_string(k);
    own.insert(own.find("\n\n") + 1, "namespace " + space + " {\n");
    code += own + "}\n";
    const Printed text(program, {.wrt = {names - 1}});
    expected += std::to_string(text.value(0, at)) + "\n";
    code += "void print" + space + "() { std::printf(\"%f\\n\", " + space +
            "::derivative(0.7, 1.3" + (names > 2 ? ", 2.0" : "") + ")); }\n";
  }
  code += "int main() {";
  for (std::size_t k = 0; k < std::size(sources); ++k)
    code += " printf" + std::to_string(k) + "();";
  code += " }\n";
  char folder[] = "/tmp/chainrule-diff-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = folder;
  std::ofstream(path + "/d.cpp") << code;
  const std::string command = "g++ -std=c++17 -Wall -Wextra -o " + path + "/d " + path +
                              "/d.cpp > " + path + "/log 2>&1 && " + path + "/d > " + path + "/out";
  const int status = std::system(command.c_str());
  const auto contents = [&](const char* name) {
    std::ifstream file(path + "/" + name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(status, 0) << contents("log") << code;
  EXPECT_EQ(contents("log"), "");
  EXPECT_EQ(contents("out"), expected) << code;
  ASSERT_EQ(std::system(("rm -r " + path).c_str()), 0);
}

TEST(Diff, refuses_what_makes_no_sense) {
  const Program program = parse("x*y");
  EXPECT_THROW(diff(program, {.wrt = {}}), Error);
  EXPECT_THROW(diff(program, {.wrt = {0}, .order = 0}), Error);
  EXPECT_THROW(diff(program, {.wrt = {0}, .order = 13}), Error);
  EXPECT_THROW(diff(program, {.wrt = {0, 1}, .order = 3}), Error);
  EXPECT_THROW(diff(parse("3"), {.wrt = {}}), Error);
}

// ---- size -------------------------------------------------------------------------------------

std::string chain(int length, const char* step) {
  std::string text = "a0 = x";
  for (int i = 1; i < length; ++i) {
    text += "\na" + std::to_string(i) + " = ";
    for (const char* c = step; *c != '\0'; ++c) {
      text += *c == '@' ? "a" + std::to_string(i - 1) : std::string(1, *c);
    }
  }
  return text;
}

// Text and time are linear: ten times the program is not much more than ten times of either.
TEST(Diff, is_linear_in_the_program) {
  for (const char* step :
       {"sin(@)*y + @", "@*@ + 1", "relu(@) - y*@", "@/(1 + @)", "x*@ + 2", "-(@)*x"}) {
    double seconds[2];
    std::size_t sizes[2];
    int k = 0;
    for (const int length : {1'000, 10'000}) {
      const Program program = parse(chain(length, step));
      const auto start = std::chrono::steady_clock::now();
      sizes[k] = diff(program, {.wrt = {0}}).size();
      seconds[k++] =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    EXPECT_LT(sizes[1], 16 * sizes[0] + 1000) << step;
    EXPECT_LT(seconds[1], 40 * seconds[0] + 0.05) << step;
  }
}

TEST(Diff, of_many_names_and_of_nested_choices_is_linear) {
  std::string product = "x0", choices = "x";
  for (int i = 1; i < 400; ++i) product += "*x" + std::to_string(i);
  EXPECT_LT(printed(product).size(), 60'000u);
  for (int i = 0; i < 2'000; ++i) choices = "x > " + std::to_string(i) + " ? sin(x) : " + choices;
  const Program program = parse(choices);
  EXPECT_LT(diff(program, {.wrt = {0}}).size(), 1'000'000u);
}

// ---- every operation of the table -------------------------------------------------------------

bool is_parameter(const Interval& domain) {
  const std::string_view name = domain.name;
  return name == domains::order.name || name == domains::integer.name ||
         name == domains::parameter.name;
}

// f(x, y, w), and with each choice of operands as constants; of order 2 only those in which all
// parameters are.
std::vector<std::string> programs_of(const OpInfo& row, int order) {
  std::vector<std::string> programs;
  const char* const names[] = {"x", "y", "w"};
  const char* const constants[] = {"2", "3", "0.5"};
  for (int mask = 0; mask + 1 < 1 << row.arity; ++mask) {
    std::string text = std::string(row.name) + "(";
    bool moves_parameter = false;
    for (int k = 0; k < row.arity; ++k) {
      const bool is_constant = (mask >> k & 1) != 0;
      moves_parameter = moves_parameter || (!is_constant && is_parameter(row.domain[k]));
      text += std::string(k > 0 ? ", " : "") + (is_constant ? constants[k] : names[k]);
    }
    if (order == 1 || !moves_parameter) programs.push_back(text + ")");
  }
  return programs;
}

// Formulas whose printed form leaves out what the table spends on the last digits.
double tolerance_of(Op op, int order) {
  switch (op) {
    case Op::erf:
    case Op::erfc:
    case Op::gelu:
    case Op::logaddexp:
    case Op::mish:
    case Op::beta:
    case Op::sph_bessel:
    case Op::cyl_bessel_j: return 1e-11;
    default: return order == 1 ? 2e-15 : 1e-12;
  }
}

bool agree(double got, double expected, double tolerance) {
  if (!std::isfinite(expected)) return !std::isfinite(got);
  return std::abs(got - expected) <= tolerance * std::max(std::abs(expected), 1e-2);
}

void expect_agreement(const Program& program, std::string_view source, const Values& at,
                      const Printed& derivative, int order, double tolerance, int* compared) {
  if (!derivative.holds(at)) return;
  const Values expected = test::truth(program, at, order);
  ASSERT_EQ(derivative.size(), expected.size()) << derivative.text();
  // Where a second derivative is NaN the point is singular (a division by z − z, say), and a branch
  // that the printed form no longer computes may give a number.
  const auto is_nan = [](double v) { return std::isnan(v); };
  if (order == 2 && std::any_of(expected.begin(), expected.end(), is_nan)) return;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double got = derivative.value(k, at);
    *compared += std::isfinite(expected[k]);
    std::string where;
    for (const double v : at) where += " " + std::to_string(v);
    EXPECT_TRUE(agree(got, expected[k], tolerance)) << source << ", entry " << k << " at" << where
                                                    << ": " << got << " for " << expected[k] << "\n"
                                                    << derivative.text();
  }
}

class EveryOperation : public testing::TestWithParam<int> {};

TEST_P(EveryOperation, has_its_derivative_printed_so_that_it_reads_back) {
  const OpInfo& row = kOps[static_cast<std::size_t>(GetParam())];
  constexpr double kPoints[] = {0, 0.5, -0.5, 1, -1, 2, -2.5, 0.3, 3, -3, 4.5, 7.25};
  constexpr double kOrders[] = {0, 1, 2, 3, 5};
  for (const int order : {1, 2}) {
    int compared = 0;
    for (const std::string& source : programs_of(row, order)) {
      const Program program = parse(source);
      const Printed derivative(program, {.wrt = test::all_names(program), .order = order});
      const std::size_t names = program.names().size();
      std::vector<std::span<const double>> choices;
      for (const std::string& name : program.names()) {
        const int k = name == "x" ? 0 : name == "y" ? 1 : 2;
        if (is_parameter(row.domain[k]))
          choices.emplace_back(kOrders);
        else
          choices.emplace_back(kPoints);
      }
      for (std::size_t step = 0; step < 12 * 12; ++step) {
        Values at;
        std::size_t index = step * (names > 2 ? 7 : 1);
        for (std::size_t k = 0; k < names; ++k) {
          at.push_back(choices[k][index % choices[k].size()]);
          index /= choices[k].size();
        }
        if (names == 1 && step >= choices[0].size()) break;
        expect_agreement(program, source, at, derivative, order, tolerance_of(row.op, order),
                         &compared);
        if (HasFailure()) return;
      }
    }
    EXPECT_GT(compared, 3) << row.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryOperation, testing::Range(0, kOpCount), [](const auto& test) {
  return std::string(kOps[static_cast<std::size_t>(test.param)].name);
});

// ---- random programs --------------------------------------------------------------------------

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string program(int statements) {
    std::string text;
    names_ = {"x", "y", "z"};
    for (int i = 0; i < statements; ++i) {
      const std::string name = "n" + std::to_string(i);
      text += name + " = " + term(3) + ";\n";
      names_.push_back(name);
    }
    return text + term(3) + " + n0*x + y - z";
  }

 private:
  unsigned pick(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }

  std::string term(int depth) {
    if (depth == 0 || pick(6) == 0) {
      static constexpr const char* kNumbers[] = {"2", "3", "0.5", "1", "4", "-1.5", "pi"};
      return pick(3) == 0 ? kNumbers[pick(7)] : names_[pick(static_cast<unsigned>(names_.size()))];
    }
    const auto inner = [&] { return "(" + term(depth - 1) + ")"; };
    switch (pick(16)) {
      case 0:
      case 1: return inner() + "+" + inner();
      case 2: return inner() + "-" + inner();
      case 3:
      case 4: return inner() + "*" + inner();
      case 5: return inner() + "/" + inner();
      case 6: return "-" + inner();
      case 7: return inner() + "**2";
      case 8: return "sin" + inner();
      case 9: return inner() + "> 0.25 ? " + inner() + ":" + inner();
      case 10: return "log" + inner();
      case 11: return "sqrt" + inner();
      case 12: return "max(" + term(depth - 1) + "," + term(depth - 1) + ")";
      case 13: return "relu" + inner();
      case 14: return inner() + "**" + (pick(2) == 0 ? "-1" : "3");
      default: return "tanh" + inner();
    }
  }

  std::mt19937 random_;
  std::vector<std::string> names_;
};

TEST(RandomPrograms, have_the_derivatives_that_are_printed) {
  Generator generator(11);
  std::mt19937 random(12);
  constexpr double kSpecial[] = {0, 0.25, 0.5, 1, -1, 2};
  int compared = 0;
  for (int round = 0; round < 600; ++round) {
    const std::string source = generator.program(round % 4 + 1);
    const Program program = parse(source);
    const int order = round % 3 == 0 ? 2 : 1;
    const Printed derivative(program, {.wrt = test::all_names(program), .order = order});
    for (int k = 0; k < 24; ++k) {
      Values at;
      for (std::size_t i = 0; i < program.names().size(); ++i) {
        at.push_back(k < 12 ? kSpecial[random() % 6]
                            : std::uniform_real_distribution<double>(-2, 2)(random));
      }
      const Values expected = test::truth(program, at, order);
      const bool is_wild =
          std::ranges::any_of(expected, [](double v) { return std::abs(v) > 1e6; });
      if (is_wild) continue;  // what cancels on the way there is not known
      expect_agreement(program, source, at, derivative, order, 1e-9, &compared);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(compared, 5000);
}

}  // namespace
}  // namespace chainrule::expr
