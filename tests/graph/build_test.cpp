// Graphs built by hand: their nodes, names, orders and feeds.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/graph/trace.hpp"
#include "tests/graph/traces.hpp"

namespace chainrule {
namespace {

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::vector<std::string> names_of(const Graph& graph, const std::vector<Vertex>& nodes) {
  std::vector<std::string> names;
  for (const Vertex v : nodes) names.push_back(graph.name_of(v));
  return names;
}
using Names = std::vector<std::string>;

// ---- worked examples --------------------------------------------------------------------------

TEST(Build, a_product_of_sums_has_the_gradient_of_the_textbook) {
  Graph g;
  const Node a = g.variable(1.5, "a"), b = g.variable(-4, "b"), c = g.constant(3, "c");
  const Node s = a + b, y = s * c;  // (a + b) c
  EXPECT_EQ(g.forward(y), -7.5);
  g.backward(y);
  EXPECT_EQ(a.grad(), 3);
  EXPECT_EQ(b.grad(), 3);
  EXPECT_EQ(c.grad(), -2.5);
  EXPECT_EQ(s.grad(), 3);
  EXPECT_EQ(y.grad(), 1);
}

TEST(Build, a_variable_is_reassigned_and_the_forward_pass_run_again) {
  Graph g;
  const Node x = g.placeholder("x"), w = g.variable(2, "w"), b = g.variable(1, "b");
  const Node y = w * x + b;
  EXPECT_EQ(g.forward(y, {{"x", 3}}), 7);
  w.assign(-1);
  EXPECT_EQ(w.value(), -1);
  EXPECT_EQ(y.value(), 7);  // until the next one
  g.backward(y);            // at the values of the last one
  EXPECT_EQ(x.grad(), 2);
  EXPECT_EQ(g.forward(y, {{"x", 3}}), -2);
  g.backward(y, 10);
  EXPECT_EQ(x.grad(), -10);
  EXPECT_EQ(w.grad(), 30);
}

TEST(Build, what_is_used_twice_gathers_both_contributions) {
  Graph g;
  const Node a = g.variable(3, "a");
  for (const Node y : {a + a, a * a, a - a, a / a, pow(a, a)}) {
    const double slope = (g.forward(y), g.backward(y), a.grad());
    const std::string op(info(g[y.vertex()].op).name);
    const double log3 = std::log(3.0);
    const double expected = op == "add" ? 2 : op == "mul" ? 6 : op == "pow" ? 27 * (1 + log3) : 0;
    EXPECT_NEAR(slope, expected, 1e-13) << op;
    EXPECT_TRUE(a.has_grad()) << op;
  }
}

TEST(Build, numbers_stand_on_both_sides_and_are_one_constant_each) {
  Graph g;
  const Node x = g.placeholder("x");
  const Node y = 3 + sin(x * 3.0) + pow(2, x) + pow(x, 2) + 3.0f + select(x > 0, 3, x);
  EXPECT_EQ(g.constants().size(), 3u);  // 3, 2, 0
  EXPECT_EQ(names_of(g, g.constants()), (Names{"const/0", "const/1", "const/2"}));
  const double at = 0.5;
  EXPECT_EQ(g.forward(y, {{"x", at}}),
            3 + std::sin(at * 3.0) + std::pow(2, at) + at * at + 3.0 + 3);
  (void)(x + 0.0), (void)(x + -0.0);
  EXPECT_EQ(g.constants().size(), 4u) << "the zeros differ in their bits";
  const Node own = g.constant(3);
  EXPECT_EQ(own.name(), "const/4") << "a constant that is asked for is a node of its own";
}

TEST(Build, comparisons_are_nodes_of_1_and_0) {
  Graph g;
  const Node x = g.placeholder("x");
  const Node all[] = {x<2, x <= 2, x> 2, x >= 2,      x == 2,     x != 2, 2 < x,
                      !(x < 2),          (x < 2) & x, (x < 2) | x};
  g.forward({{"x", 1}});
  std::string bits;
  for (const Node& node : all) bits += node.value() == 1 ? '1' : '0';
  EXPECT_EQ(bits, "1100010011");
}

TEST(Build, compound_assignment_appends) {
  Graph g;
  const Node x = g.placeholder("x");
  Node y = x;
  y += 1, y *= x, y -= 2.0, y /= x;
  EXPECT_EQ(names_of(g, g.operations()), (Names{"add/0", "mul/0", "sub/0", "div/0"}));
  EXPECT_EQ(g.forward(y, {{"x", 4}}), 4.5);
}

TEST(Build, activations_have_their_usual_last_operand) {
  Graph g;
  const Node x = g.placeholder("x");
  const Node leaky = leaky_relu(x), e = elu(x), s = selu(x), steep = leaky_relu(x, 0.5);
  g.forward({{"x", -2}});
  EXPECT_EQ(leaky.value(), -0.02);
  EXPECT_EQ(e.value(), std::expm1(-2));
  EXPECT_EQ(s.value(), plain::selu(-2, usual_last_operand(Op::selu)));
  EXPECT_EQ(steep.value(), -1);
}

TEST(Build, a_cut_branch_is_not_reached_even_where_its_derivative_is_nan) {
  Graph g;
  const Node x = g.variable(0, "x"), z = g.variable(5, "z");
  const Node log_x = log(x) / x, y = select(x > 0, log_x, z);
  g.forward(y);
  g.backward(y);
  EXPECT_FALSE(x.has_grad());
  EXPECT_EQ(x.grad(), 0);
  EXPECT_FALSE(log_x.has_grad());
  EXPECT_TRUE(z.has_grad());
  EXPECT_EQ(z.grad(), 1);
  const Node flat = z * 0;
  g.forward();
  g.backward(flat);
  EXPECT_TRUE(z.has_grad()) << "a zero that arrives is an arrival";
  EXPECT_EQ(z.grad(), 0);
  EXPECT_FALSE(std::signbit(z.grad()));
}

// ---- names ------------------------------------------------------------------------------------

TEST(Names, count_by_graph_and_by_kind_or_operation) {
  for (int twice = 0; twice < 2; ++twice) {
    Graph g;
    const Node x = g.placeholder(), w = g.variable(1), y = g.placeholder("y");
    const Node p = x * w, q = p * y, s = sin(q + 1), z = g.placeholder();
    (void)s;
    EXPECT_EQ(g.names(), (Names{"plc/0", "var/0", "y", "mul/0", "mul/1", "const/0", "add/0",
                                "sin/0", "plc/2"}));
    EXPECT_EQ(z.name(), "plc/2");
    EXPECT_EQ(names_of(g, g.placeholders()), (Names{"plc/0", "y", "plc/2"}));
    EXPECT_EQ(names_of(g, g.variables()), (Names{"var/0"}));
    EXPECT_EQ(names_of(g, g.operations()), (Names{"mul/0", "mul/1", "add/0", "sin/0"}));
  }
}

TEST(Names, lead_back_to_their_nodes) {
  Graph g;
  const Node x = g.placeholder("x");
  const Node y = x * x;
  g.name(y.vertex(), "square");
  EXPECT_EQ(g["square"].vertex(), y.vertex());
  EXPECT_EQ(g["x"].vertex(), x.vertex());
  const Node z = y * x;
  EXPECT_EQ(g["mul/1"].vertex(), z.vertex());
  EXPECT_EQ(message_of([&] { g["mul/0"]; }), "[graph] has no node called 'mul/0'");
  EXPECT_EQ(message_of([&] { g["nobody"]; }), "[graph] has no node called 'nobody'");
}

TEST(Names, are_unique_and_can_be_changed) {
  Graph g;
  const Node x = g.placeholder("x");
  const std::string taken = "[name] 'x' is the name of another node of this graph";
  EXPECT_EQ(message_of([&] { g.placeholder("x"); }), taken);
  EXPECT_EQ(message_of([&] { g.variable(1, "x"); }), taken);
  EXPECT_EQ(g.size(), 1u) << "what is refused leaves nothing";
  const Node y = g.variable(2);
  EXPECT_EQ(message_of([&] { g.name(y.vertex(), "x"); }), taken);
  g.name(x.vertex(), "x");  // its own
  g.name(x.vertex(), "t");
  g.name(y.vertex(), "x");
  EXPECT_EQ(g["x"].vertex(), y.vertex());
  EXPECT_EQ(g["t"].vertex(), x.vertex());
  g.name(x.vertex(), "");
  EXPECT_EQ(x.name(), "plc/0");
  g.constant(1, "t");
  EXPECT_EQ(message_of([&] { g.name(Vertex{9}, "t"); }),
            "[name] the graph has 3 nodes, but none of place 9");
}

TEST(Names, given_ones_do_not_look_automatic) {
  Graph g;
  EXPECT_EQ(message_of([&] { g.placeholder("mul/3"); }),
            "[name] 'mul/3' has the form of the automatic names: choose another");
  for (const char* name : {"plc/0", "var/12", "const/1"}) EXPECT_ANY_THROW(g.placeholder(name));
  for (const char* name : {"layer/0", "mul/", "mul/x", "mul", "/1", "+/1"}) g.placeholder(name);
}

TEST(Names, twins_that_a_builder_made_do_not_confuse_later_names) {
  Graph g;
  const Node a = g.variable(1), b = g.variable(2), c = g.variable(3);
  g.label(a.vertex(), "w");
  g.label(b.vertex(), "w");
  g.label(a.vertex(), "u");
  EXPECT_EQ(g["w"].vertex(), b.vertex());
  EXPECT_ANY_THROW(g.name(c.vertex(), "w"));
  g.label(b.vertex(), "");
  g.name(c.vertex(), "w");
  EXPECT_EQ(g["w"].vertex(), c.vertex());
}

// ---- orders -----------------------------------------------------------------------------------

TEST(Orders, of_a_head_is_depth_first_and_from_left_to_right) {
  Graph g;
  const Node unused = g.placeholder("unused");
  const Node b = g.placeholder("b"), a = g.placeholder("a");
  const Node p = a * b, q = p + a, stray = unused * a, y = q - p;
  (void)stray;
  EXPECT_EQ(names_of(g, g.order(y.vertex())), (Names{"a", "b", "mul/0", "add/0", "sub/0"}));
  EXPECT_EQ(names_of(g, g.order(a.vertex())), (Names{"a"}));
  EXPECT_EQ(names_of(g, g.order()), g.names());
}

// ---- feeds ------------------------------------------------------------------------------------

TEST(Feeds, one_error_names_everything_that_is_wrong_and_changes_nothing) {
  Graph g;
  const Node x = g.placeholder("x"), y = g.placeholder(), z = g.placeholder("z");
  const Node s = x + y * z;
  g.forward({{"x", 1}, {"plc/1", 2}, {"z", 3}});
  EXPECT_EQ(message_of([&] {
              g.forward({{"z", 9}, {"q", 1}, {"r", 2}, {"z", 8}});
            }),
            "[forward] placeholders 'x', 'plc/1' are not fed; there are no placeholders 'q', 'r'; "
            "'z' is fed twice");
  EXPECT_EQ(s.value(), 7);
  EXPECT_EQ(z.value(), 3);
  EXPECT_EQ(message_of([&] {
              g.forward({{"x", 1}, {"z", 3}});
            }),
            "[forward] placeholder 'plc/1' is not fed");
  EXPECT_EQ(message_of([&] {
              g.forward({{"x", 1}, {"plc/1", 1}, {"z", 3}, {"s", 3}});
            }),
            "[forward] there is no placeholder 's'");
}

TEST(Feeds, only_what_the_head_depends_on_is_needed) {
  Graph g;
  const Node x = g.placeholder("x"), z = g.placeholder("z");
  const Node y = x * x, t = z + 1;
  EXPECT_EQ(g.forward(y, {{"x", 3}}), 9);
  EXPECT_EQ(message_of([&] { (void)t.value(); }),
            "[value] add/0 has no value yet: run forward() first");
  EXPECT_EQ(message_of([&] { g.backward(t); }),
            "[backward] add/0 has no value yet: run forward() first");
  EXPECT_EQ(g.forward(y, {{"x", 3}, {"z", 1}}), 9);
}

TEST(Feeds, arrays_are_declared_but_not_evaluated_yet) {
  Graph g;
  const Node x = g.placeholder("x", {Element::f64, {3, 4}});
  EXPECT_EQ(to_string(x.type()), "f64[3,4]");
  EXPECT_EQ(message_of([&] { g.forward(); }),
            "[forward] placeholder 'x' of type f64[3,4] is an array, and arrays cannot be "
            "evaluated yet");
  EXPECT_EQ(message_of([&] { sin(x); }),
            "[sin] x is f64[3,4]: operations on arrays are not there yet");
}

// ---- what is refused --------------------------------------------------------------------------

TEST(Refused, nodes_of_two_graphs_do_not_mix) {
  Graph g, h;
  const Node x = g.placeholder("x"), y = h.placeholder("y");
  EXPECT_EQ(message_of([&] { x + y; }),
            "[add] its operands are of two graphs: x of one, y of another");
  EXPECT_EQ(message_of([&] { select(1, x, y); }),
            "[select] its operands are of two graphs: x of one, y of another");
  EXPECT_EQ(message_of([&] { h.apply(Op::sin, {{x}}); }), "[sin] x is a node of another graph");
  EXPECT_EQ(message_of([&] { h.forward(x); }), "[forward] x is a node of another graph");
  EXPECT_EQ(message_of([&] { h.backward(x); }), "[backward] x is a node of another graph");
  EXPECT_EQ(message_of([&] { to_trace(h, {x}); }), "[to_trace] x is a node of another graph");
}

TEST(Refused, only_variables_are_assigned) {
  Graph g;
  const Node x = g.placeholder("x"), c = g.constant(1), y = x * c;
  EXPECT_EQ(message_of([&] { x.assign(1); }),
            "[assign] x is a placeholder: its number is fed to forward()");
  EXPECT_EQ(message_of([&] { c.assign(1); }),
            "[assign] const/0 is a constant: it keeps its number");
  EXPECT_EQ(message_of([&] { y.assign(1); }),
            "[assign] mul/0 is computed: only variables are assigned");
}

TEST(Refused, operands_that_are_too_few) {
  Graph g;
  const Node x = g.placeholder("x");
  EXPECT_EQ(message_of([&] { g.apply(Op::mul, {{x}}); }), "[mul] takes 2 operands, got 1");
  EXPECT_EQ(message_of([&] { (void)x.grad(); }),
            "[grad] x has no adjoint yet: run backward() first");
}

// ---- blocks -----------------------------------------------------------------------------------

TEST(Blocks, are_run_forward_and_backward_once) {
  Graph g;
  const Node x = g.variable(2, "x"), y = g.variable(5, "y"), z = g.variable(7, "z");
  const auto block = std::make_shared<Sums>(3, 3, 2);
  const std::vector<Node> out = g.call(block, std::vector{x, y, z});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[1].name(), "sums/0[1]");
  EXPECT_EQ(g["sums/0[1]"].vertex(), out[1].vertex());
  const Node head = out[1] * 2;
  EXPECT_EQ(g.forward(head), 2 * 3 * 14);
  g.backward(head);
  EXPECT_EQ(block->vjps, 1);
  EXPECT_EQ(block->last_zbar, (std::vector{0.0, 2.0}));
  EXPECT_TRUE(std::signbit(block->last_zbar[0])) << "an unreached output's is -0";
  EXPECT_EQ(x.grad(), 6);
  EXPECT_FALSE(z.has_grad()) << "an entry left as −0 is not pushed";
  const Node apart = x * y;
  g.forward();
  g.backward(apart);
  EXPECT_EQ(block->vjps, 1) << "a block that is not reached is not called";
  EXPECT_EQ(message_of([&] { g.call(block, std::vector{x}); }), "[sums] takes 3 numbers, got 1");
  const Node header(g, {out[0].vertex().index - 1});
  EXPECT_EQ(message_of([&] { sin(header); }),
            "[sin] sums/0 is a block, which has no value of its own: use its outputs");
}

TEST(Blocks, of_one_output_give_it_their_name) {
  Graph g;
  const Node x = g.variable(2, "x");
  EXPECT_EQ(g.call(std::make_shared<Sums>(3, 1, 1), std::vector{x})[0].name(), "sums/0");
  EXPECT_EQ(g.call(std::make_shared<Sums>(3, 1, 1), std::vector{x})[0].name(), "sums/1");
}

// ---- copies -----------------------------------------------------------------------------------

TEST(Copies, of_a_graph_are_equal_until_one_is_changed) {
  Graph g;
  const Node x = g.placeholder("x");
  const Node y = x * 3 + g.variable(1, "w");
  Graph h = g;
  EXPECT_TRUE(g == h);
  h["w"].assign(2);
  EXPECT_FALSE(g == h);
  h["w"].assign(1);
  EXPECT_TRUE(g == h);
  (void)(h["x"] * 3);
  EXPECT_EQ(h.constants().size(), 1u) << "the pool is copied as well";
  EXPECT_FALSE(g == h);
  EXPECT_EQ(g.forward(y, {{"x", 1}}), 4);
  EXPECT_EQ(to_string(y), "add/0: 4");
}

}  // namespace
}  // namespace chainrule
