// order: how many values live at once, and that nothing else changes.
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "chainrule/graph/function.hpp"
#include "chainrule/optimise/schedule_internal.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"
#include "tests/graph/traces.hpp"
#include "tests/optimise/formula.hpp"
#include "tests/optimise/wild.hpp"

namespace chainrule {
namespace {

using passes::as_built;
using passes::most_live;
using passes::order;
using passes::Schedule;

std::size_t most_live_in(const Trace& trace) {
  return most_live(trace.graph, as_built(trace.graph));
}

// All products first, then their sum.
Trace sum_of_products(std::size_t terms) {
  Graph graph;
  std::vector<Node> x, products;
  for (std::size_t k = 0; k < terms; ++k) x.push_back(graph.placeholder());
  for (std::size_t k = 0; k < terms; ++k) products.push_back(x[k] * x[(k + 1) % terms]);
  Node sum = products[0];
  for (std::size_t k = 1; k < terms; ++k) sum += products[k];
  return to_trace(graph, {sum});
}

TEST(MostLive, counts_values_from_their_node_to_their_last_reader) {
  const Trace chain = trace_of([](Node x, Node, Node) { return sin(exp(sin(x))); });
  EXPECT_EQ(most_live_in(chain), 1u);
  const Trace pair = trace_of([](Node x, Node y, Node) {
    const Node a = sin(x), b = cos(y), c = exp(a);
    return c * b;
  });
  EXPECT_EQ(most_live_in(pair), 2u);
  EXPECT_EQ(most_live_in(sum_of_products(50)), 50u);
}

TEST(MostLive, neither_inputs_nor_numbers_nor_outputs_live_for_their_own_sake) {
  EXPECT_EQ(most_live_in(trace_of([](Node x, Node y, Node w) {
              return std::vector{x * 2.0, y * 3.0, w * 4.0};
            })),
            0u);
}

TEST(MostLive, a_value_that_is_read_twice_by_one_node_is_one_value) {
  EXPECT_EQ(most_live_in(trace_of([](Node x, Node, Node) {
              const Node a = sin(x);
              return a * a;
            })),
            1u);
}

TEST(MostLive, the_outputs_of_a_block_begin_together) {
  Graph graph;
  const Node x = graph.placeholder("x");
  const std::vector<Node> z = graph.call(std::make_shared<Sums>(1, 1, 3), std::span(&x, 1));
  EXPECT_EQ(most_live_in(to_trace(graph, {z[0] + z[2]})), 2u) << "nothing reads the second";
}

TEST(Order, the_terms_of_a_sum_are_taken_up_one_by_one) {
  const Trace ordered = order(sum_of_products(50), {});
  EXPECT_EQ(most_live_in(ordered), 2u);
}

TEST(Order, the_operand_that_needs_more_values_goes_first) {
  // x, then three that live while the fourth is computed: in the other order it is one less.
  Graph graph;
  const Node x = graph.placeholder("x"), small = sin(x);
  const Node a = cos(x), b = exp(x), c = tanh(x);
  const Node large = fma(a, b, c);
  const Trace trace = to_trace(graph, {small * large});
  EXPECT_EQ(most_live_in(trace), 4u);
  EXPECT_EQ(most_live_in(order(trace, {})), 3u);
}

// By a search through all schedules: small ones only.
std::size_t fewest_live(const Trace& trace) {
  const Graph& graph = trace.graph;
  const Schedule items = as_built(graph);
  std::vector<std::size_t> places(items.size());
  std::iota(places.begin(), places.end(), 0);
  std::size_t fewest = items.size();
  do {
    Schedule schedule;
    std::vector<bool> is_placed(graph.size());
    bool is_right = true;
    for (const std::size_t place : places) {
      graph.each_operand(items[place], [&](Vertex x) {
        is_right = is_right && (is_placed[x.index] || graph[x].kind != VertexKind::operation);
      });
      is_placed[items[place].index] = true;
      schedule.push_back(items[place]);
    }
    if (is_right) fewest = std::min(fewest, most_live(graph, schedule));
  } while (std::next_permutation(places.begin(), places.end()));
  return fewest;
}

TEST(Order, of_small_expressions_is_at_most_one_value_from_the_best) {
  std::mt19937 random(5);
  std::size_t best = 0, found = 0;
  for (int round = 0; round < 60; ++round) {
    Graph graph;
    std::vector<Node> nodes = {graph.placeholder("x"), graph.placeholder("y")};
    std::vector<bool> is_read(9);
    while (nodes.size() < 9) {
      const std::size_t a = random() % nodes.size(), b = random() % nodes.size();
      is_read[a] = is_read[b] = true;
      nodes.push_back(nodes[a] * nodes[b]);
    }
    std::vector<Node> ends;
    for (std::size_t k = 2; k < nodes.size(); ++k) {
      if (!is_read[k]) ends.push_back(nodes[k]);
    }
    const Trace trace = to_trace(graph, ends);
    const std::size_t least = fewest_live(trace), live = most_live_in(order(trace, {}));
    EXPECT_LE(live, least + 1);
    EXPECT_LE(live, most_live_in(trace));
    best += least, found += live;
  }
  EXPECT_LE(found, best + best / 10) << "10% above what a search through all orders finds";
}

TEST(Order, is_never_worse_and_changes_no_value) {
  std::mt19937 random(6);
  for (int round = 0; round < 400; ++round) {
    const Wild wild = wild_trace(random, 60);
    const Trace ordered = order(wild.trace, {});
    ASSERT_EQ(verify(ordered), "");
    EXPECT_EQ(ordered.graph.operations().size(), wild.trace.graph.operations().size());
    EXPECT_LE(most_live_in(ordered), most_live_in(wild.trace));
    const std::vector<double> before = values_at(wild.trace, wild.point);
    const std::vector<double> after = values_at(ordered, wild.point);
    for (std::size_t k = 0; k < before.size(); ++k) ASSERT_TRUE(is_same(before[k], after[k]));
  }
}

TEST(Order, every_schedule_has_each_item_once_and_after_its_operands) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const Trace trace = wild_trace(random, 80).trace;
    for (const Schedule& schedule : {passes::on_demand(trace), passes::from_the_end(trace)}) {
      EXPECT_EQ(schedule.size(), as_built(trace.graph).size());
      std::vector<bool> is_placed(trace.graph.size());
      for (const Vertex item : schedule) {
        trace.graph.each_operand(item, [&](Vertex x) {
          const GraphNode& node = trace.graph[x];
          if (node.kind == VertexKind::output) x = {node.operand[0]};
          if (node.kind == VertexKind::operation || node.kind == VertexKind::output) {
            ASSERT_TRUE(is_placed[x.index]);
          }
        });
        EXPECT_FALSE(is_placed[item.index]);
        is_placed[item.index] = true;
      }
    }
  }
}

// Four blocks read the same 60,000 values: weighed once a value, 10¹⁰ steps would pass.
TEST(Order, is_linear_in_the_operands_that_blocks_share) {
  constexpr std::size_t kMany = 60'000;
  const auto sum = [](const std::vector<Scalar>& xs) {
    return sum_over([](Scalar x) { return x * x; }, xs);
  };
  const Function f = record(
      [&](const std::vector<Scalar>& xs) {
        std::vector<Scalar> ys;
        for (const Scalar& x : xs) ys.push_back(sin(x));
        return std::array{sum(ys), sum(ys), sum(ys), sum(ys)};
      },
      shape(kMany));
  const Trace ordered = order(f.trace(), {});
  EXPECT_EQ(verify(ordered), "");
  EXPECT_EQ(ordered.graph.size(), f.trace().graph.size());
}

TEST(Order, a_gradient_that_keeps_all_values_needs_fewer) {
  // f = Σ exp(xᵢ)²: forward and backward of a term may stand together.
  const Function f = record(
      [](std::span<const Scalar> x) {
        Scalar sum = 0.0;
        for (const Scalar& term : x) {
          const Scalar e = exp(term);
          sum += e * e;
        }
        return sum;
      },
      shape(40));
  const Trace recorded = grad(f).trace();
  EXPECT_GE(most_live_in(recorded), 40u);
  EXPECT_LE(most_live_in(order(recorded, {})), 3u);
}

// Were a reader looked through whenever one of its operands comes to live, this would take a day.
TEST(Order, loops_that_read_the_same_many_numbers_take_linear_time) {
  const Function f = record(
      [](const std::vector<Scalar>& x) {
        const auto ys = map([](Scalar t) { return sin(t); }, x);
        const Scalar a = sum_over([](Scalar y) { return exp(y); }, ys);
        return a * sum_over([](Scalar y) { return cos(y); }, ys);
      },
      shape(500'000));
  const Trace ordered = order(f.trace(), {});
  EXPECT_EQ(ordered.graph.calls().size(), 3u);
  EXPECT_EQ(verify(ordered), "");
}

}  // namespace
}  // namespace chainrule
