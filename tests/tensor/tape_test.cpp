// Tensors on the tape: recording, reverse sweeps, and numbers and tensors in one graph.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;

TEST(TensorTape, the_gradient_of_a_sum_of_products_is_the_other_factor) {
  const Frame frame = Tape::active().frame();
  const Tensor a = variable(tensor({{1, 2}, {3, 4}}), "a");
  const Tensor b = variable(tensor({{5, 6}, {7, 8}}), "b");
  const auto slopes = gradient(sum(a * b), {a, b});
  EXPECT_EQ(slopes[0].values(), (Numbers{5, 6, 7, 8}));
  EXPECT_EQ(slopes[1].values(), (Numbers{1, 2, 3, 4}));
}

TEST(TensorTape, the_same_tensor_twice_adds_up) {
  const Frame frame = Tape::active().frame();
  const Tensor a = variable(tensor({1, 2, 3}));
  EXPECT_EQ(gradient(sum(a + a), {a})[0].values(), (Numbers{2, 2, 2}));
  EXPECT_EQ(gradient(sum(a * a), {a})[0].values(), (Numbers{2, 4, 6}));
  EXPECT_EQ(gradient(sum(a - a), {a})[0].values(), (Numbers{0, 0, 0}));
  EXPECT_EQ(gradient(sum(a / a), {a})[0].values(), (Numbers{0, 0, 0}));
}

TEST(TensorTape, a_broadcast_operand_gets_the_sum) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({{1, 2, 3}, {4, 5, 6}}));
  const Tensor bias = variable(tensor({10, 20, 30}));
  const Tensor column = variable(tensor({{2}, {3}}));
  const auto slopes = gradient(sum((x + bias) * column), {x, bias, column});
  EXPECT_EQ(slopes[0].values(), (Numbers{2, 2, 2, 3, 3, 3}));
  EXPECT_EQ(slopes[1].values(), (Numbers{5, 5, 5}));
  EXPECT_EQ(slopes[2].values(), (Numbers{66, 75}));
}

TEST(TensorTape, matmul_has_the_gradients_that_one_derives_by_hand) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({{1, 2}, {3, 4}, {5, 6}}));
  const Tensor w = variable(tensor({{1, -1, 2}, {0, 3, 1}}));
  const Tensor y = matmul(x, w);
  EXPECT_EQ(y.values(), (Numbers{1, 5, 4, 3, 9, 10, 5, 13, 16}));
  const auto slopes = gradient(sum(y), {x, w});
  EXPECT_EQ(slopes[0].values(), (Numbers{2, 4, 2, 4, 2, 4}));
  EXPECT_EQ(slopes[1].values(), (Numbers{9, 9, 9, 12, 12, 12}));
}

TEST(TensorTape, numbers_and_tensors_meet_and_gradients_cross) {
  const Frame frame = Tape::active().frame();
  const Scalar s = variable(2.0, "s");
  const Tensor t = variable(tensor({1, 2, 3}), "t");
  const Tensor scaled = t * s;                // a number into tensors
  const Scalar picked = scalar(scaled, {1});  // and back: 4
  const Scalar y = picked * picked + s;       // 18
  EXPECT_EQ(y.value(), 18);
  // y = (t₁ s)² + s.
  EXPECT_EQ(gradient(y, {s})[0], 2 * 4 * 2 + 1);
  EXPECT_EQ(gradient(y, {t})[0].values(), (Numbers{0, 16, 0}));
  const std::vector<Scalar> two = {s, picked};
  const Tensor both = stack(two);
  EXPECT_EQ(gradient(sum(both * both), {s, t})[0].item(), 2 * 2 + 2 * 4 * 2);
}

TEST(TensorTape, backward_accumulates_until_zero_grad) {
  const Frame frame = Tape::active().frame();
  const Tensor a = variable(tensor({1, 2}), "a");
  const Tensor y = sum(exp(a) * 0.0 + a * a);
  EXPECT_FALSE(a.has_grad());
  y.backward();
  y.backward();
  EXPECT_EQ(a.grad().values(), (Numbers{4, 8}));
  Tape::active().zero_grad();
  EXPECT_FALSE(a.has_grad());
  EXPECT_EQ(a.grad().values(), (Numbers{0, 0}));
}

TEST(TensorTape, a_branch_that_was_not_taken_adds_nothing_even_where_its_slope_is_nan) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({-4, 4}));
  const Tensor y = sum(where(x > 0.0, sqrt(x), x));
  EXPECT_EQ(gradient(y, {x})[0].values(), (Numbers{1, 0.25}));
  EXPECT_EQ(recorded_gradient(y, {x})[0].values(), (Numbers{1, 0.25}));
}

TEST(TensorTape, derivatives_go_to_any_order) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({0.5, 1.5}));
  const Tensor first = recorded_gradient(sum(sin(x)), {x})[0];
  const Tensor second = recorded_gradient(sum(first), {x})[0];
  const Tensor third = gradient(sum(second), {x})[0];
  for (std::size_t k = 0; k < 2; ++k) {
    const double at = 0.5 + static_cast<double>(k);
    EXPECT_NEAR(first.values()[k], std::cos(at), 1e-15);
    EXPECT_NEAR(second.values()[k], -std::sin(at), 1e-15);
    EXPECT_NEAR(third.values()[k], -std::cos(at), 1e-15);
  }
}

TEST(TensorTape, a_copy_that_is_written_leaves_the_others_as_they_are) {
  Tensor a = tensor({1, 2, 3});
  const Tensor b = a, view = slice(a, 0, {0, 2, 1});
  a.writable<double>()[0] = 9;
  EXPECT_EQ(a.values(), (Numbers{9, 2, 3}));
  EXPECT_EQ(b.values(), (Numbers{1, 2, 3}));
  EXPECT_EQ(view.values(), (Numbers{1, 2}));
}

TEST(TensorTape, floats_stay_floats_and_meet_doubles_as_doubles) {
  const Tensor a = tensor({1, 2}, f32), b = tensor({1, 2});
  EXPECT_EQ((a * 2.0).element(), f32);
  EXPECT_EQ((a + b).element(), f64);
  const Frame frame = Tape::active().frame();
  const Tensor v = variable(a);
  EXPECT_EQ(gradient(sum(v * b), {v})[0].element(), f32);
}

TEST(TensorTape, the_birth_of_a_nan_is_named_with_its_place_and_line) {
  const Frame frame = Tape::active().frame();
  Tape::active().keep_source_lines();
  const Tensor x = variable(tensor({4, -1, 9}), "x");
  const Tensor y = sum(sqrt(x) * 2.0);
  Tape::active().keep_source_lines(false);
  const auto fault = first_nan(y);
  ASSERT_TRUE(fault);
  EXPECT_EQ(
      fault->text.find("the value is NaN first at sqrt/1 = sqrt(x = f64(3,)) = f64(3,) with nan "
                       "at (1,), recorded at "),
      0u)
      << fault->text;
}

TEST(TensorTape, why_something_matters_is_told_through_tensors_and_numbers) {
  const Frame frame = Tape::active().frame();
  const Scalar s = variable(3.0, "s");
  const Tensor x = variable(tensor({1, 2}), "x");
  const Tensor y = sum(x * s);
  EXPECT_EQ(
      explain(y, Tensor(s)),
      "sum/2 depends on s, most strongly along:\n  s = 3\n  mul/1 = mul(x = f64(2,), s = 3) = "
      "f64(2,)\n  sum/2 = sum(mul/1 = f64(2,)) = 9");
  EXPECT_EQ(
      explain(sum(floor(x)), x),
      "sum/4 depends on x, but nothing arrives: every path is cut inside of a tensor operation");
}

}  // namespace
}  // namespace chainrule
