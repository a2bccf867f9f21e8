// rewrite: which rules there are, which there must not be, and that each is exact.
#include <gtest/gtest.h>

#include "tests/optimise/formula.hpp"

namespace chainrule {
namespace {

using Code = Node (*)(Node x, Node y, Node w);

// What becomes of a formula; and every bit of it is as before.
void expect(const char* expected, Code code) {
  const Trace trace = trace_of(code);
  const Trace rewritten = passes::rewrite(trace, kStrict);
  EXPECT_EQ(formula(rewritten), expected) << "of " << formula(trace);
  EXPECT_EQ(difference(trace, rewritten), "") << formula(trace) << " as " << formula(rewritten);
}

// A formula that looks as if it could be simplified, and cannot.
void expect_kept(const char* expected, Code code) {
  EXPECT_EQ(formula(trace_of(code)), expected);
  EXPECT_EQ(after(&passes::rewrite, trace_of(code), kStrict), expected);
}

TEST(Rewrite, zeros_and_ones_vanish_where_no_bit_depends_on_them) {
  expect("x", [](Node x, Node, Node) { return x + -0.0; });
  expect("x", [](Node x, Node, Node) { return -0.0 + x; });
  expect("x", [](Node x, Node, Node) { return x - 0.0; });
  expect("x", [](Node x, Node, Node) { return x * 1.0; });
  expect("x", [](Node x, Node, Node) { return 1.0 * x; });
  expect("x", [](Node x, Node, Node) { return x / 1.0; });
  expect("neg(x)", [](Node x, Node, Node) { return x * -1.0; });
  expect("neg(x)", [](Node x, Node, Node) { return x / -1.0; });
  expect("neg(x)", [](Node x, Node, Node) { return -0.0 - x; });
  expect("mul(x,0.25)", [](Node x, Node, Node) { return x / 4.0; });
  expect("neg(mul(x,0.25))", [](Node x, Node, Node) { return x / -4.0; });
  expect("mul(x,2)", [](Node x, Node, Node) { return x + x; });
  expect("neg(mul(x,2))", [](Node x, Node, Node) { return -x - x; });
}

TEST(Rewrite, plus_zero_vanishes_where_the_other_term_is_never_minus_zero) {
  expect("mul(x,x)", [](Node x, Node, Node) { return x * x + 0.0; });
  expect("exp(x)", [](Node x, Node, Node) { return exp(x) - -0.0; });
  expect("add(y,exp(x))", [](Node x, Node y, Node) { return exp(x) + y + 0.0; });
  expect("add(x,0)", [](Node x, Node, Node) { return x + 0.0 + 0.0; });
  expect("abs(x)", [](Node x, Node, Node) { return 0.0 + abs(x); });
  expect("sqrt(mul(x,x))", [](Node x, Node, Node) { return sqrt(x * x) + 0.0; });
  expect("max(x,abs(y))", [](Node x, Node y, Node) { return max(x, abs(y)) + 0.0; });
}

TEST(Rewrite, what_would_lose_a_zeros_sign_a_nan_or_an_infinity_stays) {
  expect_kept("add(x,0)", [](Node x, Node, Node) { return x + 0.0; });
  expect_kept("sub(0,x)", [](Node x, Node, Node) { return 0.0 - x; });
  expect_kept("mul(x,0)", [](Node x, Node, Node) { return x * 0.0; });
  expect_kept("sub(x,x)", [](Node x, Node, Node) { return x - x; });
  expect_kept("div(x,x)", [](Node x, Node, Node) { return x / x; });
  expect_kept("neg(sub(x,y))", [](Node x, Node y, Node) { return -(x - y); });
  expect_kept("sub(neg(x),y)", [](Node x, Node y, Node) { return -x - y; });
  expect_kept("div(x,3)", [](Node x, Node, Node) { return x / 3.0; });
  expect_kept("sqrt(mul(x,x))", [](Node x, Node, Node) { return sqrt(x * x); });
  expect_kept("log(exp(x))", [](Node x, Node, Node) { return log(exp(x)); });
  expect_kept("eq(x,x)", [](Node x, Node, Node) { return x == x; });
  expect_kept("negate(lt(x,y))", [](Node x, Node y, Node) { return !(x < y); });
  expect_kept("sub(add(x,y),y)", [](Node x, Node y, Node) { return (x + y) - y; });
  expect_kept("mul(mul(x,3),5)", [](Node x, Node, Node) { return x * 3.0 * 5.0; });
  expect_kept("max(x,abs(y))", [](Node x, Node y, Node) { return max(x, abs(y)); });
  expect_kept("max(y,x)", [](Node x, Node y, Node) { return max(y, x); });
  expect_kept("pow(x,2)", [](Node x, Node, Node) { return pow(x, 2.0); });
  // 2¹⁰²⁴ is no number: x/2⁻¹⁰²⁴ is one for a small x.
  expect("div(x,5.562684646268003e-309)", [](Node x, Node, Node) { return x / 0x1p-1024; });
  expect("mul(x,8.98846567431158e+307)", [](Node x, Node, Node) { return x / 0x1p-1023; });
}

TEST(Rewrite, signs_move_outward_until_a_sum_takes_them_up) {
  expect("x", [](Node x, Node, Node) { return -(-x); });
  expect("sub(x,y)", [](Node x, Node y, Node) { return x + -y; });
  expect("sub(y,x)", [](Node x, Node y, Node) { return -x + y; });
  expect("add(x,y)", [](Node x, Node y, Node) { return x - -y; });
  expect("add(x,-3)", [](Node x, Node, Node) { return x - 3.0; });
  expect("mul(x,y)", [](Node x, Node y, Node) { return -x * -y; });
  expect("neg(mul(x,y))", [](Node x, Node y, Node) { return x * -y; });
  expect("neg(mul(x,3))", [](Node x, Node, Node) { return x * -3.0; });
  expect("mul(x,3)", [](Node x, Node, Node) { return -x * -3.0; });
  expect("div(x,y)", [](Node x, Node y, Node) { return -x / -y; });
  expect("neg(div(x,y))", [](Node x, Node y, Node) { return x / -y; });
  expect("neg(div(3,y))", [](Node, Node y, Node) { return -3.0 / y; });
  expect("sub(w,mul(x,y))", [](Node x, Node y, Node w) { return w + -x * y; });
  expect("add(w,div(mul(x,y),w))", [](Node x, Node y, Node w) { return w - (x * -y) / -w * -1.0; });
  expect("sub(y,sin(x))", [](Node x, Node y, Node) { return sin(-x) + y; });
  expect("neg(tanh(sin(x)))", [](Node x, Node, Node) { return tanh(sin(-x)); });
  expect("cos(x)", [](Node x, Node, Node) { return cos(-x); });
  expect("cosh(x)", [](Node x, Node, Node) { return cosh(abs(-x)); });
  expect("fma(x,y,w)", [](Node x, Node y, Node w) { return fma(-x, -y, w); });
  expect("neg(select(x,y,w))", [](Node x, Node y, Node w) { return select(x, -y, -w); });
}

TEST(Rewrite, operations_with_a_special_operand_become_simpler_ones) {
  expect("add(x,w)", [](Node x, Node, Node w) { return fma(1.0, x, w); });
  expect("sub(w,x)", [](Node x, Node, Node w) { return fma(x, -1.0, w); });
  expect("mul(x,y)", [](Node x, Node y, Node) { return fma(y, x, -0.0); });
  expect("fma(x,y,0)", [](Node x, Node y, Node) { return fma(x, y, 0.0); });
  expect("fma(x,-3,w)", [](Node x, Node, Node w) { return fma(-x, 3.0, w); });
  expect("x", [](Node x, Node, Node) { return pow(x, 1.0); });
  expect("1", [](Node x, Node, Node) { return pow(x, -0.0); });
  expect("1", [](Node x, Node, Node) { return pow(1.0, x); });
  expect("mul(x,8)", [](Node x, Node, Node) { return ldexp(x, 3.0); });
  expect("mul(x,5e-324)", [](Node x, Node, Node) { return ldexp(x, -1074.0); });
  expect("ldexp(x,-1075)", [](Node x, Node, Node) { return ldexp(x, -1075.0); });
  expect("ldexp(x,0.5)", [](Node x, Node, Node) { return ldexp(x, 0.5); });
  expect("abs(x)", [](Node x, Node, Node) { return copysign(x, 2.0); });
  expect("neg(abs(x))", [](Node x, Node, Node) { return copysign(-x, -0.0); });
  expect("exp(x)", [](Node x, Node, Node) { return abs(exp(x)); });
  expect("exp(x)", [](Node x, Node, Node) { return relu(exp(x)); });
  expect("relu(x)", [](Node x, Node, Node) { return relu(x); });
  expect("x", [](Node x, Node, Node) { return stop_gradient(copy(x)); });
  expect("x", [](Node x, Node, Node) { return max(x, x); });
  expect("x", [](Node x, Node, Node) { return fmin(x, fmax(x, x)); });
}

TEST(Rewrite, comparisons_have_one_direction_and_truths_are_not_compared) {
  expect("lt(y,x)", [](Node x, Node y, Node) { return x > y; });
  expect("le(y,x)", [](Node x, Node y, Node) { return x >= y; });
  expect("negate(x)", [](Node x, Node, Node) { return x == 0.0; });
  expect("ne(x,0)", [](Node x, Node, Node) { return x != 0.0; });
  expect("0", [](Node x, Node, Node) { return x < x; });
  expect("eq(x,x)", [](Node x, Node, Node) { return x <= x; });
  expect("0", [](Node x, Node, Node) { return exp(x) < 0.0; });
  expect("lt(x,y)", [](Node x, Node y, Node) { return (x < y) != 0.0; });
  expect("lt(x,y)", [](Node x, Node y, Node) { return (x < y) == 1.0; });
  expect("negate(lt(x,y))", [](Node x, Node y, Node) { return (x < y) == 0.0; });
  expect("negate(lt(x,y))", [](Node x, Node y, Node) { return (x < y) != 1.0; });
  expect("lt(x,y)", [](Node x, Node y, Node) { return (x < y) > 0.0; });
  expect("negate(lt(x,y))", [](Node x, Node y, Node) { return (x < y) < 1.0; });
  expect("1", [](Node x, Node y, Node) { return (x < y) >= 0.0; });
  expect("negate(lt(x,y))", [](Node x, Node y, Node) { return (x < y) <= 0.0; });
  expect("1", [](Node x, Node y, Node) { return (x < y) == (x < y); });
  expect("0", [](Node x, Node y, Node) { return (x < y) != (x < y); });
}

TEST(Rewrite, truths_obey_the_laws_of_logic) {
  expect("lt(x,y)", [](Node x, Node y, Node) { return !!(x < y); });
  expect("ne(x,0)", [](Node x, Node, Node) { return !!x; });
  expect("ne(x,y)", [](Node x, Node y, Node) { return !(x == y); });
  expect("eq(x,y)", [](Node x, Node y, Node) { return !(x != y); });
  expect("lt(x,y)", [](Node x, Node y, Node) { return (x < y) & (x < y); });
  expect("ne(x,0)", [](Node x, Node, Node) { return x & x; });
  expect("ne(x,0)", [](Node x, Node, Node) { return x | x; });
  expect("ne(x,0)", [](Node x, Node, Node) { return x & 5.0; });
  expect("0", [](Node x, Node, Node) { return -0.0 & x; });
  expect("ne(x,0)", [](Node x, Node, Node) { return x | 0.0; });
  expect("1", [](Node x, Node, Node) { return x | -2.0; });
  expect("0", [](Node x, Node, Node) { return x & !x; });
  expect("1", [](Node x, Node, Node) { return (!x) | x; });
  expect("0", [](Node x, Node y, Node) { return (x == y) & (x != y); });
  expect("1", [](Node x, Node y, Node) { return (x == y) | (x != y); });
  expect("both(x,y)", [](Node x, Node y, Node) { return (x != 0.0) & y; });
  expect("either(x,y)", [](Node x, Node y, Node) { return x | (y != 0.0); });
  expect("both(x,y)", [](Node x, Node y, Node) { return x & (x & y); });
  expect("both(x,y)", [](Node x, Node y, Node) { return (x & y) & y; });
  expect("ne(y,0)", [](Node x, Node y, Node) { return (x | y) & y; });
  expect("ne(x,0)", [](Node x, Node y, Node) { return x & (x | y); });
  expect("either(x,y)", [](Node x, Node y, Node) { return x | (x | y); });
  expect("either(x,y)", [](Node x, Node y, Node) { return (x | y) | y; });
  expect("ne(x,0)", [](Node x, Node y, Node) { return x | (x & y); });
  expect("ne(y,0)", [](Node x, Node y, Node) { return (x & y) | y; });
}

TEST(Rewrite, choices_that_are_known_or_no_choices_vanish) {
  expect("y", [](Node, Node y, Node w) { return select(3.0, y, w); });
  expect("w", [](Node, Node y, Node w) { return select(-0.0, y, w); });
  expect("y", [](Node x, Node y, Node) { return select(x, y, y); });
  expect("select(x,w,y)", [](Node x, Node y, Node w) { return select(!x, y, w); });
  expect("select(x,w,y)", [](Node x, Node y, Node w) { return select(x == 0.0, y, w); });
  expect("select(x,y,w)", [](Node x, Node y, Node w) { return select(x != 0.0, y, w); });
  expect("select(x,y,w)", [](Node x, Node y, Node w) { return select(x, select(x, y, 5.0), w); });
  expect("select(x,y,w)", [](Node x, Node y, Node w) { return select(x, y, select(x, 5.0, w)); });
  expect("lt(x,y)", [](Node x, Node y, Node) { return select(x < y, 1.0, 0.0); });
  expect("ne(x,0)", [](Node x, Node, Node) {
    Graph& g = x.graph();
    return select(x, g.number(1), g.number(0));
  });
  expect("negate(lt(x,y))", [](Node x, Node y, Node) { return select(x < y, 0.0, 1.0); });
  expect("select(x,1,-0)", [](Node x, Node, Node) { return select(x, 1.0, -0.0); });
  expect("both(x,lt(y,w))", [](Node x, Node y, Node w) { return select(x, y < w, 0.0); });
  expect("either(x,lt(y,w))", [](Node x, Node y, Node w) { return select(x, 1.0, y < w); });
}

TEST(Rewrite, rules_apply_to_what_rules_have_made) {
  expect("x", [](Node x, Node, Node) { return (x * 1.0 - 0.0) / 1.0; });
  expect("y", [](Node x, Node y, Node) { return select((x < x) | (x & !x), x, -(-y)); });
  expect("mul(x,y)",
         [](Node x, Node y, Node) { return select((!((x < y) == 0.0)) | (!(x < y)), -x * -y, x); });
}

TEST(Rewrite, every_odd_or_even_row_hands_its_operands_sign_on) {
  for (const OpInfo& row : kOps) {
    if (row.arity != 1 || !(obeys(row.laws, Laws::odd) || obeys(row.laws, Laws::even))) continue;
    const Trace trace = trace_of([&](Node x, Node, Node) {
      const Node minus = -x;
      return x.graph().apply(row.op, std::span(&minus, 1));
    });
    const Trace rewritten = passes::rewrite(trace, kStrict);
    EXPECT_EQ(difference(trace, rewritten), "") << row.name;
    for (const GraphNode& node : passes::prune(rewritten, kStrict).graph.nodes()) {
      if (node.kind != VertexKind::operation || node.op != row.op) continue;
      EXPECT_EQ(rewritten.graph[{node.operand[0]}].kind, VertexKind::placeholder) << row.name;
    }
  }
}

TEST(Rewrite, keeps_labels_and_lines_of_what_has_a_new_shape) {
  Trace trace = trace_of([](Node x, Node y, Node) { return x + -y; });
  trace.graph.label(trace.outputs[0], "difference");
  trace.graph.locate(trace.outputs[0], {trace.graph.file("a.cpp"), 7});
  const Trace rewritten = passes::rewrite(std::move(trace), kStrict);
  EXPECT_EQ(rewritten.graph.name_of(rewritten.outputs[0]), "difference");
  EXPECT_EQ(rewritten.graph.line_of(rewritten.outputs[0]).line, 7u);
}

TEST(Rewrite, an_inputs_label_is_not_overwritten_by_that_of_an_operation) {
  Trace trace = trace_of([](Node x, Node, Node) { return x * 1.0; });
  trace.graph.label(trace.outputs[0], "product");
  const Trace rewritten = passes::rewrite(std::move(trace), kStrict);
  EXPECT_EQ(rewritten.graph.name_of(rewritten.outputs[0]), "x");
}

}  // namespace
}  // namespace chainrule
