// optimise(): the passes one after another, on what the transforms record.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "chainrule/chainrule.hpp"
#include "chainrule/op/reductions.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"
#include "chainrule/transform/functions.hpp"
#include "tests/optimise/formula.hpp"
#include "tests/optimise/wild.hpp"
#include "tests/support/small_stack.hpp"

namespace chainrule {
namespace {

std::size_t count(const Trace& trace, Op op) {
  std::size_t n = 0;
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    n += passes::is_operation(trace.graph, {v}, op);
  }
  return n;
}

Function dot_product(std::size_t n) {
  return record(
      [n](std::span<const Scalar> x) {
        Scalar sum = 0.0;
        for (std::size_t k = 0; k < n; ++k) sum += x[k] * x[n + k];
        return sum;
      },
      shape(2 * n));
}

Function rosenbrock(std::size_t n) {
  return record(
      [n](std::span<const Scalar> x) {
        Scalar sum = 0.0;
        for (std::size_t k = 0; k + 1 < n; ++k) {
          const Scalar a = x[k + 1] - x[k] * x[k], b = 1.0 - x[k];
          sum += 100.0 * a * a + b * b;
        }
        return sum;
      },
      shape(n));
}

TEST(Optimise, without_notes_makes_the_same_nodes_and_no_labels_or_lines) {
  Trace trace = grad(rosenbrock(5)).trace();
  trace.graph.label(trace.outputs[0], "first");
  const Trace with = optimise(trace);
  const Trace without = optimise(trace, {.notes = OptimiseOptions::Notes::drop});
  EXPECT_FALSE(with.graph.labels().empty());
  EXPECT_FALSE(with.graph.lines().empty());
  EXPECT_TRUE(without.graph.labels().empty());
  EXPECT_TRUE(without.graph.lines().empty());
  EXPECT_TRUE(std::ranges::equal(with.graph.nodes(), without.graph.nodes()));
}

TEST(Optimise, reports_each_pass_with_its_nodes_and_time) {
  std::vector<PassReport> reports;
  const Trace trace = optimise(grad(rosenbrock(5)).trace(), {}, &reports);
  std::vector<std::string_view> names;
  for (const PassReport& report : reports) names.push_back(report.name);
  EXPECT_EQ(names, (std::vector<std::string_view>{"prune", "fold", "share", "rewrite", "sigmoids",
                                                  "power", "reciprocal", "sigmoids", "scale",
                                                  "fuse", "signs", "prune", "order"}));
  EXPECT_EQ(reports.front().nodes_before, grad(rosenbrock(5)).trace().graph.size());
  EXPECT_EQ(reports.back().nodes_after, trace.graph.size());
  for (std::size_t k = 1; k < reports.size(); ++k) {
    EXPECT_EQ(reports[k].nodes_before, reports[k - 1].nodes_after);
  }
}

TEST(Optimise, the_gradient_of_a_dot_product_computes_nothing) {
  const Trace trace = optimise(grad(dot_product(5)).trace());
  EXPECT_EQ(trace.graph.operations().size(), 0u);
  EXPECT_EQ(Function(trace)(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
            (std::vector<double>{6, 7, 8, 9, 10, 1, 2, 3, 4, 5}));
}

TEST(Optimise, a_dot_product_is_a_chain_of_fused_operations) {
  const Trace trace = optimise(value_and_grad(dot_product(5)).trace());
  EXPECT_EQ(count(trace, Op::fma), 5u);
  EXPECT_EQ(trace.graph.operations().size(), 5u);
}

TEST(Optimise, the_gradient_of_half_a_square_is_no_product) {
  // ∂/∂x ½ Σ x² = x.
  const Function f = record(
      [](std::span<const Scalar> x) {
        Scalar sum = 0.0;
        for (const Scalar& term : x) sum += term * term;
        return 0.5 * sum;
      },
      shape(3));
  const Trace trace = optimise(grad(f).trace());
  EXPECT_EQ(trace.outputs, trace.inputs);
}

TEST(Optimise, the_derivative_of_a_cube_has_no_power_left) {
  const Function f = record([](Scalar x) { return pow(x, 3.0); }, 1.0);
  const Trace trace = optimise(value_and_grad(f).trace());
  EXPECT_EQ(count(trace, Op::pow), 0u);
  EXPECT_EQ(formula(trace), "mul(x,mul(x,x)) mul(mul(x,x),3)");
}

TEST(Optimise, the_derivative_of_a_quotient_divides_once) {
  const Function f =
      record([](Scalar x, Scalar y) { return x / sqrt(y) + sin(x / sqrt(y)); }, 1.0, 2.0);
  const Function both = record(
      [](Scalar x, Scalar y) {
        const Scalar root = sqrt(y);
        return std::vector<Scalar>{x / root, 1.0 / root, -((x / root) / root)};
      },
      1.0, 2.0);
  EXPECT_EQ(count(optimise(f.trace()), Op::div), 1u) << "the two quotients are one value";
  EXPECT_EQ(count(optimise(both.trace()), Op::div), 1u);
  EXPECT_EQ(count(optimise(both.trace(), kStrict), Op::div), 3u) << "(x/√y)/√y is rounded twice";
}

TEST(Optimise, the_hessian_of_rosenbrock_has_what_its_formula_has) {
  // ∂²/∂x² = 1200 x² − 400 y + 2, ∂²/∂x∂y = −400 x, ∂²/∂y² = 200.
  const Trace trace = optimise(hessian(rosenbrock(2)).trace());
  EXPECT_LE(trace.graph.operations().size(), 12u);
  for (const double x : {-1.5, 0.0, 0.25, 3.0}) {
    for (const double y : {-2.0, 1.0}) {
      const std::vector<double> h = Function(trace)(std::vector<double>{x, y});
      EXPECT_DOUBLE_EQ(h[0], 1200 * x * x - 400 * y + 2);
      EXPECT_DOUBLE_EQ(h[1], -400 * x);
      EXPECT_DOUBLE_EQ(h[2], -400 * x);
      EXPECT_DOUBLE_EQ(h[3], 200);
    }
  }
}

TEST(Optimise, gradients_have_no_sum_with_zero_left_but_where_it_matters) {
  // The first term of a sum that began with 0.0 may be −0; the others and the gradient may not.
  const Trace trace = optimise(value_and_grad(rosenbrock(20)).trace(), kStrict);
  std::size_t sums_with_zero = 0;
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    if (!passes::is_operation(trace.graph, {v}, Op::add)) continue;
    trace.graph.each_operand(Vertex{v}, [&](Vertex x) {
      sums_with_zero += passes::is_number(trace.graph, x) && passes::number_of(trace.graph, x) == 0;
    });
  }
  EXPECT_EQ(sums_with_zero, 0u) << "b·b is never −0, nor is a sum with it";
}

TEST(Optimise, gates_of_known_branches_vanish) {
  // The gradient of a choice between x and y: two selects, and no truth computed twice.
  const Function f =
      record([](Scalar x, Scalar y) { return select(x > y, x * x, y * y); }, 1.0, 2.0);
  const Trace trace = optimise(grad(f).trace());
  EXPECT_EQ(count(trace, Op::lt) + count(trace, Op::gt), 1u);
  EXPECT_EQ(count(trace, Op::negate) + count(trace, Op::both) + count(trace, Op::either), 0u);
}

TEST(Optimise, gives_a_derivative_the_values_that_it_had) {
  const Function f = record(
      [](std::span<const Scalar> x) {
        return logsumexp(x) + pow(x[0], 2.5) / hypot(x[1], x[2]) + max(x[0], x[1]) * tanh(x[2]);
      },
      shape(3));
  std::mt19937 random(8);
  std::uniform_real_distribution<double> uniform(0.1, 2);
  for (const Function& g : {f, value_and_grad(f), hessian(f), jvp(f), hvp(f)}) {
    const Function recorded(g.trace()), relaxed(optimise(g.trace())),
        strict(optimise(g.trace(), kStrict));
    std::vector<double> x(g.inputs()), expected(g.outputs()), found(g.outputs());
    for (int k = 0; k < 50; ++k) {
      for (double& entry : x) entry = uniform(random);
      recorded.evaluate(x, expected);
      relaxed.evaluate(x, found);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], 1e-13 * (1 + std::fabs(expected[i])));
      }
      strict.evaluate(x, found);
      EXPECT_EQ(found, expected);
    }
  }
}

TEST(Optimise, a_second_time_finds_nothing_more) {
  std::mt19937 random(9);
  for (int round = 0; round < 1000; ++round) {
    const Trace trace = wild_trace(random, 20 + static_cast<std::uint32_t>(round) % 60).trace;
    for (const OptimiseOptions& options : {OptimiseOptions{}, kStrict}) {
      const Trace once = optimise(trace, options);
      ASSERT_EQ(optimise(once, options).graph.size(), once.graph.size()) << formula(once);
    }
  }
}

TEST(Optimise, an_empty_trace_and_one_without_operations_stay) {
  EXPECT_EQ(optimise(Trace{}).graph.size(), 0u);
  const Function f = record([](Scalar x) { return std::vector<Scalar>{x, 3.0, x}; }, 1.0);
  EXPECT_TRUE(optimise(f.trace()) == f.trace());
}

// ---- long ones --------------------------------------------------------------------------------

// x ← (x·a + b)/c − a: as many nodes as asked for, each with a source line.
Trace chain(std::uint32_t nodes) {
  Graph graph;
  const std::uint32_t file = graph.file("chain.cpp");
  const std::uint32_t a = graph.placeholder("a").vertex().index;
  const std::uint32_t b = graph.placeholder("b").vertex().index;
  const std::uint32_t c = graph.placeholder("c").vertex().index;
  std::uint32_t x = a;
  constexpr Op kRound[] = {Op::mul, Op::add, Op::div, Op::sub};
  const std::uint32_t other[] = {a, b, c, a};
  for (std::uint32_t k = 0; graph.size() < nodes; ++k) {
    x = graph.append({VertexKind::operation, kRound[k % 4], 0, {x, other[k % 4], 0}}).index;
    graph.locate({x}, {file, k % 100});
  }
  return to_trace(graph, {Node(graph, {x})});
}

#ifdef NDEBUG
constexpr std::uint32_t kLong = 10'000'000;
#else  // verify() runs after each pass
constexpr std::uint32_t kLong = CHAINRULE_TEST_SANITIZED ? 100'000 : 500'000;
#endif

TEST(Optimise, a_chain_of_ten_million_nodes_needs_no_stack) {
  test::on_a_small_stack([] {
    const Trace trace = chain(kLong);
    EXPECT_LT(optimise(trace).graph.size(), trace.graph.size() * 4 / 5);
  });
}

}  // namespace
}  // namespace chainrule
