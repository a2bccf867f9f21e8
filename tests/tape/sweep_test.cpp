// What a sweep reaches, how adjoints accumulate, and second order.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/chainrule.hpp"
#include "chainrule/tape/inspect.hpp"

namespace chainrule {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

class Sweep : public testing::Test {
 protected:
  Frame frame = Tape::active().frame();
};

TEST_F(Sweep, an_untaken_branch_contributes_exactly_nothing_even_where_its_slope_is_nan) {
  const Scalar x = variable(-4, "x");
  const Scalar y = select(x > 0, sqrt(x), x);
  EXPECT_EQ(gradient(y, {x})[0], 1);
  EXPECT_EQ(hessian(y, {x})[0], 0);
  const Scalar g = recorded_gradient(y, {x})[0];
  EXPECT_EQ(g.value(), 1);
  EXPECT_EQ(gradient(g, {x})[0], 0);
  const Scalar at_zero = variable(0.0);
  EXPECT_EQ(gradient(select(at_zero > 0, log(at_zero), at_zero * 2), {at_zero})[0], 2);
}

TEST_F(Sweep, a_real_singularity_still_shows) {
  const Scalar x = variable(0, "x");
  EXPECT_EQ(gradient(sqrt(x), {x})[0], kInf);
  EXPECT_TRUE(std::isnan(gradient(sqrt(x * x), {x})[0]));
  EXPECT_TRUE(std::isnan(gradient(sqrt(x) * sqrt(x), {x})[0]));  // 0 · inf: not absorbed
  EXPECT_TRUE(std::isnan(gradient(0.0 * sqrt(x), {x})[0]));
}

TEST_F(Sweep, a_numeric_zero_counts_as_reached_whatever_its_sign) {
  const Scalar x = variable(2, "x"), zero = variable(0.0), minus_zero = variable(-0.0);
  EXPECT_EQ(reach(x * zero, x), Reach::reached);
  EXPECT_EQ(reach(x * minus_zero, x), Reach::reached);
  EXPECT_EQ(reach(x - x, x), Reach::reached);
  (x * minus_zero).backward();
  EXPECT_TRUE(x.has_grad());
  // The zero goes on to meet a singularity: 0 · inf is NaN, which a guess from zero would lose.
  const Scalar origin = variable(0.0);
  EXPECT_TRUE(std::isnan(gradient(sqrt(origin) * minus_zero, {origin})[0]));
}

TEST_F(Sweep, independent_cut_and_reached_are_told_apart) {
  const Scalar x = variable(-1, "x"), other = variable(1, "other");
  EXPECT_EQ(reach(x * 2, other), Reach::independent);
  EXPECT_EQ(reach(relu(x), x), Reach::cut);
  EXPECT_EQ(reach(floor(x) + other, x), Reach::cut);
  EXPECT_EQ(reach(select(x > 0, x, other), x), Reach::cut);
  EXPECT_EQ(reach(pow(variable(0.0), 0) * x, x), Reach::reached);
  EXPECT_EQ(reach(x * 2, x), Reach::reached);
  EXPECT_EQ(reach(x, x), Reach::reached);
  EXPECT_EQ(reach(Scalar(3), x), Reach::independent);
  EXPECT_EQ(gradient(relu(x) + other * 0, {x, other}), (std::vector<double>{0, 0}));
}

TEST_F(Sweep, gradient_is_idempotent_and_leaves_grad_alone) {
  const Scalar x = variable(3, "x");
  const Scalar y = x * x * x;
  EXPECT_EQ(gradient(y, {x})[0], 27);
  EXPECT_EQ(gradient(y, {x})[0], 27);
  EXPECT_FALSE(x.has_grad());
}

TEST_F(Sweep, backward_twice_gives_exactly_twice_intermediates_included) {
  const Scalar x = variable(3, "x");
  const Scalar y = x * x;
  const Scalar z = sin(y);
  z.backward();
  const double first_x = x.grad(), first_y = y.grad();
  z.backward();
  EXPECT_EQ(x.grad(), 2 * first_x);
  EXPECT_EQ(y.grad(), 2 * first_y);
  EXPECT_EQ(z.grad(), 2);
  Tape::active().zero_grad();
  EXPECT_EQ(x.grad(), 0);
  EXPECT_FALSE(x.has_grad());
  z.backward(0.5);
  EXPECT_EQ(x.grad(), 0.5 * first_x);
}

TEST_F(Sweep, inputs_may_come_in_any_order_and_more_than_once_and_be_intermediate) {
  const Scalar a = variable(2), b = variable(3);
  const Scalar p = a * b, y = p * p + b;
  const Scalar later = variable(9);
  EXPECT_EQ(gradient(y, {b, p, a, y, b, later, a}),
            (std::vector<double>{2 * 6 * 2 + 1, 12, 36, 1, 25, 0, 36}));
  EXPECT_EQ(gradient(y, {a, b}), (std::vector<double>{36, 25}));  // the buffer was left clean
}

TEST_F(Sweep, a_gradient_by_late_inputs_leaves_no_adjoint_behind_in_earlier_rows) {
  const Scalar a = variable(2);
  const Scalar p = a * 3, y = p * p;
  EXPECT_EQ(gradient(y, {p})[0], 12);
  EXPECT_EQ(gradient(y, {a})[0], 36);
}

TEST_F(Sweep, errors_say_what_was_wrong) {
  const Scalar x = variable(1, "x");
  EXPECT_THROW(gradient(x, {Scalar(2)}), Error);
  std::vector<double> too_small(1);
  const Scalar xs[] = {x, x};
  EXPECT_THROW(gradient(x, xs, too_small), Error);
  EXPECT_THROW(x.step_backward(), Error);
  EXPECT_THROW(Scalar(1).backward(), Error);
  EXPECT_THROW(hessian(x * x, {x * 2}), Error);
}

TEST_F(Sweep, hessian_hvp_and_recorded_gradients_agree) {
  const Scalar x = variable(0.7), y = variable(-1.2), z = variable(2.5);
  const Scalar f = exp(x * y) * tanh(z) + pow(z, x) / (1 + y * y) + hypot(x, z) * log(z);
  const Scalar xs[] = {x, y, z};
  const auto h = hessian(f, xs);
  const auto g = recorded_gradient(f, xs);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto row = gradient(g[i], xs);
    EXPECT_DOUBLE_EQ(g[i].value(), gradient(f, xs)[i]);
    for (std::size_t j = 0; j < 3; ++j) {
      EXPECT_NEAR(h[i * 3 + j], row[j], 1e-12);
      EXPECT_NEAR(h[i * 3 + j], h[j * 3 + i], 1e-12);
    }
  }
  const double direction[] = {0.3, -0.5, 2};
  const auto product = hvp(f, xs, direction);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(product[i], h[i * 3] * 0.3 - h[i * 3 + 1] * 0.5 + h[i * 3 + 2] * 2, 1e-12);
  }
}

TEST_F(Sweep, derivatives_up_to_the_fourth_order_by_recording_again) {
  const Scalar x = variable(0.3);
  const double slopes[] = {std::cos(0.3), -std::sin(0.3), -std::cos(0.3), std::sin(0.3)};
  Scalar y = sin(x);
  for (const double slope : slopes) {
    y = recorded_gradient(y, {x})[0];
    EXPECT_NEAR(y.value(), slope, 1e-15);
  }
}

TEST_F(Sweep, second_order_at_points_where_formulas_with_a_choice_would_fail) {
  const Scalar zero = variable(0.0), far = variable(800.0);
  EXPECT_EQ(hessian(softplus(zero), {zero})[0], 0.25);
  EXPECT_NEAR(hessian(sinc(zero), {zero})[0], -1.0 / 3, 1e-16);
  EXPECT_EQ(hessian(pow(zero, 1), {zero})[0], 0);
  EXPECT_EQ(hessian(pow(zero, 2), {zero})[0], 2);
  EXPECT_EQ(hessian(tanh(far), {far})[0], 0);
  EXPECT_EQ(hessian(abs(zero), {zero})[0], 0);
}

TEST_F(Sweep, softplus_and_logsumexp_survive_800) {
  const Scalar x = variable(800.0);
  EXPECT_EQ(gradient(softplus(x), {x})[0], 1);
  EXPECT_TRUE(std::isnan(gradient(log(1 + exp(x)), {x})[0]));  // inf/inf: what others return too
}

TEST_F(Sweep, the_birth_of_a_nan_is_named_forward_and_in_reverse) {
  Tape tape("traced");
  const Activation active = tape.activate();
  tape.keep_source_lines();
  const Scalar x = variable(-1, "x");
  const Scalar y = log(x) * 2 + 1;
  const auto fault = first_nan(y);
  ASSERT_TRUE(fault);
  EXPECT_FALSE(fault->in_reverse);
  EXPECT_NE(fault->text.find("log/0 = log(x = -1) = nan"), std::string::npos) << fault->text;
  EXPECT_NE(fault->text.find("sweep_test.cpp:"), std::string::npos) << fault->text;

  const Scalar zero = variable(0, "zero");
  const auto reverse = first_nan(sqrt(zero * zero) + 1);
  ASSERT_TRUE(reverse);
  EXPECT_TRUE(reverse->in_reverse);
  EXPECT_NE(reverse->text.find("mul/1"), std::string::npos) << reverse->text;
  EXPECT_FALSE(first_nan(x * x));
}

TEST_F(Sweep, explain_prints_the_path_or_the_cut) {
  const Scalar x = variable(-2, "x"), w = variable(3, "w");
  const Scalar dead = relu(x * w).label("hidden");
  const std::string cut = explain(dead + w, x);
  EXPECT_NE(cut.find("every path is cut"), std::string::npos) << cut;
  EXPECT_NE(cut.find("hidden = relu("), std::string::npos) << cut;
  const std::string path = explain((x * w).label("p") * 10 + x, x);
  EXPECT_NE(path.find("times 3"), std::string::npos) << path;
  EXPECT_NE(explain(w * 2, x).find("does not depend on x"), std::string::npos);
}

}  // namespace
}  // namespace chainrule
