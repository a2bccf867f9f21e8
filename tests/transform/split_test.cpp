// What is kept between loops, and between two Functions, counted.
#include "chainrule/transform/split.hpp"

#include "tests/transform/loops.hpp"

namespace chainrule {
namespace {

using namespace test;

// How often an operation stands in a trace and in the bodies of its loops, and how many loops.
struct Census {
  std::size_t operations = 0, loops = 0, divisions = 0;
};
void count(const Trace& trace, Op op, Census& census) {
  std::vector<bool> needed(trace.graph.size());
  for (const Vertex v : trace.outputs) needed[v.index] = true;
  for (auto v = static_cast<std::uint32_t>(trace.graph.size()); v-- > 0;) {
    if (!needed[v]) continue;
    trace.graph.each_operand({v}, [&](Vertex x) { needed[x.index] = true; });
    const GraphNode& node = trace.graph.nodes()[v];
    if (node.kind == VertexKind::operation) {
      census.operations += node.op == op;
      census.divisions += node.op == Op::div;
    }
    if (node.kind != VertexKind::block) continue;
    const auto* loop = dynamic_cast<const Loop*>(trace.graph.calls()[node.operand[0]].block.get());
    if (loop == nullptr) continue;
    ++census.loops;
    count(loop->body().trace(), op, census);
  }
}
Census census(const Trace& trace, Op op) {
  Census all;
  count(trace, op, all);
  return all;
}

// h ← tanh(w h + x), Σ over the steps of what it was.
Scalar recurrence(const Scalars& xs, Scalar w) {
  const auto [last, ys] = scan(
      [w](Scalar h, Scalar x) {
        const Scalar next = tanh(w * h + x);
        return std::pair(next, next * next);
      },
      0.25, xs);
  Scalar sum = last;
  for (const Scalar& y : ys) sum += y;
  return sum;
}

TEST(KeepSteps, a_recurrence_and_its_adjoint_take_each_tanh_once) {
  const Function f = value_and_grad(record(recurrence, random_numbers(7, 1), 0.5), kEveryArgument);
  // As recorded: the loop, the loop that stacks its carries, and the one that runs back.
  EXPECT_EQ(census(f.trace(), Op::tanh).loops, 3u);
  EXPECT_EQ(census(f.trace(), Op::tanh).operations, 3u);
  const auto kept = keep_steps(f.trace());
  ASSERT_TRUE(kept);
  EXPECT_EQ(census(*kept, Op::tanh).loops, 2u);
  EXPECT_EQ(census(*kept, Op::tanh).operations, 1u);
}

TEST(KeepSteps, a_map_hands_its_functions_and_quotients_to_its_adjoint) {
  const auto code = [](const Scalars& xs, Scalar w) {
    return sum_over([w](Scalar x) { return exp(w * x) / (1.0 + x * x); }, xs);
  };
  const Function f = value_and_grad(record(code, random_numbers(5, 2), 0.5), kEveryArgument);
  const auto kept = keep_steps(f.trace());
  ASSERT_TRUE(kept);
  EXPECT_EQ(census(f.trace(), Op::exp).operations, 2u);
  EXPECT_EQ(census(*kept, Op::exp).operations, 1u);
  EXPECT_LT(census(*kept, Op::exp).divisions, census(f.trace(), Op::exp).divisions);
}

TEST(KeepSteps, reaches_into_the_bodies_of_loops) {
  const auto code = [](const Scalars& xs) {
    return fold([xs](Scalar c, Scalar x) { return c * x + 0.1 * recurrence(xs, x); }, 1.0, xs);
  };
  const Function f = value_and_grad(record(code, random_numbers(4, 3)));
  const auto kept = keep_steps(f.trace());
  ASSERT_TRUE(kept);
  EXPECT_EQ(census(*kept, Op::tanh).operations, 1u);
  const Vector x = random_numbers(4, 4);
  EXPECT_EQ(Function(*kept)(x), f(x));
}

TEST(KeepSteps, does_nothing_where_nothing_is_gained) {
  EXPECT_FALSE(keep_steps(record([](Scalar x) { return tanh(x); }, 1.0).trace()));
  // Sums and products are as soon computed as read.
  const auto cheap = [](const Scalars& xs) {
    return sum_over([](Scalar x) { return x * x * x; }, xs);
  };
  EXPECT_FALSE(keep_steps(value_and_grad(record(cheap, shape(6))).trace()));
  // Steps of another loop are no use.
  const auto apart = [](const Scalars& xs) {
    const Scalar a = sum_over([](Scalar x) { return tanh(x); }, xs);
    return a * sum_over([](Scalar x) { return tanh(x); }, Scalars(xs.begin() + 1, xs.end()));
  };
  EXPECT_FALSE(keep_steps(record(apart, shape(6)).trace()));
}

TEST(KeepSteps, keeps_no_more_numbers_than_memory_is_worth) {
  const auto code = [](const Scalars& xs) {
    return sum_over([](Scalar x) { return tanh(x); }, xs);
  };
  const auto is_kept = [&](std::size_t n) {
    return keep_steps(value_and_grad(record(code, shape(n))).trace()).has_value();
  };
  EXPECT_TRUE(is_kept(1u << 10));
  EXPECT_FALSE(is_kept((1u << 20) + 1));
}

TEST(KeepSteps, leaves_loops_that_branch_to_their_own_code) {
  const auto code = [](const Scalars& xs) {
    return sum_over([](Scalar x) { return x > 0.5 ? tanh(x) : exp(x); }, xs);
  };
  const Function f = value_and_grad(record(code, Vector{1.0, 2.0}));
  EXPECT_FALSE(keep_steps(f.trace()));
}

TEST(KeepSteps, keeps_guards_labels_and_lines) {
  const auto code = [](const Scalars& xs, Scalar w) {
    Scalar y = recurrence(xs, w);
    y.label("loss");
    return y > 0.0 ? y * y : y;
  };
  const Function f = value_and_grad(record(code, random_numbers(3, 5), 0.5), kEveryArgument);
  ASSERT_FALSE(f.trace().guards.empty());
  const auto kept = keep_steps(f.trace());
  ASSERT_TRUE(kept);
  EXPECT_EQ(verify(*kept), "");
  EXPECT_EQ(kept->guards.size(), f.trace().guards.size());
  EXPECT_EQ(kept->graph.labels().size(), f.trace().graph.labels().size());
  EXPECT_FALSE(kept->graph.lines().empty());
}

// ---- split ------------------------------------------------------------------------------------

TEST(Split, does_the_forward_work_once) {
  const Function f = vjp(record(recurrence, random_numbers(6, 6), 0.5), kEveryArgument);
  const auto [early, late, kept] = split(f, 2);
  EXPECT_EQ(census(early.trace(), Op::tanh).operations, 1u);
  EXPECT_EQ(census(late.trace(), Op::tanh).operations, 0u);
  EXPECT_EQ(early.outputs(), 1 + kept);
  EXPECT_EQ(late.inputs(), kept + 1);
  const Vector x = random_numbers(6, 7);
  Vector both = early(x, 0.3);
  const double y = both[0];
  both.erase(both.begin());
  both.push_back(1.0);
  Vector expected = f(x, 0.3, 1.0);
  EXPECT_EQ(y, expected[0]);
  expected.erase(expected.begin());
  EXPECT_EQ(late(std::span<const double>(both)), expected);
}

TEST(Split, of_what_does_not_depend_on_the_later_argument_leaves_nothing) {
  const auto [early, late, kept] =
      split(record([](Scalar x, Scalar) { return exp(x); }, 1.0, 2.0), 1);
  EXPECT_EQ(kept, 0u);
  EXPECT_EQ(late.outputs(), 0u);
  EXPECT_EQ(early(1.0), (Vector{std::exp(1.0)}));
}

TEST(Split, does_not_make_late_what_an_early_loop_could_read_of_a_late_one) {
  const auto code = [](const Scalars& xs, Scalar y) {
    const Scalar late = sum_over([y](Scalar x) { return tanh(x) * y; }, xs);
    return std::pair(late, sum_over([](Scalar x) { return x * tanh(x); }, xs));
  };
  const Vector x = random_numbers(4, 8);
  const auto [early, late, kept] = split(record(code, x, 1.0), 1);
  double expected = 0;
  for (const double number : x) expected += number * std::tanh(number);
  EXPECT_EQ(early.outputs(), 1 + kept);
  EXPECT_EQ(early(x).front(), expected);
}

TEST(Split, hands_on_inputs_and_not_numbers) {
  const auto [early, late, kept] =
      split(record([](Scalar x, Scalar y) { return x * y + 3.0 * y; }, 1.0, 2.0), 1);
  EXPECT_EQ(kept, 1u);
  EXPECT_EQ(early(5.0), (Vector{5.0}));
  EXPECT_EQ(late(Vector{5.0}, 2.0), (Vector{16.0}));
}

TEST(Split, guards_go_with_what_they_depend_on) {
  const Function f = record(
      [](Scalar x, Scalar y) {
        const Scalar a = x > 0.0 ? x : -x;
        return a * y > 1.0 ? a * y : y;
      },
      1.0, 2.0);
  const auto [early, late, kept] = split(f, 1);
  EXPECT_EQ(early.trace().guards.size(), 1u);
  EXPECT_EQ(late.trace().guards.size(), 1u);
  EXPECT_THROW(early(-1.0), BranchChanged);
  EXPECT_THROW(late(Vector{1.0}, 0.5), BranchChanged);
}

TEST(Split, refuses_an_argument_with_nothing_before_it) {
  const Function f = record([](Scalar x, Scalar y) { return x * y; }, 1.0, 2.0);
  for (const std::size_t argument : {std::size_t{0}, std::size_t{2}, kEveryArgument}) {
    EXPECT_THROW(split(f, argument), Error);
  }
}

}  // namespace
}  // namespace chainrule
