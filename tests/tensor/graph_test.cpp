// Static graphs of tensors: built by hand, fed, run forward and backward.
#include "chainrule/tensor/graph.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;

std::string message_of(const auto& code) {
  try {
    code();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

struct Affine {
  TensorGraph g;
  Tensor x, w, b, y, loss;
  Affine() {
    const auto building = g.build();
    x = g.placeholder({2, 3}, "x");
    w = g.variable(tensor({{1, 2}, {3, 4}, {5, 6}}), "w");
    b = g.constant(tensor({10, 20}), "b");
    y = matmul(x, w) + b;
    loss = sum(y);
  }
};

TEST(TensorGraph, shapes_are_known_while_it_is_built) {
  const Affine net;
  EXPECT_EQ(net.y.shape(), Shape({2, 2}));
  EXPECT_EQ(net.loss.shape(), Shape());
}

TEST(TensorGraph, forward_and_backward_give_what_one_computes_by_hand) {
  Affine net;
  net.g.forward({{"x", tensor({{1, 0, 0}, {0, 1, 1}})}});
  EXPECT_EQ(net.g.value(net.y).values(), (Numbers{11, 22, 18, 30}));
  net.g.backward(net.loss);
  EXPECT_EQ(net.g.grad("x").values(), (Numbers{3, 7, 11, 3, 7, 11}));
  EXPECT_EQ(net.g.grad("w").values(), (Numbers{1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(net.g.grad("b").values(), (Numbers{2, 2}));
}

TEST(TensorGraph, a_variable_can_be_assigned_and_the_pass_run_again) {
  Affine net;
  net.g.assign("w", zeros({3, 2}));
  net.g.forward({{"x", ones({2, 3})}});
  EXPECT_EQ(net.g.value(net.y).values(), (Numbers{10, 20, 10, 20}));
}

TEST(TensorGraph, a_power_is_differentiated_by_both_operands) {
  TensorGraph g;
  Tensor y;
  {
    const auto building = g.build();
    const Tensor x = g.placeholder({2}, "x"), p = g.variable(tensor({3, 2}), "p");
    y = pow(x, p);
  }
  g.forward({{"x", tensor({2, 5})}});
  g.backward(y, ones({2}));
  EXPECT_EQ(g.value(y).values(), (Numbers{8, 25}));
  EXPECT_EQ(g.grad("x").values(), (Numbers{12, 10}));
  EXPECT_DOUBLE_EQ(g.grad("p").values()[0], 8 * std::log(2.0));
  EXPECT_DOUBLE_EQ(g.grad("p").values()[1], 25 * std::log(5.0));
}

TEST(TensorGraph, nodes_are_listed_by_kind_and_named) {
  Affine net;
  EXPECT_EQ(net.g.placeholders(), std::vector<std::string>{"x"});
  EXPECT_EQ(net.g.variables(), std::vector<std::string>{"w"});
  EXPECT_EQ(net.g.constants(), std::vector<std::string>{"b"});
  EXPECT_EQ(net.g.operations(), (std::vector<std::string>{"matmul/0", "add/0", "sum/0"}));
  EXPECT_EQ(to_string(net.g),
            "graph(x: f64(2,3))\n"
            "  w = variable: f64(3,2)\n"
            "  b = constant: f64(2,)\n"
            "  matmul/0 = matmul(x, w): f64(2,2)\n"
            "  add/0 = add(matmul/0, b): f64(2,2)\n"
            "  sum/0 = sum[axes=0,1](add/0): f64()\n");
}

TEST(TensorGraph, mistakes_in_feeding_are_named_together) {
  Affine net;
  EXPECT_EQ(message_of([&] {
              net.g.forward({{"z", ones({2, 3})}, {"w", ones({3, 2})}});
            }),
            "[forward] z is no placeholder; w is no placeholder; x is not fed");
  EXPECT_EQ(message_of([&] {
              net.g.forward({{"x", ones({3, 3})}});
            }),
            "[forward] x is f64(2,3), got f64(3,3)");
  EXPECT_EQ(message_of([&] { net.g.value(net.y); }),
            "[value] add/0 has no value yet: run forward() first");
  EXPECT_EQ(message_of([&] { net.g.assign("b", zeros({2})); }),
            "[assign] b is no variable: only a variable can be assigned");
}

TEST(TensorGraph, shapes_that_do_not_fit_are_refused_where_they_are_built) {
  TensorGraph g;
  const auto building = g.build();
  const Tensor x = g.placeholder({2, 3}, "x"), w = g.variable(ones({2, 3}), "w");
  EXPECT_EQ(message_of([&] { matmul(x, w); }), "[matmul] (2,3) x (2,3): inner sizes must agree");
  EXPECT_EQ(message_of([&] { x.item(); }),
            "[item] the only element of a tensor of shape (2,3), which has 6");
  EXPECT_NE(message_of([&] { x.values(); }).find("placeholder"), std::string::npos);
}

}  // namespace
}  // namespace chainrule
