// The worked examples that every engine of this kind is tried on, and the classic faults.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/chainrule.hpp"
#include "chainrule/tape/inspect.hpp"

namespace chainrule {
namespace {

class WorkedExample : public testing::Test {
 protected:
  Frame frame = Tape::active().frame();
};

TEST_F(WorkedExample, cubes_and_rectified_squares) {
  const Scalar a = variable(1.5, "a"), b = variable(-4, "b");
  const Scalar y = pow(a, 3) / 5 + relu(pow(b, 2));
  EXPECT_DOUBLE_EQ(y.value(), 16.675);
  EXPECT_EQ(gradient(y, {a, b}), (std::vector<double>{1.35, -8}));
}

TEST_F(WorkedExample, a_variable_used_twice_accumulates) {
  const Scalar a = variable(3, "a");
  EXPECT_EQ(gradient(a + a, {a})[0], 2);
  EXPECT_EQ(gradient(a * a, {a})[0], 6);
  EXPECT_EQ(gradient(a - a, {a})[0], 0);
  EXPECT_EQ(gradient(a / a, {a})[0], 0);
  EXPECT_NEAR(gradient(pow(a, a), {a})[0], 27 * (std::log(3.0) + 1), 1e-13);
  EXPECT_EQ(reach(a - a, a), Reach::reached);
  (a + a).backward();
  EXPECT_EQ(a.grad(), 2);
}

TEST_F(WorkedExample, two_paths_meet) {
  const Scalar a = variable(-2, "a"), b = variable(3, "b");
  const Scalar d = a * b, e = a + b, f = d * e;
  EXPECT_EQ(f.value(), -6);
  EXPECT_EQ(gradient(f, {a, b}), (std::vector<double>{-3, -8}));
}

TEST_F(WorkedExample, a_step_along_the_gradient_raises_the_value) {
  Scalar a = variable(2, "a"), b = variable(-3, "b"), c = variable(10, "c"), f = variable(-2, "f");
  const auto forward = [&] { return (a * b + c) * f; };
  Scalar L = forward();
  EXPECT_EQ(L.value(), -8);
  L.backward();
  EXPECT_EQ(a.grad(), 6);
  EXPECT_EQ(b.grad(), -4);
  EXPECT_EQ(c.grad(), -2);
  EXPECT_EQ(f.grad(), 4);
  for (Scalar* leaf : {&a, &b, &c, &f}) leaf->assign(leaf->value() + 0.01 * leaf->grad());
  EXPECT_DOUBLE_EQ(forward().value(), -7.286496);
  EXPECT_EQ(a.name(), "a");
}

struct Neuron {
  Scalar x1 = variable(2, "x1"), x2 = variable(0, "x2");
  Scalar w1 = variable(-3, "w1"), w2 = variable(1, "w2");
  Scalar b = variable(6.8813735870195432, "b");
  Scalar x1w1 = (x1 * w1).label("x1w1"), x2w2 = (x2 * w2).label("x2w2");
  Scalar sum = (x1w1 + x2w2).label("x1w1 + x2w2");
  Scalar n = (sum + b).label("n");
  Scalar o = tanh(n).label("o");

  void expect_gradients() const {
    constexpr double kClose = 1e-15;
    EXPECT_NEAR(o.value(), std::sqrt(0.5), kClose);
    EXPECT_NEAR(x1.grad(), -1.5, 3 * kClose);
    EXPECT_NEAR(w1.grad(), 1, 2 * kClose);
    EXPECT_NEAR(x2.grad(), 0.5, kClose);
    EXPECT_EQ(w2.grad(), 0);
    EXPECT_NEAR(b.grad(), 0.5, kClose);
    EXPECT_TRUE(w2.has_grad());  // a zero that was computed
  }
};

TEST_F(WorkedExample, a_neuron_by_one_backward) {
  const Neuron neuron;
  EXPECT_FALSE(neuron.x1.has_grad());
  neuron.o.backward();
  neuron.expect_gradients();
}

TEST_F(WorkedExample, a_neuron_by_steps_of_single_nodes) {
  const Neuron neuron;
  neuron.o.set_grad(1);
  for (const Scalar* node :
       {&neuron.o, &neuron.n, &neuron.b, &neuron.sum, &neuron.x2w2, &neuron.x1w1}) {
    node->step_backward();
  }
  neuron.expect_gradients();
}

TEST_F(WorkedExample, a_neuron_by_adjoints_set_by_hand) {
  const Neuron neuron;
  neuron.o.set_grad(1);
  neuron.n.set_grad(1 - std::pow(neuron.o.value(), 2));
  neuron.sum.set_grad(neuron.n.grad());
  neuron.b.set_grad(neuron.n.grad());
  neuron.x1w1.set_grad(neuron.sum.grad());
  neuron.x2w2.set_grad(neuron.sum.grad());
  neuron.x1.set_grad(neuron.w1.value() * neuron.x1w1.grad());
  neuron.w1.set_grad(neuron.x1.value() * neuron.x1w1.grad());
  neuron.x2.set_grad(neuron.w2.value() * neuron.x2w2.grad());
  neuron.w2.set_grad(neuron.x2.value() * neuron.x2w2.grad());
  neuron.expect_gradients();
}

TEST_F(WorkedExample, names_and_order_of_a_small_graph) {
  Tape fresh;
  const Activation active = fresh.activate();
  const Scalar x = variable(0.9, "x"), y = variable(0.4, "y"), c = constant(1.3, "c");
  const Scalar result = (x * y + c) * c + x;
  EXPECT_DOUBLE_EQ(result.value(), 3.058);
  const auto g = gradient(result, {x, y, c});
  EXPECT_DOUBLE_EQ(g[0], 1.52);
  EXPECT_DOUBLE_EQ(g[1], 1.17);
  EXPECT_DOUBLE_EQ(g[2], 2.96);
  std::vector<std::string> names;
  for (const NodeInfo& node : inspect(fresh, ancestors(result))) names.push_back(node.name);
  EXPECT_EQ(names, (std::vector<std::string>{"x", "y", "mul/0", "c", "add/0", "mul/1", "add/1"}));
}

TEST_F(WorkedExample, all_seven_nodes_have_their_gradient) {
  const Scalar x1 = variable(3), x2 = variable(4), x4 = variable(5), x6 = variable(2);
  const Scalar x3 = x1 * x2, x5 = x4 + x3, x7 = x5 * x6;
  EXPECT_EQ(x7.value(), 34);
  EXPECT_EQ(gradient(x7, {x1, x2, x3, x4, x5, x6, x7}),
            (std::vector<double>{8, 6, 2, 2, 2, 17, 1}));
}

TEST_F(WorkedExample, a_dense_unit_and_a_node_that_backward_never_reaches) {
  const Scalar w0 = variable(-1, "w0"), w1 = variable(2, "w1"), b = variable(4, "b");
  const auto unit = [&](const Scalar& x) { return w0 * x + w1 * x + b; };
  const Scalar z = unit(constant(2, "x"));
  const Scalar y = relu(z);
  const Scalar aside = tanh(z);
  EXPECT_EQ(y.value(), 6);
  y.backward();
  EXPECT_FALSE(aside.has_grad());
  EXPECT_EQ(reach(y, aside), Reach::independent);
  EXPECT_EQ(w0.grad(), 2);
  relu(unit(constant(1.7, "x'"))).backward();  // 5.7: accumulates into the shared weights
  EXPECT_DOUBLE_EQ(w0.grad(), 3.7);
  EXPECT_DOUBLE_EQ(w1.grad(), 3.7);
  EXPECT_DOUBLE_EQ(b.grad(), 2);
}

TEST_F(WorkedExample, slopes_of_a_parabola_and_of_a_step) {
  const auto parabola = [](const Scalar& x) { return 3 * pow(x, 2) - 4 * x + 5; };
  for (const auto& [at, slope] : {std::pair{3.0, 14.0}, {-3.0, -22.0}, {2.0 / 3, 0.0}}) {
    const Scalar x = variable(at);
    EXPECT_DOUBLE_EQ(gradient(parabola(x), {x})[0], slope);
  }
  const Scalar x = variable(1.5);
  EXPECT_EQ(gradient(floor(x) + x, {x})[0], 1);
}

TEST_F(WorkedExample, the_second_partial_of_a_quotient_has_its_sign) {
  const Scalar a = variable(6), b = variable(3);
  EXPECT_DOUBLE_EQ(gradient(a / b, {b})[0], -6.0 / 9);
}

TEST_F(WorkedExample, a_node_used_twice_keeps_both_of_its_entries) {
  const Scalar a = variable(2);
  const Scalar s = a * 3;
  EXPECT_EQ(gradient(s * s, {a})[0], 2 * 3 * 6);
  EXPECT_EQ(gradient(hypot3(s, s, s), {a})[0], 3 * std::sqrt(3.0));
  EXPECT_EQ(gradient(fma(a, a, a), {a})[0], 5);
}

TEST_F(WorkedExample, tanh_far_out_is_flat_and_not_nan) {
  for (const double at : {-800.0, -360.0, 360.0, 800.0}) {
    const Scalar x = variable(at);
    const Scalar y = tanh(x);
    EXPECT_EQ(std::abs(y.value()), 1);
    EXPECT_GE(gradient(y, {x})[0], 0);
    EXPECT_LT(gradient(y, {x})[0], 1e-300);
    EXPECT_FALSE(std::isnan(hessian(y, {x})[0]));
  }
}

}  // namespace
}  // namespace chainrule
