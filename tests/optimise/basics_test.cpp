// prune, fold, share, signs: what they drop, and what must stay.
#include <gtest/gtest.h>

#include <chrono>

#include "chainrule/graph/function.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"
#include "tests/graph/traces.hpp"
#include "tests/optimise/formula.hpp"

namespace chainrule {
namespace {

using passes::fold;
using passes::prune;
using passes::share;
using passes::signs;

std::size_t operations(const Trace& trace) { return trace.graph.operations().size(); }

// ---- prune ------------------------------------------------------------------------------------

TEST(Prune, drops_what_no_output_needs_and_keeps_every_input) {
  const Trace trace = prune(trace_of([](Node x, Node y, Node) {
                              exp(y) * 3.0;
                              return x + 1.0;
                            }),
                            {});
  EXPECT_EQ(formula(trace), "add(x,1)");
  EXPECT_EQ(trace.inputs.size(), 3u);
  EXPECT_EQ(trace.graph.size(), 5u);
  EXPECT_EQ(verify(trace), "");
}

TEST(Prune, keeps_what_a_guard_needs) {
  Graph graph;
  const Node x = graph.placeholder("x");
  const Node test = sin(x) > 0.5;
  Trace trace = to_trace(graph, {x});
  trace.guards.push_back({test.vertex(), 1, {}});
  const Trace pruned = prune(trace, {});
  EXPECT_EQ(operations(pruned), 2u);
  EXPECT_TRUE(passes::is_operation(pruned.graph, pruned.guards[0].node, Op::gt));
}

TEST(Prune, keeps_a_block_with_all_its_outputs_if_one_is_needed_and_drops_it_otherwise) {
  Graph graph;
  const Node x = graph.placeholder("x");
  const Node sine = sin(x), cosine = cos(x);
  const std::vector<Node> needed = graph.call(std::make_shared<Sums>(1, 1, 3), std::span(&sine, 1));
  const std::vector<Node> other =
      graph.call(std::make_shared<Sums>(1, 1, 3), std::span(&cosine, 1));
  const Trace pruned = prune(to_trace(graph, {needed[1]}), {});
  EXPECT_EQ(verify(pruned), "");
  EXPECT_EQ(pruned.graph.calls().size(), 1u);
  EXPECT_EQ(pruned.graph.size(), 6u);
  EXPECT_EQ(formula(pruned), "block(sin(x))[1]");
}

TEST(Prune, carries_names_labels_and_source_lines_over) {
  Graph graph;
  graph.file("unused.cpp");
  const std::uint32_t file = graph.file("main.cpp");
  const Node x = graph.placeholder("angle");
  exp(x);
  const Node sine = sin(x);
  graph.name(sine.vertex(), "height");
  graph.locate(sine.vertex(), {file, 12});
  const Trace trace = to_trace(graph, {sine}, "swing");
  const Trace pruned = prune(trace, {});
  EXPECT_EQ(pruned.name, "swing");
  EXPECT_EQ(pruned.arguments, trace.arguments);
  EXPECT_EQ(pruned.results, trace.results);
  EXPECT_EQ(pruned.graph.name_of(pruned.inputs[0]), "angle");
  EXPECT_EQ(pruned.graph.name_of(pruned.outputs[0]), "height");
  const SourceLine at = pruned.graph.line_of(pruned.outputs[0]);
  EXPECT_EQ(pruned.graph.files()[at.file], "main.cpp");
  EXPECT_EQ(at.line, 12u);
}

TEST(Prune, keeps_an_input_that_is_an_array) {
  Graph graph;
  const Node x = graph.placeholder("x"), table = graph.placeholder("t", {Element::f64, {2, 3}});
  exp(x);
  const Trace pruned = prune(to_trace(graph, {x}), {});
  EXPECT_EQ(verify(pruned), "");
  EXPECT_EQ(pruned.graph.types()[pruned.graph[pruned.inputs[1]].type], table.type());
}

// ---- fold -------------------------------------------------------------------------------------

TEST(Fold, computes_what_depends_on_numbers_alone_as_the_row_would) {
  const Trace trace = trace_of([](Node x, Node, Node) {
    Graph& graph = x.graph();
    return x * sin(exp(graph.number(0.3)) - graph.number(0.1));
  });
  const Trace folded = fold(trace, kStrict);
  EXPECT_EQ(operations(folded), 1u);
  EXPECT_EQ(difference(trace, folded), "");
}

TEST(Fold, a_variable_that_is_no_input_is_a_number) {
  Graph graph;
  const Node x = graph.placeholder("x"), v = graph.variable(1.5, "v");
  EXPECT_EQ(formula(fold(to_trace(graph, {x * (v + v)}), {})), "mul(x,3)");
}

TEST(Fold, a_variable_that_is_an_input_is_none) {
  Graph graph;
  const Node v = graph.variable(1.5, "v");
  Trace trace = to_trace(graph, {v + v});
  trace.inputs = {v.vertex()};
  trace.arguments = {{"v", {}, 0, 1}};
  ASSERT_EQ(verify(trace), "");
  const Trace folded = fold(trace, {});
  EXPECT_EQ(folded.graph[folded.inputs[0]].kind, VertexKind::variable);
  EXPECT_EQ(Function(folded)(4.0)[0], 8);
}

Trace with_guard_on_a_number(double expected) {
  Graph graph;
  const Node x = graph.placeholder("x"), test = graph.number(2) > graph.number(1);
  Trace trace = to_trace(graph, {x});
  trace.guards.push_back({test.vertex(), expected, {}});
  return trace;
}

TEST(Fold, a_guard_that_always_holds_is_dropped_and_one_that_never_holds_stays) {
  EXPECT_TRUE(fold(with_guard_on_a_number(1), {}).guards.empty());
  const Trace never = fold(with_guard_on_a_number(0), {});
  ASSERT_EQ(never.guards.size(), 1u);
  EXPECT_EQ(verify(never), "");
  const Function f(never);
  EXPECT_THROW(f(1.0), BranchChanged);
}

TEST(Fold, the_inputs_of_a_block_may_be_numbers_and_its_outputs_are_not_computed) {
  Graph graph;
  const Node x = graph.placeholder("x"), two = graph.number(2) * graph.number(1);
  const Node z = graph.call(std::make_shared<Sums>(1, 1, 1), std::span(&two, 1))[0];
  EXPECT_EQ(formula(fold(to_trace(graph, {x + z}), {})), "add(x,block(2)[0])");
}

// ---- share ------------------------------------------------------------------------------------

TEST(Share, one_value_is_computed_once) {
  const Trace trace = trace_of([](Node x, Node y, Node) {
    return std::vector{y + sin(x * y), y + sin(x * y), cos(x * y)};
  });
  const Trace shared = share(trace, kStrict);
  EXPECT_EQ(formula(shared), formula(trace));
  EXPECT_EQ(operations(trace), 8u);
  EXPECT_EQ(operations(shared), 4u);
}

TEST(Share, operands_of_rows_that_commute_are_put_in_order) {
  const Trace shared = share(trace_of([](Node x, Node y, Node w) {
                               return std::vector{y * x,       x * y,       w + x,  x + w,
                                                  hypot(y, x), hypot(x, y), y == x, x == y};
                             }),
                             kStrict);
  EXPECT_EQ(operations(shared), 4u);
}

TEST(Share, operands_of_other_rows_are_not) {
  const Trace shared = share(trace_of([](Node x, Node y, Node) {
                               return std::vector{y - x, x - y, y < x, x < y, pow(x, y), pow(y, x)};
                             }),
                             kStrict);
  EXPECT_EQ(operations(shared), 6u);
}

TEST(Share, max_and_min_commute_where_no_operand_is_minus_zero) {
  // max(+0, −0) is −0, and max(−0, +0) is +0.
  const Trace any = trace_of([](Node x, Node y, Node) {
    return std::vector{max(x, y), max(y, x)};
  });
  EXPECT_EQ(operations(share(any, kStrict)), 2u);
  const Trace positive = trace_of([](Node x, Node y, Node) {
    return std::vector{max(exp(x), exp(y)), max(exp(y), exp(x))};
  });
  EXPECT_EQ(operations(share(positive, kStrict)), 3u);
}

TEST(Share, numbers_are_the_same_if_their_bits_are) {
  Graph graph;
  const Node x = graph.placeholder("x");
  const Trace trace = to_trace(graph, {x * graph.constant(0, "a"), x * graph.constant(-0.0, "b"),
                                       x * graph.constant(0, "c")});
  const Trace shared = share(trace, kStrict);
  EXPECT_EQ(operations(shared), 2u);
  EXPECT_EQ(shared.graph.constants().size(), 2u);
  EXPECT_EQ(shared.outputs[0], shared.outputs[2]);
}

TEST(Share, the_first_label_is_kept_or_the_only_one) {
  Graph graph;
  const Node x = graph.placeholder("x");
  const Node a = sin(x), b = sin(x), c = cos(x), d = cos(x);
  graph.name(b.vertex(), "only");
  graph.name(c.vertex(), "first");
  graph.name(d.vertex(), "second");
  const Trace shared = share(to_trace(graph, {a, b, c, d}), kStrict);
  EXPECT_EQ(shared.graph.name_of(shared.outputs[0]), "only");
  EXPECT_EQ(shared.graph.name_of(shared.outputs[3]), "first");
}

TEST(Share, two_guards_on_one_value_become_one) {
  Graph graph;
  const Node x = graph.placeholder("x"), a = x > 0.0, b = x > 0.0;
  Trace trace = to_trace(graph, {x});
  trace.guards = {{a.vertex(), 1, {}}, {b.vertex(), 1, {}}};
  EXPECT_EQ(share(trace, kStrict).guards.size(), 1u);
}

TEST(Share, two_guards_that_contradict_each_other_still_do) {
  Graph graph;
  const Node x = graph.placeholder("x"), a = x > 0.0, b = x > 0.0;
  Trace trace = to_trace(graph, {x});
  trace.guards = {{a.vertex(), 1, {}}, {b.vertex(), 0, {}}};
  const Trace shared = share(trace, kStrict);
  EXPECT_EQ(verify(shared), "");
  ASSERT_EQ(shared.guards.size(), 2u);
  const Function f(shared);
  EXPECT_THROW(f(1.0), BranchChanged);
  EXPECT_THROW(f(-1.0), BranchChanged);
  EXPECT_EQ(optimise(trace, kStrict).guards.size(), 2u);
}

TEST(Share, calls_of_blocks_are_not_shared) {
  Graph graph;
  const Node x = graph.placeholder("x");
  const auto block = std::make_shared<Sums>(1, 1, 1);
  const Node a = graph.call(block, std::span(&x, 1))[0], b = graph.call(block, std::span(&x, 1))[0];
  EXPECT_EQ(share(to_trace(graph, {a, b}), kStrict).graph.calls().size(), 2u);
}

TEST(Share, is_linear_where_one_value_has_very_many_readers) {
  constexpr std::uint32_t kReaders = CHAINRULE_TEST_SANITIZED ? 20'000 : 200'000;
  Graph graph;
  const Node x = graph.placeholder("x");
  std::vector<Node> outputs;
  for (std::uint32_t k = 0; k < kReaders; ++k) {
    outputs.push_back(x * static_cast<double>(k / 2));
    outputs.push_back(pow(static_cast<double>(k / 2), x));
  }
  const auto begin = std::chrono::steady_clock::now();
  const Trace shared = share(to_trace(graph, outputs), kStrict);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(operations(shared), kReaders);
  EXPECT_LT(took.count(), 20) << "it would be minutes if it were not linear";
}

// ---- signs ------------------------------------------------------------------------------------

TEST(Signs, go_into_the_number_of_a_product_that_is_read_once) {
  EXPECT_EQ(after(&signs, trace_of([](Node x, Node, Node) { return -(x * 3.0); })), "mul(x,-3)");
  EXPECT_EQ(after(&signs, trace_of([](Node x, Node, Node) { return -(x / 3.0); })), "div(x,-3)");
  EXPECT_EQ(after(&signs, trace_of([](Node x, Node, Node) { return -(3.0 / x); })), "div(-3,x)");
  EXPECT_EQ(after(&signs, trace_of([](Node x, Node y, Node) { return -(x / y); })),
            "neg(div(x,y))");
  EXPECT_EQ(after(&signs, trace_of([](Node x, Node, Node) {
              const Node product = x * 3.0;
              return std::vector{product, -product};
            })),
            "mul(x,3) neg(mul(x,3))");
}

}  // namespace
}  // namespace chainrule
