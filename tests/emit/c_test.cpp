// emit_c: what the C of a whole Function computes, refuses and says.
#include "chainrule/emit/c/emit_c.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "bench/families.hpp"
#include "chainrule/chainrule.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/transform/functions.hpp"
#include "tests/emit/c_library.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/small_stack.hpp"

namespace chainrule {
namespace {

using test::CLibrary;
using Values = std::vector<double>;

bool same_bits(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

void expect_same_bits(std::span<const double> got, std::span<const double> expected,
                      const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    EXPECT_TRUE(same_bits(got[k], expected[k]))
        << what << ", number " << k << ": " << got[k] << " for " << expected[k];
  }
}

EmitCOptions strict(std::string name, std::vector<CPart> parts) {
  return {.name = std::move(name), .parts = std::move(parts), .arithmetic = Arithmetic::strict};
}

template <class F>
std::string refusal_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

// ---- problems of the benchmarks ---------------------------------------------------------------

template <class Problem>
Function function_of(const Problem& problem) {
  const double* x = problem.point(0);
  return record(
      [&problem](const std::vector<Scalar>& in) {
        std::vector<Scalar> y(Problem::kOutputs);
        problem.evaluate(0, in.data(), y.data());
        return y;
      },
      Values(x, x + problem.inputs()));
}

TEST(EmitC, reprojection_and_its_jacobian_have_the_bits_of_the_function) {
  const bench::Reprojection problem(1);
  const Function f = function_of(problem);
  CLibrary library;
  library.add(emit_c(f, strict("reprojection", {CPart::value, CPart::jacobian})).source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  const Function df = jacobian(f, kEveryArgument);
  std::mt19937_64 engine(5);
  std::uniform_real_distribution<double> near(0.9, 1.1);
  for (int round = 0; round < 200; ++round) {
    Values x(problem.point(0), problem.point(0) + problem.inputs());
    for (double& number : x) number *= near(engine);
    Values y(2), z(2), j(30);
    ASSERT_EQ(library.call("reprojection_value", x, {y}), 0);
    ASSERT_EQ(library.call("reprojection_jacobian", x, {z, j}), 0);
    expect_same_bits(y, f(x), "value");
    expect_same_bits(z, y, "value beside the jacobian");
    expect_same_bits(j, df(x), "jacobian");
  }
}

TEST(EmitC, a_mixture_in_parts_has_the_bits_of_the_function) {
  const bench::Mixture problem(3, 4, 40);
  const Function f = function_of(problem);
  CLibrary library;
  const CSource c = emit_c(f, strict("mixture", {CPart::value, CPart::gradient}));
  EXPECT_NE(c.source.find("mixture_gradient_part10("), c.source.npos) << "it is long";
  EXPECT_EQ(c.source.find("malloc"), c.source.npos) << "but not that long";
  library.add(c.source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  const Function df = value_and_grad(f, kEveryArgument);
  Values x(problem.point(0), problem.point(0) + problem.inputs());
  for (int round = 0; round < 5; ++round) {
    Values y(1), g(x.size());
    ASSERT_EQ(library.call("mixture_value", x, {y}), 0);
    expect_same_bits(y, f(x), "value");
    ASSERT_EQ(library.call("mixture_gradient", x, {y, g}), 0);
    g.insert(g.begin(), y[0]);
    expect_same_bits(g, df(x), "value and gradient");
    for (double& number : x) number *= 1.01;
  }
}

TEST(EmitC, a_long_function_keeps_its_workspace_off_the_stack) {
  const auto code = [](auto x, auto y) {
    auto t = x;
    for (int i = 0; i < 2200; ++i) t = sin(t * y) + y / x;
    return t;
  };
  const Function f = record([&](Scalar x, Scalar y) { return code(x, y); }, 0.5, 1.25);
  const CSource c = emit_c(f, strict("chain", {CPart::gradient}));
  EXPECT_NE(c.source.find("malloc"), c.source.npos);
  EXPECT_NE(c.header.find("-1, where there is no memory"), c.header.npos);
  CLibrary library;
  library.add(c.source);
  ASSERT_NO_FATAL_FAILURE(library.compile("-O0"));
  test::on_a_small_stack([&] {
    const Values x = {0.75, 1.5};
    Values y(1), g(2);
    ASSERT_EQ(library.call("chain_gradient", x, {y, g}), 0);
    const Values expected = value_and_grad(f, kEveryArgument)(std::span<const double>(x));
    expect_same_bits({{y[0], g[0], g[1]}}, expected, "chain");
  });
}

// ---- random programs --------------------------------------------------------------------------

// Rows that C99 has, with their derivatives.
std::vector<Op> rows_of_c() {
  std::vector<Op> ops;
  for (const OpInfo& row : kOps) {
    const Function f =
        record([&](const std::vector<Scalar>& x) { return read_value<Scalar>(row.op, x.data()); },
               Values{0.5, 0.25, 0.125});
    try {
      emit_c(f);
      ops.push_back(row.op);
    } catch (const Error&) {
    }
  }
  return ops;
}

// The first guard, counted from 1, that does not hold; 0 if all do.
class FirstBroken {
 public:
  explicit FirstBroken(const Trace& trace) : guards_(trace.guards), values_(guard_values(trace)) {}
  int operator()(std::span<const double> x) const {
    const Values values = values_(x);
    for (std::size_t k = 0; k < guards_.size(); ++k) {
      if (!same_bits(values[k], guards_[k].expected)) return static_cast<int>(k + 1);
    }
    return 0;
  }

 private:
  static Function guard_values(Trace trace) {
    trace.outputs.clear();
    for (const Guard& guard : trace.guards) trace.outputs.push_back(guard.node);
    const auto count = static_cast<std::uint32_t>(trace.outputs.size());
    trace.results = {{"g", {Element::f64, {count}}, 0, count}};
    trace.guards.clear();
    return Function(std::move(trace));
  }
  std::vector<Guard> guards_;
  Function values_;
};

constexpr OptimiseOptions kStrict{Arithmetic::strict, OptimiseOptions::Fma::as_function};

TEST(EmitC, random_programs_give_what_the_function_gives_or_the_guard_that_does_not_hold) {
  constexpr std::uint64_t kPrograms = 120;
  const std::vector<Op> all = rows_of_c();
  std::mt19937_64 engine(3);
  std::uniform_real_distribution<double> point(-2.5, 2.5);
  CLibrary library;
  std::vector<Function> functions;
  for (std::uint64_t seed = 0; seed < kPrograms; ++seed) {
    const auto program = test::ProgramGenerator(seed, {.ops = all}).block(2);
    functions.push_back(record(
        [program](const std::vector<Scalar>& x) { return test::value_of<Scalar>(program, x); },
        Values{point(engine), point(engine)}));
    const std::string name = "p" + std::to_string(seed);
    library.add(emit_c(functions.back(), strict(name, {CPart::value, CPart::gradient})).source);
  }
  ASSERT_NO_FATAL_FAILURE(library.compile());
  std::size_t compared = 0, broken = 0;
  for (std::uint64_t seed = 0; seed < kPrograms; ++seed) {
    const Function alone(functions[seed].trace());
    const Function slopes = value_and_grad(alone, kEveryArgument);
    // Guards that always hold are left out: which number one has the header says.
    const FirstBroken first_broken(alone.trace());
    const FirstBroken first_of_c(optimise(alone.trace(), kStrict));
    const std::string name = "p" + std::to_string(seed);
    for (int round = 0; round < 40; ++round) {
      const Values x = {point(engine), point(engine)};
      Values y = {1e99}, z = {1e99}, g = {1e99, 1e99};
      const int guard = library.call(name + "_value", x, {y});
      EXPECT_EQ(guard, first_of_c(x)) << name;
      EXPECT_EQ(guard != 0, first_broken(x) != 0) << name;
      EXPECT_EQ(library.call(name + "_gradient", x, {z, g}) != 0, guard != 0) << name;
      if (guard != 0) {
        EXPECT_EQ(y[0], 1e99) << "written";
        EXPECT_EQ(g[1], 1e99) << "written";
        ++broken;
        continue;
      }
      const Values expected = slopes(std::span<const double>(x));
      EXPECT_TRUE(same_bits(y[0], expected[0])) << name << ": " << y[0] << " for " << expected[0];
      expect_same_bits({{z[0], g[0], g[1]}}, expected, name);
      ++compared;
    }
  }
  EXPECT_GT(compared, 1000u);
  EXPECT_GT(broken, 300u);
}

// Reassociated: every step within a few units in the last place, and these programs are short.
TEST(EmitC, relaxed_arithmetic_is_off_by_rounding_alone) {
  constexpr std::uint64_t kPrograms = 60;
  std::mt19937_64 engine(4);
  std::uniform_real_distribution<double> point(-2.5, 2.5);
  CLibrary library;
  std::vector<Function> functions;
  for (std::uint64_t seed = 0; seed < kPrograms; ++seed) {
    const auto program = test::ProgramGenerator(seed, {.ops = test::kSmooth}).block(2);
    functions.push_back(record(
        [program](const std::vector<Scalar>& x) { return test::value_of<Scalar>(program, x); },
        Values{point(engine), point(engine)}));
    library.add(emit_c(functions.back(), {.name = "p" + std::to_string(seed)}).source);
  }
  ASSERT_NO_FATAL_FAILURE(library.compile());
  std::size_t compared = 0;
  for (std::uint64_t seed = 0; seed < kPrograms; ++seed) {
    const Function slopes = value_and_grad(functions[seed], kEveryArgument);
    for (int round = 0; round < 40; ++round) {
      const Values x = {point(engine), point(engine)};
      Values y(3);
      if (library.call("p" + std::to_string(seed) + "_gradient", x, {{&y[0], 1}, {&y[1], 2}}) != 0)
        continue;
      const Values expected = slopes(std::span<const double>(x));
      for (std::size_t k = 0; k < 3; ++k) {
        if (!std::isfinite(expected[k]) || std::abs(expected[k]) > 1e6) continue;
        EXPECT_NEAR(y[k], expected[k], 1e-10 * (1 + std::abs(expected[k]))) << seed;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 3000u);
}

TEST(EmitC, a_guard_on_a_number_holds_for_its_bits_alone) {
  const double numbers[] = {0.0, -0.0, 2.5, -INFINITY, NAN};
  CLibrary library;
  for (std::size_t k = 0; k < std::size(numbers); ++k) {
    Graph graph;
    const Node x = graph.placeholder("x");
    const Node half = x * 0.5;
    Trace trace = to_trace(graph, {half + 1.0});
    trace.guards.push_back({half.vertex(), numbers[k], {}});
    library.add(emit_c(Function(trace), {.name = "g" + std::to_string(k)}).source);
  }
  ASSERT_NO_FATAL_FAILURE(library.compile());
  for (std::size_t k = 0; k < std::size(numbers); ++k) {
    for (const double other : numbers) {
      Values y = {7};
      const bool holds = same_bits(numbers[k], other);
      EXPECT_EQ(library.call("g" + std::to_string(k) + "_value", {{2 * other}}, {y}), holds ? 0 : 1)
          << numbers[k] << " and " << other;
      EXPECT_TRUE(same_bits(y[0], holds ? other + 1 : 7));
    }
  }
}

// ---- digits -----------------------------------------------------------------------------------

TEST(EmitC, strict_squares_are_those_of_pow) {
  const Function f = record([](Scalar x) { return pow(x, 2); }, 1.0);
  CLibrary library;
  library.add(emit_c(f, strict("power", {CPart::value})).source);
  ASSERT_NO_FATAL_FAILURE(library.compile("-O2"));
  std::mt19937_64 engine(8);
  std::uniform_real_distribution<double> point(1, 10);
  int no_squares = 0;
  for (int round = 0; round < 100'000; ++round) {
    const Values x = {point(engine)};
    Values y(1);
    ASSERT_EQ(library.call("power_value", x, {y}), 0);
    ASSERT_EQ(y[0], std::pow(x[0], 2.0 + 0 * y[0]));
    no_squares += y[0] != x[0] * x[0];
  }
  EXPECT_GT(no_squares, 0) << "the C library rounds every square correctly: nothing was tested";
}

TEST(EmitC, numbers_come_back_to_the_last_bit) {
  const Values numbers = {0.1, -0.0, 5e-324, 1.7976931348623157e308, 1.0 / 3, INFINITY, -INFINITY,
                          NAN, 1e22, -2.5,   4503599627370497.5,     3};
  const Function f = record(
      [&](Scalar x) {
        std::vector<Scalar> y;
        for (const double number : numbers) y.push_back(select(x > 0.0, number, x));
        return y;
      },
      1.0);
  CLibrary library;
  library.add(emit_c(f, strict("numbers", {CPart::value})).source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  Values y(numbers.size());
  ASSERT_EQ(library.call("numbers_value", {{1.0}}, {y}), 0);
  expect_same_bits(y, numbers, "numbers");
}

// ---- derivatives ------------------------------------------------------------------------------

TEST(EmitC, a_hessian_comes_with_value_and_gradient) {
  const auto code = [](Scalar x, const std::vector<Scalar>& z) {
    return x * x * z[0] + exp(z[1] * x) + z[0] / z[1];
  };
  const Function f = record(code, 1.5, Values{2, 3});
  CLibrary library;
  library.add(emit_c(f, strict("h", {CPart::hessian, CPart::jacobian})).source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  const Values point = {0.5, 1.25, -0.75};
  const std::span<const double> x = point;
  Values y(1), g(3), h(9), j(3);
  ASSERT_EQ(library.call("h_hessian", x, {y, g, h}), 0);
  expect_same_bits(y, f(x), "value");
  expect_same_bits(g, grad(f, kEveryArgument)(x), "gradient");
  expect_same_bits(h, hessian(f, kEveryArgument)(x), "hessian");
  ASSERT_EQ(library.call("h_jacobian", x, {y, j}), 0);
  expect_same_bits(j, jacobian(f, kEveryArgument)(x), "jacobian");
}

TEST(EmitC, differentiates_by_some_inputs_in_the_order_in_which_they_are_asked_for) {
  const Function f =
      record([](Scalar x, Scalar y, Scalar z) { return x * y * y + z * x; }, 1.0, 2.0, 3.0);
  CLibrary library;
  const CSource c = emit_c(f, {.name = "some", .parts = {CPart::gradient}, .by = {2, 0}});
  library.add(c.source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  Values y(1), g(2);
  ASSERT_EQ(library.call("some_gradient", {{5.0, 3.0, 7.0}}, {y, g}), 0);
  EXPECT_EQ(y[0], 5 * 9 + 35);
  EXPECT_EQ(g, (Values{5, 16}));
  EXPECT_NE(c.header.find("     0  x[2] x2\n     1  x[0] x0\n"), c.header.npos) << c.header;
}

// ---- the files --------------------------------------------------------------------------------

TEST(EmitC, writes_c_that_people_can_read) {
  const Function f = record(
      [](Scalar x, Scalar y) {
        Scalar area = x * y;
        area.label("area");
        return sigmoid(area) + area;
      },
      1.0, 2.0);
  const CSource c = emit_c(f, {.name = "f", .parts = {CPart::value}});
  EXPECT_EQ(c.source.substr(c.header.size()),
            "\n#include <math.h>\n\n"
            "static double f_sigmoid(double x) {\n"
            "  const double t1 = exp(-fabs(x));\n"
            "  return (x < 0.0 ? t1 : 1.0) / (1.0 + t1);\n"
            "}\n\n"
            "int f_value(const double *x, double *y) {\n"
            "  const double v2 = x[0] * x[1]; /* area */\n"
            "  y[0] = v2 + f_sigmoid(v2);\n"
            "  return 0;\n"
            "}\n");
}

TEST(EmitC, the_header_serves_c_and_cpp_and_says_what_guards_are) {
  const int line = __LINE__ + 1;
  const Function f = record([](Scalar x) { return x > 0.0 ? x : -x; }, 1.0);
  const CSource c = emit_c(f, {.name = "size"});
  EXPECT_NE(c.header.find("size_value has 1 guard:"), c.header.npos) << c.header;
  EXPECT_NE(c.header.find("c_test.cpp:" + std::to_string(line)), c.header.npos) << c.header;
  CLibrary library;
  save_c(c, library.folder() + "/size.c");
  EXPECT_EQ(library.contents("size.c"), c.source);
  EXPECT_EQ(library.contents("size.h"), c.header);
  std::ofstream(library.folder() + "/use.c")
      << "#include \"size.h\"\n#include \"size.h\"\n"
         "int main(void) {\n  double x[size_inputs] = {3}, y[size_outputs], g[size_columns];\n"
         "  return size_gradient(x, y, g) == 0 && y[0] == 3 && g[0] == 1 ? 0 : 1;\n}\n";
  const std::string go = "cd " + library.folder() + " && cp use.c use.cpp && ";
  const std::string flags = " -Wall -Wextra -Wpedantic -Werror ";
  EXPECT_TRUE(CLibrary::shell(go + "cc -std=c99" + flags + "-c size.c && cc -std=c99" + flags +
                              "use.c size.o -o use -lm && ./use"));
  EXPECT_TRUE(
      CLibrary::shell(go + "c++ -std=c++17" + flags + "use.cpp size.o -o use -lm && ./use"));
}

TEST(EmitC, no_name_ends_its_comment_and_none_is_a_word_of_c) {
  Graph graph;
  const Node x = graph.placeholder("*/ int main; /*\\");
  const Trace trace = to_trace(graph, {x * x}, "double");
  CLibrary library;
  library.add(emit_c(Function(trace)).source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  Values y(1);
  ASSERT_EQ(library.call("double_value", {{3.0}}, {y}), 0);
  EXPECT_EQ(y[0], 9);
  EXPECT_EQ(emit_c(Function(to_trace(graph, {x}, "2 b"))).name, "f2_b");
  EXPECT_EQ(refusal_of([&] { emit_c(Function(trace), {.name = "a-b"}); }),
            "[emit_c] the name 'a-b' is no C identifier: letters, digits and _");
}

TEST(EmitC, constant_outputs_and_unused_inputs_compile) {
  const Function f = record(
      [](Scalar x, Scalar) {
        return std::vector<Scalar>{1.5, x, x};
      },
      1.0, 2.0);
  CLibrary library;
  library.add(emit_c(f, {.name = "c"}).source);
  library.add(
      emit_c(record([] { return Scalar(2.5); }), {.name = "none", .parts = {CPart::value}}).source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  Values y(3), j(6);
  ASSERT_EQ(library.call("c_jacobian", {{4.0, 5.0}}, {y, j}), 0);
  EXPECT_EQ(y, (Values{1.5, 4, 4}));
  EXPECT_EQ(j, (Values{0, 0, 1, 0, 1, 0}));
  ASSERT_EQ(library.call("none_value", {}, {{y.data(), 1}}), 0);
  EXPECT_EQ(y[0], 2.5);
}

// ---- what is refused --------------------------------------------------------------------------

class Twice final : public Block {
 public:
  std::string_view name() const override { return "twice"; }
  std::size_t inputs() const override { return 1; }
  std::size_t outputs() const override { return 1; }
  void value(std::span<const double> x, std::span<double> z) const override { z[0] = 2 * x[0]; }
  void vjp(std::span<const double>, std::span<const double>, std::span<const double> zbar,
           std::span<double> xbar) const override {
    xbar[0] = 2 * zbar[0];
  }
};

TEST(EmitC, blocks_and_what_c_lacks_are_refused_by_name) {
  const auto twice = std::make_shared<const Twice>();
  const Function block = record([&](Scalar x) { return call(twice, {{x}})[0] + x; }, 1.0);
  EXPECT_EQ(refusal_of([&] { emit_c(block); }), "[emit_c] the block 'twice' has no C source");
  const Function special = record([](Scalar x) { return digamma(x); }, 1.0);
  EXPECT_EQ(refusal_of([&] { emit_c(special); }),
            "[emit_c] C99 has no function for the operation 'digamma' (derivative of lgamma)");
  const Function pair = record([](Scalar x) { return std::vector<Scalar>{x, x}; }, 1.0);
  EXPECT_EQ(refusal_of([&] { emit_c(pair, {.parts = {CPart::gradient}}); }),
            "[emit_c] the function has 2 outputs, not one: it has no gradient, but a jacobian");
  EXPECT_EQ(refusal_of([&] { emit_c(pair, {.by = {1}}); }),
            "[emit_c] there is no input 1: the function has 1");
  const Function product = record([](Scalar x, Scalar y) { return x * y; }, 1.0, 2.0);
  EXPECT_EQ(refusal_of([&] {
              emit_c(product, {.by = {1, 0, 1}});
            }),
            "[emit_c] input 1 is to be differentiated by twice: as column 0 and column 2");
  EXPECT_EQ(refusal_of([&] { emit_c(product, {.parts = {CPart::value}, .by = {1}}); }),
            "[emit_c] 1 input to differentiate by, but the value alone is to be written");
  EXPECT_EQ(refusal_of([&] {
              emit_c(product, {.parts = {static_cast<CPart>(9), CPart::value}});
            }),
            "[emit_c] there is no part number 9");
  EXPECT_EQ(refusal_of([&] { emit_c(product, {.arithmetic = static_cast<Arithmetic>(9)}); }),
            "[optimise] there is no arithmetic number 9");
  EXPECT_EQ(refusal_of([&] { save_c(emit_c(pair), "/tmp/f.h"); }),
            "[save_c] the source and its header are both '/tmp/f.h'");
}

}  // namespace
}  // namespace chainrule
