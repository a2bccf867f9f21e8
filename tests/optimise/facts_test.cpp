// Facts: whatever is known of a node is true of every value that it takes.
#include "chainrule/optimise/facts_internal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "chainrule/graph/text.hpp"
#include "tests/optimise/formula.hpp"
#include "tests/optimise/wild.hpp"

namespace chainrule {
namespace {

using passes::Facts;

std::vector<Facts> facts_of(const Graph& graph) {
  std::vector<Facts> facts;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    facts.push_back(passes::facts_of(graph, {v}, facts));
  }
  return facts;
}

// Every fact but `truth` is "or NaN".
bool is_true_of(Facts facts, double x) {
  constexpr double kSmallest = std::numeric_limits<double>::min();
  if (facts.has(Facts::truth) && x != 0 && x != 1) return false;
  if (x != x) return !facts.has(Facts::truth);
  const bool is_minus_zero = x == 0 && std::signbit(x);
  if (facts.has(Facts::not_minus_zero) && is_minus_zero) return false;
  if (facts.has(Facts::not_negative) && std::signbit(x)) return false;
  if (facts.has(Facts::not_subnormal) && x != 0 && std::fabs(x) < kSmallest) return false;
  return !facts.has(Facts::normal_above) || x >= kSmallest;
}

Facts facts_of_output(const Trace& trace) { return facts_of(trace.graph)[trace.outputs[0].index]; }

TEST(Facts, are_true_of_every_value_of_random_traces) {
  std::mt19937 random(10);
  std::size_t known = 0;
  for (int round = 0; round < 1500; ++round) {
    Wild wild = wild_trace(random, 60);
    Trace& trace = wild.trace;
    trace.outputs.clear();
    for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
      if (trace.graph[{v}].kind != VertexKind::block) trace.outputs.push_back({v});
    }
    const auto count = static_cast<std::uint32_t>(trace.outputs.size());
    trace.results = {{"y", {Element::f64, {count}}, 0, count}};
    const std::vector<Facts> facts = facts_of(trace.graph);
    for (int k = 0; k < 4; ++k) {
      for (double& x : wild.point) x = wild_number(random);
      const std::vector<double> values = values_at(trace, wild.point);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const Vertex v = trace.outputs[i];
        known += facts[v.index].has(Facts::not_minus_zero);
        ASSERT_TRUE(is_true_of(facts[v.index], values[i]))
            << "node " << v.index << " is " << values[i] << "\n"
            << print(trace);
      }
    }
  }
  EXPECT_GT(known, 10000u);
}

TEST(Facts, are_true_of_every_row_at_every_special_value) {
  for (const OpInfo& row : kOps) {
    // Operands that are anything, never −0, never negative, and truths.
    for (int kind = 0; kind < 1 << 2 * row.arity; ++kind) {
      const Trace trace = trace_of([&](Node x, Node y, Node w) {
        std::vector<Node> operands;
        for (int k = 0; k < row.arity; ++k) {
          const Node v = k == 0 ? x : k == 1 ? y : w;
          const Node as[] = {v, v + 0.0, abs(v), v < 1.0};
          operands.push_back(as[kind >> 2 * k & 3]);
        }
        return x.graph().apply(row.op, operands);
      });
      const Facts facts = facts_of_output(trace);
      // Every fact but not_subnormal says this.
      if (!facts.has(Facts::not_minus_zero) && !facts.has(Facts::not_subnormal)) continue;
      for (const double value : values_at_special_numbers(trace)) {
        ASSERT_TRUE(is_true_of(facts, value)) << formula(trace) << " is " << value;
      }
    }
  }
}

TEST(Facts, are_found_where_rules_need_them) {
  const auto has = [](Facts::Fact fact, auto code) {
    return facts_of_output(trace_of(code)).has(fact);
  };
  EXPECT_TRUE(has(Facts::not_minus_zero, [](Node x, Node, Node) { return x + 0.0; }));
  EXPECT_TRUE(has(Facts::not_minus_zero, [](Node x, Node y, Node) { return exp(x) - y; }));
  EXPECT_FALSE(has(Facts::not_minus_zero, [](Node x, Node y, Node) { return x - exp(y); }));
  EXPECT_TRUE(has(Facts::not_negative, [](Node x, Node y, Node) { return x * x + y * y; }));
  EXPECT_TRUE(has(Facts::not_negative, [](Node x, Node y, Node) { return fma(x, x, y * y); }));
  EXPECT_TRUE(has(Facts::not_negative, [](Node x, Node y, Node) { return max(y * y, x + 0.0); }));
  EXPECT_FALSE(has(Facts::not_negative, [](Node x, Node y, Node) { return max(y * y, x); }));
  EXPECT_TRUE(has(Facts::not_subnormal, [](Node x, Node, Node) { return sqrt(x); }));
  EXPECT_TRUE(has(Facts::not_subnormal, [](Node x, Node, Node) { return 1.0 + exp(x); }));
  EXPECT_FALSE(has(Facts::not_subnormal, [](Node x, Node, Node) { return exp(x); }));
  EXPECT_TRUE(has(Facts::truth, [](Node x, Node y, Node) { return (x < y) * (y < 1.0); }));
}

}  // namespace
}  // namespace chainrule
