// Long graphs: built, run, printed, saved and read in time linear in their length, on any stack.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "chainrule/graph/save.hpp"
#include "chainrule/graph/text.hpp"
#include "tests/support/small_stack.hpp"

namespace chainrule {
namespace {

using test::on_a_small_stack;

constexpr std::uint32_t kLong = CHAINRULE_TEST_SANITIZED ? 100'000 : 1'000'000;

// x ← sin(x) + w, many times, every tenth node named.
Graph chain(std::uint32_t nodes) {
  Graph g;
  g.placeholder("x");
  const Vertex w = g.append_number(VertexKind::variable, 0.5);
  Vertex at{0};
  const std::uint32_t file = g.file("chain.cpp");
  while (g.size() < nodes) {
    at = g.append({VertexKind::operation, Op::sin, 0, {at.index, 0, 0}});
    at = g.append({VertexKind::operation, Op::add, 0, {at.index, w.index, 0}});
    if (at.index % 10 == 1) g.label(at, "step " + std::to_string(at.index));
    if (at.index % 10 == 3) g.locate(at, {file, at.index});
  }
  return g;
}

TEST(Limits, a_long_chain_runs_forward_and_backward) {
  on_a_small_stack([] {
    Graph g = chain(kLong);
    const Node head(g, {static_cast<std::uint32_t>(g.size() - 1)});
    double x = 0.25;
    for (std::uint32_t k = 2; k < g.size(); k += 2) x = std::sin(x) + 0.5;
    EXPECT_EQ(g.forward(head, {{"x", 0.25}}), x);
    g.backward(head);
    EXPECT_TRUE(g["x"].has_grad());
    EXPECT_EQ(g.order(head.vertex()).size(), g.size());
    EXPECT_EQ(g.names().size(), g.size());
  });
}

TEST(Limits, a_long_chain_is_printed_and_saved_and_comes_back) {
  on_a_small_stack([] {
    Graph g = chain(kLong);
    const Node head(g, {static_cast<std::uint32_t>(g.size() - 1)});
    const Trace trace = to_trace(g, {head});
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(parse_trace(print(trace)) == trace);
    EXPECT_TRUE(from_bytes(to_bytes(trace)) == trace);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took.count(), 60) << "it would be minutes if it were not linear";
    RecordProperty("seconds", std::to_string(took.count()));
  });
}

TEST(Limits, a_wide_block_call_is_linear) {
  std::string text = "chainrule trace 1\n%0 = constant 1\n%1 = constant 2\n";
  std::string operands;
  for (std::uint32_t k = 0; k < kLong; ++k) operands += " %1";
  try {
    parse_trace(text + "%2 = block \"no such block\" (" + operands + ")\n", "wide");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "[parse_trace] wide:4:6: [find_block] no block is known by the "
                 "words 'no such block'");
  }
}

TEST(Limits, many_files_and_types_are_linear) {
  std::string text = "chainrule trace 1\n";
  std::string inputs;
  for (std::uint32_t k = 0; k < 60'000; ++k) {
    const std::string n = std::to_string(k);
    text += "%" + n + " = placeholder f64[" + n + ",7] \"" + n + "\" @ \"" + n + ".cpp\":1\n";
    inputs += "input \"" + n + "\" f64[" + n + ",7] %" + n + "\n";
  }
  const Trace trace = parse_trace(text + inputs + "end\n");
  EXPECT_EQ(trace.graph.files().size(), 60'001u);
  EXPECT_EQ(trace.graph.types().size(), 60'001u);
  EXPECT_TRUE(from_bytes(to_bytes(trace)) == trace);
}

TEST(Limits, too_many_types_are_refused) {
  Graph g;
  for (std::uint32_t k = 1; k < 0x10000; ++k) g.type({Element::f64, {k}});
  EXPECT_THROW(g.type({Element::f64, {0x10000}}), Error);
  EXPECT_EQ(g.type({Element::f64, {77}}), 77);
}

}  // namespace
}  // namespace chainrule
