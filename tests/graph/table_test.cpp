// Every row of the table in a Graph against the tape, bit for bit.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "chainrule/chainrule.hpp"
#include "chainrule/graph/graph.hpp"
#include "tests/laws/samples.hpp"

namespace chainrule {
namespace {

using laws::Point;

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

std::vector<Point> points_of(const OpInfo& row) {
  std::vector<Point> points = laws::ordinary_points(row, 20);
  for (const auto& more : {laws::simple_points(row), laws::special_points(row)}) {
    points.insert(points.end(), more.begin(), more.end());
  }
  return points;
}

TEST(Table, every_row_has_the_value_and_the_adjoints_of_the_tape) {
  for (const OpInfo& row : kOps) {
    const auto arity = static_cast<std::size_t>(row.arity);
    Graph g;
    std::vector<Node> in;
    for (std::size_t k = 0; k < arity; ++k) in.push_back(g.variable(0));
    const Node z = g.apply(row.op, in);
    for (const Point& point : points_of(row)) {
      const Frame frame = Tape::active().frame();
      std::vector<Scalar> xs;
      for (std::size_t k = 0; k < arity; ++k) {
        xs.push_back(variable(point[k]));
        in[k].assign(point[k]);
      }
      const Scalar y = apply(row.op, xs.data());
      y.backward(1.5);
      ASSERT_TRUE(same(g.forward(z), y.value())) << row.name;
      g.backward(z, 1.5);
      for (std::size_t k = 0; k < arity; ++k) {
        ASSERT_TRUE(same(in[k].grad(), xs[k].grad())) << row.name << " " << k;
        ASSERT_EQ(in[k].has_grad(), xs[k].has_grad()) << row.name << " " << k;
      }
    }
  }
}

TEST(Table, every_row_is_a_function_of_nodes_and_of_numbers) {
  std::size_t rows = 0;
  Graph g;
  const Node x = g.variable(0.5), y = g.variable(0.25), w = g.variable(2);
  const auto is = [&](const Node& node, Op op) {
    EXPECT_EQ(g[node.vertex()].op, op) << info(op).name;
    ++rows;
  };
#define CR_GRAPH_CALLS_1(name) is(chainrule::name(x), Op::name)
#define CR_GRAPH_CALLS_2(name) \
  is(chainrule::name(x, y), Op::name), (void)chainrule::name(x, 1), (void)chainrule::name(2.0f, y)
#define CR_GRAPH_CALLS_3(name)                                            \
  is(chainrule::name(x, y, w), Op::name), (void)chainrule::name(x, 1, w), \
      (void)chainrule::name(2.0, 1, w), (void)chainrule::name(x, y, 0L)
#define CR_OP(name, arity, ...) CR_GRAPH_CALLS_##arity(name);
#define CR_FN                   CR_OP
#define CR_DEF                  CR_OP
#include "chainrule/op/ops.def"
  EXPECT_EQ(rows, static_cast<std::size_t>(kOpCount));
}

TEST(Table, a_program_of_many_rows_has_the_gradient_of_the_tape) {
  const auto program = [](const auto& x, const auto& y) {
    auto z = sin(x * y) + exp(-x) / (1.0 + y * y);
    for (int k = 0; k < 20; ++k) z = select(z > 0.5, z * x - 0.25 * k, hypot(z, y, 1.0) + tanh(z));
    return z + log1p(x * x) * sigmoid(y) - atan2(z, y);
  };
  for (double a : {-1.5, 0.0, 0.3, 2.0}) {
    Graph g;
    const Node x = g.variable(a), y = g.variable(-0.75);
    const Node z = program(x, y);
    const Frame frame = Tape::active().frame();
    const Scalar p = variable(a), q = variable(-0.75);
    const Scalar r = program(p, q);
    EXPECT_EQ(g.forward(z), r.value());
    g.backward(z);
    EXPECT_EQ(x.grad(), gradient(r, {p})[0]);
    EXPECT_EQ(y.grad(), gradient(r, {q})[0]);
  }
}

}  // namespace
}  // namespace chainrule
