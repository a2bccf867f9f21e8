// verify(): each way in which a trace can be broken is found, and said where.
#include <gtest/gtest.h>

#include "chainrule/graph/trace.hpp"
#include "tests/graph/traces.hpp"

namespace chainrule {

// What a Graph's own functions do not let one break.
struct GraphAccess {
  static std::vector<GraphNode>& nodes(Graph& g) { return g.nodes_; }
  static std::vector<BlockCall>& calls(Graph& g) { return g.calls_; }
  static std::vector<Graph::Label>& labels(Graph& g) { return g.labels_; }
  static std::vector<Graph::Line>& lines(Graph& g) { return g.lines_; }
};

namespace {

// %0 x  %1 w  %2 = x w  %3 = sums(x, w, 2)  %4 %5 its outputs  %6 = add %4 %5  %7 array
Trace sound() {
  Trace trace;
  Graph& g = trace.graph;
  const Node x = g.placeholder("x"), w = g.variable(2, "w");
  const Node product = x * w;
  const auto out = g.call(std::make_shared<Sums>(3, 3, 2), std::vector{x, w, product});
  const Node sum = out[0] + out[1];
  const Node array = g.placeholder("t", {Element::f64, {2, 2}});
  g.locate(product.vertex(), {g.file("f.cpp"), 3});
  trace.inputs = {x.vertex(), w.vertex(), array.vertex()};
  trace.arguments = {{"a", {Element::f64, {2}}, 0, 2}, {"t", {Element::f64, {2, 2}}, 2, 1}};
  trace.outputs = {sum.vertex(), product.vertex()};
  trace.results = {{"y", {}, 0, 1}, {"z", {}, 1, 1}};
  trace.guards = {{product.vertex(), 1, {1, 4}}};
  return trace;
}

template <class Break>
std::string broken(Break break_it) {
  Trace trace = sound();
  break_it(trace);
  return verify(trace);
}
auto nodes(Trace& t) { return std::span(GraphAccess::nodes(t.graph)); }

TEST(Verify, a_sound_trace_is_sound) {
  EXPECT_EQ(verify(sound()), "");
  EXPECT_EQ(verify(Trace{}), "");
}

TEST(Verify, every_random_trace_is_sound) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    ASSERT_EQ(verify(random_trace(random, seed % 60)), "") << seed;
  }
}

TEST(Verify, operands_come_before_their_users) {
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[2].operand[1] = 6; }),
            "node 2: mul has operand 6, which comes after it");
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[2].operand[0] = 2; }),
            "node 2: mul has operand 2, which is itself");
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[2].operand[0] = 99; }),
            "node 2: mul has operand 99, which is none of 8 nodes");
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[6].operand[1] = 3; }),
            "node 6: add has operand 3, which is a block and has no value of its own");
  EXPECT_EQ(broken([](Trace& t) {
              t.graph.append({VertexKind::operation, Op::sin, 0, {7, 0, 0}});
            }),
            "node 8: sin has operand 7, which is an array: f64[2,2]");
}

TEST(Verify, every_index_is_in_its_range) {
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[2].op = static_cast<Op>(250); }),
            "node 2: its operation is 250 of " + std::to_string(kOpCount));
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[2].kind = static_cast<VertexKind>(9); }),
            "node 2: its kind is 9, which is none");
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[1].operand[0] = 1; }),
            "node 1: refers to number 1 of 1");
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[3].operand[0] = 1; }), "node 3: refers to call 1 of 1");
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[0].type = 2; }), "node 0: refers to type 2 of 2");
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[2].type = 1; }),
            "node 2: its type is f64[2,2], but only a placeholder may be an array");
}

TEST(Verify, outputs_stand_directly_after_their_block) {
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[4].operand[1] = 1; }),
            "node 4: output 1 of block 3, where output 0 of block 3 was expected");
  EXPECT_EQ(broken([](Trace& t) { nodes(t)[5] = nodes(t)[2]; }),
            "node 5: output 1 of block 3 was expected here");
  EXPECT_EQ(broken([](Trace& t) {
              nodes(t)[6] = {VertexKind::output, Op::add, 0, {3, 2, 0}};
            }),
            "node 6: an output of block 3, which has 2");
  EXPECT_EQ(broken([](Trace& t) {
              nodes(t)[2] = {VertexKind::output, Op::add, 0, {1, 0, 0}};
            }),
            "node 2: an output of block 1, which does not stand directly before it");
  EXPECT_EQ(broken([](Trace& t) {
              const Vertex at = t.graph.append_call({std::make_shared<Sums>(1, 0, 2), {}});
              GraphAccess::nodes(t.graph).resize(at.index + 2);
            }),
            "node 8: sums has 2 outputs, but the graph ends after 1");
}

TEST(Verify, a_block_has_the_operands_that_it_takes) {
  EXPECT_EQ(broken([](Trace& t) { GraphAccess::calls(t.graph)[0].operands.pop_back(); }),
            "node 3: sums takes 3 operands, but has 2");
  EXPECT_EQ(broken([](Trace& t) { GraphAccess::calls(t.graph)[0].operands[1] = {5}; }),
            "node 3: sums has operand 5, which comes after it");
  EXPECT_EQ(broken([](Trace& t) { GraphAccess::calls(t.graph)[0].block = nullptr; }),
            "node 3: its block is null");
}

TEST(Verify, labels_and_lines_stand_by_node) {
  EXPECT_EQ(broken([](Trace& t) {
              GraphAccess::labels(t.graph).push_back({{8}, "q"});
            }),
            "node 8: has a label, but there are 8 nodes");
  EXPECT_EQ(broken([](Trace& t) {
              GraphAccess::labels(t.graph).push_back({{3}, "q"});
            }),
            "node 3: its label stands after that of node 7");
  EXPECT_EQ(broken([](Trace& t) {
              GraphAccess::lines(t.graph).push_back({{2}, {1, 1}});
            }),
            "node 2: its source line stands after that of node 2");
  EXPECT_EQ(broken([](Trace& t) { GraphAccess::lines(t.graph)[0].at.file = 2; }),
            "node 2: refers to file 2 of 2");
}

TEST(Verify, inputs_are_leaves_and_all_placeholders_are_inputs) {
  EXPECT_EQ(broken([](Trace& t) { t.inputs[1] = {2}; }),
            "input 1: node 2 is neither a placeholder nor a variable");
  EXPECT_EQ(broken([](Trace& t) { t.inputs[1] = {0}; }), "input 1: node 0 is one already");
  EXPECT_EQ(broken([](Trace& t) { t.inputs[1] = {77}; }), "input 1: node 77 is none of 8");
  EXPECT_EQ(broken([](Trace& t) { t.inputs.pop_back(), t.arguments.pop_back(); }),
            "node 7: a placeholder that is no input");
}

TEST(Verify, outputs_have_values) {
  EXPECT_EQ(broken([](Trace& t) { t.outputs[1] = {8}; }), "output 1: node 8 is none of 8");
  EXPECT_EQ(broken([](Trace& t) { t.outputs[1] = {3}; }),
            "output 1: node 3 is a block and has no value of its own");
}

TEST(Verify, groups_tile_the_inputs_and_the_outputs) {
  EXPECT_EQ(broken([](Trace& t) { t.arguments[1].first = 1; }),
            "argument 't' of type f64[2,2]: begins at input 1, not 2");
  EXPECT_EQ(broken([](Trace& t) { t.results[1].count = 2; }),
            "result 'z' of type f64: ends at output 3 of 2");
  EXPECT_EQ(broken([](Trace& t) { t.results.pop_back(); }), "output 1: belongs to no result");
  EXPECT_EQ(broken([](Trace& t) { t.arguments[0].type.shape[0] = 3; }),
            "argument 'a' of type f64[3]: has 2 inputs");
  EXPECT_EQ(broken([](Trace& t) {
              t.arguments[0] = {"a", {Element::f64, {0x10000, 0x10000, 0x10000, 0x10000}}, 0, 0};
            }),
            "argument 'a' of type f64[65536,65536,65536,65536]: has 0 inputs");
  EXPECT_EQ(broken([](Trace& t) {
              t.arguments = {{"a", {Element::f64, {3}}, 0, 3}};
            }),
            "argument 'a' of type f64[3]: node 7 is an array");
}

TEST(Verify, guards_are_of_nodes_with_a_value_and_one_each) {
  EXPECT_EQ(broken([](Trace& t) { t.guards[0].node = {9}; }), "guard 0: node 9 is none of 8");
  EXPECT_EQ(broken([](Trace& t) { t.guards[0].node = {3}; }),
            "guard 0: node 3 is a block and has no value of its own");
  EXPECT_EQ(broken([](Trace& t) { t.guards[0].node = {7}; }), "guard 0: node 7 is an array");
  EXPECT_EQ(broken([](Trace& t) { t.guards.push_back(t.guards[0]); }),
            "guard 1: node 2 has one already");
  EXPECT_EQ(broken([](Trace& t) { t.guards[0].at.file = 5; }), "node 2: refers to file 5 of 2");
}

TEST(Traces, of_a_hand_built_graph_have_an_argument_a_placeholder) {
  Graph g;
  const Node x = g.placeholder("x"), w = g.variable(2, "w"), t = g.placeholder();
  const Node y = x * w + t;
  const Trace trace = to_trace(g, {y, x}, "line");
  EXPECT_EQ(verify(trace), "");
  EXPECT_EQ(trace.name, "line");
  EXPECT_EQ(trace.inputs, (std::vector{x.vertex(), t.vertex()}));
  EXPECT_EQ(trace.arguments[1].name, "plc/1");
  EXPECT_EQ(trace.results[0].name, "add/0");
  EXPECT_EQ(trace.outputs, (std::vector{y.vertex(), x.vertex()}));
}

TEST(Traces, are_equal_by_what_they_say) {
  Trace a = sound(), b = sound();
  EXPECT_TRUE(a == b);
  b.guards[0].expected = 0;
  EXPECT_FALSE(a == b);
  a.guards[0].expected = -std::numeric_limits<double>::quiet_NaN();
  b.guards[0].expected = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(a == b);
  b.graph.locate({2}, {b.graph.file("g.cpp"), 3});
  EXPECT_FALSE(a == b);
  a = b;
  b.guards[0].at.file = 2;
  EXPECT_FALSE(a == b);
}

}  // namespace
}  // namespace chainrule
