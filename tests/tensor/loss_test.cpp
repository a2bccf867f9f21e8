// Losses, layer norm and dropout.
#include "chainrule/tensor/loss.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/base/error.hpp"
#include "chainrule/tensor/normalise.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::check_tensor_op;
using Numbers = std::vector<double>;
constexpr Over kAllOver[] = {Over::mean, Over::sum, Over::none};

Tensor sample(const Shape& shape, double seed = 0.3) {
  return 1.7 * laws::detail::spread_numbers(shape, seed);
}
// Between 0 and 1.
Tensor fractions(const Shape& shape) { return sigmoid(sample(shape, 2.0)); }

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// ---- cross entropy ------------------------------------------------------------------------------

TEST(Loss, derivatives_of_cross_entropy_with_classes) {
  for (const Over over : kAllOver) {
    EXPECT_TRUE(
        check_tensor_op([=](const Tensor& x, const Tensor& t) { return cross_entropy(x, t, over); },
                        {sample({3, 4}), tensor({2, 0, 3})}, {.fixed = 2}));
    EXPECT_TRUE(
        check_tensor_op([=](const Tensor& x, const Tensor& t) { return cross_entropy(x, t, over); },
                        {sample({2, 2, 3}), tensor({{2, 0}, {1, 1}})}, {.fixed = 2}));
    EXPECT_TRUE(
        check_tensor_op([=](const Tensor& x, const Tensor& t) { return nll(sin(x), t, over); },
                        {sample({3, 4}), tensor({2, 0, 3})}, {.fixed = 2}));
  }
  EXPECT_TRUE(check_tensor_op([](const Tensor& x) { return cross_entropy(x, Tensor(3.0)); },
                              {sample({4})}));
}

TEST(Loss, derivatives_of_cross_entropy_with_probabilities) {
  for (const Over over : kAllOver) {
    EXPECT_TRUE(
        check_tensor_op([=](const Tensor& x, const Tensor& p) { return cross_entropy(x, p, over); },
                        {sample({3, 4}), fractions({3, 4})}));
  }
}

TEST(Loss, cross_entropy_by_hand) {
  // Logits whose softmax is (1/6, 2/6, 3/6).
  const Tensor x = log(tensor({{1, 2, 3}, {2, 3, 1}}));
  EXPECT_NEAR(cross_entropy(x, tensor({2, 0})).item(), (std::log(2.0) + std::log(3.0)) / 2, 1e-15);
  EXPECT_NEAR(cross_entropy(x, tensor({2, 0}), Over::sum).item(), std::log(6.0), 1e-15);
  const Numbers each = cross_entropy(x, tensor({0, 2}), Over::none).values();
  EXPECT_NEAR(each[0], std::log(6.0), 1e-15);
  EXPECT_NEAR(each[1], std::log(6.0), 1e-15);
  EXPECT_NEAR(cross_entropy(x, tensor({{0, 0, 1}, {1, 0, 0}}), Over::sum).item(), std::log(6.0),
              1e-15);
  EXPECT_NEAR(nll(log_softmax(x), tensor({2, 0}), Over::sum).item(), std::log(6.0), 1e-15);
  EXPECT_EQ(cross_entropy(tensor({0, 0, 0, 0}), Tensor(2.0)).item(), std::log(4.0));
}

TEST(Loss, a_certain_prediction_costs_nothing_and_a_wrong_one_its_distance) {
  const Tensor x = tensor({{1000, 0}, {-1000, 0}}, f32);
  EXPECT_EQ(cross_entropy(x, tensor({0, 0}), Over::none).values(), (Numbers{0, 1000}));
  const Frame frame = Tape::active().frame();
  const Tensor v = variable(x);
  const Tensor loss = cross_entropy(v, tensor({0, 0}), Over::sum);
  EXPECT_EQ(loss.element(), f32);
  EXPECT_EQ(gradient(loss, {v})[0].values(), (Numbers{0, 0, -1, 1}));
  EXPECT_EQ(recorded_gradient(loss, {v})[0].values(), (Numbers{0, 0, -1, 1}));
  // Classes that are masked by −∞ cost nothing.
  const Tensor masked = tensor({{-INFINITY, 0, 0}});
  EXPECT_EQ(cross_entropy(masked, tensor({{0, 0.5, 0.5}})).item(), std::log(2.0));
}

TEST(Loss, classes_and_shapes_that_do_not_fit_are_named) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(message_of([&] {
              cross_entropy(x, tensor({0, 3}));
            }),
            "[cross_entropy] class 3 at [1], but there are 3 classes, from 0 to 2");
  EXPECT_EQ(message_of([&] {
              cross_entropy(x, tensor({-1, 0}));
            }),
            "[cross_entropy] class -1 at [0], but there are 3 classes, from 0 to 2");
  EXPECT_EQ(message_of([&] {
              cross_entropy(x, tensor({0.5, 0}));
            }),
            "[cross_entropy] class 0.5 at [0] is no whole number");
  EXPECT_EQ(message_of([&] {
              cross_entropy(x, tensor({std::nan(""), 0}));
            }),
            "[cross_entropy] class nan at [0] is no whole number");
  EXPECT_EQ(message_of([&] {
              nll(zeros({2, 2, 3}), tensor({{0, 1}, {2, 7}}));
            }),
            "[nll] class 7 at [1,1], but there are 3 classes, from 0 to 2");
  EXPECT_EQ(
      message_of([&] { cross_entropy(x, zeros({3})); }),
      "[cross_entropy] logits of shape (2,3), targets of shape (3,): targets have the shape of the "
      "logits, or that without the last axis if they are classes");
  EXPECT_EQ(
      message_of([&] { nll(x, x); }),
      "[nll] scores of shape (2,3), classes of shape (2,3): classes have the shape of the scores "
      "without the last axis");
  EXPECT_EQ(message_of([&] {
              mse(zeros({4, 1}), zeros({4}));
            }),
            "[mse] predictions of shape (4,1), targets of shape (4,): shapes must be equal");
  EXPECT_EQ(message_of([&] { huber(x, x, 0); }), "[huber] delta is 0, but must be above 0");
}

// ---- differences --------------------------------------------------------------------------------

TEST(Loss, derivatives_of_differences) {
  for (const Over over : kAllOver) {
    const Tensor x = sample({3, 4}), y = sample({3, 4}, 5.0);
    EXPECT_TRUE(
        check_tensor_op([=](const Tensor& a, const Tensor& b) { return mse(a, b, over); }, {x, y}));
    EXPECT_TRUE(
        check_tensor_op([=](const Tensor& a, const Tensor& b) { return huber(a, b, 0.75, over); },
                        {x, y}, {.room = 0.01}));
    EXPECT_TRUE(check_tensor_op(
        [=](const Tensor& a, const Tensor& t) {
          return binary_cross_entropy_with_logits(a, t, over);
        },
        {x, fractions({3, 4})}));
  }
}

TEST(Loss, differences_by_hand) {
  const Tensor x = tensor({1, 2, 5}), y = tensor({1, 2.5, 2});
  EXPECT_EQ(mse(x, y, Over::sum).item(), 0.25 + 9);
  EXPECT_EQ(mse(x, y).item(), 9.25 / 3);
  EXPECT_EQ(huber(x, y, 1, Over::none).values(), (Numbers{0, 0.125, 2.5}));
}

TEST(Loss, binary_cross_entropy_keeps_its_digits) {
  const auto loss = [](double x, double t) {
    return binary_cross_entropy_with_logits(tensor({x}), tensor({t})).item();
  };
  EXPECT_EQ(loss(0, 0.3), std::log(2.0));
  EXPECT_EQ(loss(800, 1), 0);
  EXPECT_EQ(loss(800, 0), 800);
  EXPECT_EQ(loss(-800, 1), 800);
  EXPECT_NEAR(loss(30, 1) / std::exp(-30.0), 1, 1e-12);
}

TEST(Loss, rows_that_were_not_taken_add_nothing) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({{1, 4}, {-1, 4}}));
  const Tensor losses = cross_entropy(sqrt(x), tensor({0, 0}), Over::none);
  const Tensor y = sum(where(tensor({1, 0}), losses, Tensor(0.0)));
  const Numbers plain = gradient(y, {x})[0].values(),
                recorded = recorded_gradient(y, {x})[0].values();
  EXPECT_LT(plain[0], 0);
  EXPECT_EQ(plain[2], 0);
  EXPECT_EQ(plain[3], 0);
  EXPECT_EQ(recorded[2], 0);
  EXPECT_EQ(recorded[3], 0);
}

// ---- layers -------------------------------------------------------------------------------------

TEST(Normalise, derivatives_of_layer_norm) {
  const auto norm3 = [](const Tensor& x, const Tensor& gain, const Tensor& bias) {
    return layer_norm(x, gain, bias, 1e-3);
  };
  EXPECT_TRUE(check_tensor_op(norm3, {sample({3, 4}), sample({4}, 1), sample({4}, 2)}));
  EXPECT_TRUE(check_tensor_op(norm3, {sample({2, 3, 2}), sample({3, 2}, 1), sample({3, 2}, 2)}));
  EXPECT_TRUE(check_tensor_op(norm3, {sample({5}), sample({5}, 1), sample({5}, 2)}));
  // Each operand alone.
  for (const std::uint32_t fixed : {6u, 5u, 3u}) {
    EXPECT_TRUE(check_tensor_op(norm3, {sample({3, 4}), sample({4}, 1), sample({4}, 2)},
                                {.orders = fixed == 3 ? 1 : 2, .fixed = fixed}));
  }
}

TEST(Normalise, layer_norm_by_hand) {
  const Tensor x = tensor({{1, 3}, {1e6, 1e6 + 4}}, f32);
  const Tensor y = layer_norm(x, tensor({2, 3}, f32), tensor({10, 20}, f32), 0.0);
  EXPECT_EQ(y.values(), (Numbers{8, 23, 8, 23}));
  // A row of equals: eps keeps it at the bias.
  EXPECT_EQ(layer_norm(tensor({{7, 7}}), tensor({2, 3}), tensor({10, 20})).values(),
            (Numbers{10, 20}));
  EXPECT_EQ(message_of([&] {
              layer_norm(zeros({2, 3}), zeros({2}), zeros({2}));
            }),
            "[layer_norm] (2,3) with a gain of shape (2,) and a bias of shape (2,): both must have "
            "the shape of the last axes");
}

TEST(Normalise, dropout_scales_what_is_kept_and_drops_the_rest_whatever_it_is) {
  const Tensor x = tensor({1, std::nan(""), 3, INFINITY}), keep = tensor({1, 0, 1, 0});
  EXPECT_EQ(dropout(x, 0.75, keep).values(), (Numbers{4, 0, 12, 0}));
  EXPECT_EQ(dropout(x, 1, zeros({4})).values(), (Numbers{0, 0, 0, 0}));
  EXPECT_EQ(dropout(cast(x, f32), 0.5, keep).element(), f32);
  EXPECT_TRUE(
      check_tensor_op([](const Tensor& a, const Tensor& b) { return dropout(sin(a), 0.25, b); },
                      {sample({2, 3}), tensor({{1, 0, 1}, {0, 1, 1}})}, {.fixed = 2}));
  EXPECT_EQ(message_of([&] { dropout(x, 1.5, keep); }),
            "[dropout] a rate of 1.5, but it is a probability");
}

}  // namespace
}  // namespace chainrule
