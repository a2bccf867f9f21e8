#include "chainrule/transform/check.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/transform/loop.hpp"

namespace chainrule {
namespace {

using Inputs = std::span<const Scalar>;

template <class F>
CheckReport check_at(F f, std::vector<double> x) {
  return check(f, x);
}

TEST(Check, a_smooth_function_is_right_and_its_taylor_slopes_are_1_and_2) {
  const auto report =
      check_at([](Inputs x) { return sin(x[0]) * exp(x[1]) / (1 + x[0] * x[0]); }, {0.7, -1.3});
  EXPECT_EQ(report.verdict, Verdict::right);
  ASSERT_TRUE(report.taylor_slope_value && report.taylor_slope_gradient);
  EXPECT_NEAR(*report.taylor_slope_value, 1.0, 0.1);
  EXPECT_NEAR(*report.taylor_slope_gradient, 2.0, 0.1);
  for (const auto& c : report.components) {
    ASSERT_TRUE(c.complex_step);
    EXPECT_NEAR(c.derivative, *c.complex_step, 1e-15);
    EXPECT_NEAR(c.derivative, c.difference, 1e-9);
  }
}

TEST(Check, a_value_taken_out_of_the_graph_is_wrong_and_the_worst_component_is_named) {
  const auto report =
      check_at([](Inputs x) { return x[0] * x[0] + x[1] * x[1].value() * x[2]; }, {1.5, 2.5, 3.0});
  EXPECT_EQ(report.verdict, Verdict::wrong);
  EXPECT_EQ(report.worst, 1u);
  EXPECT_EQ(report.components[0].verdict, Verdict::right);
  EXPECT_EQ(report.components[1].verdict, Verdict::wrong);
  EXPECT_NEAR(*report.taylor_slope_gradient, 1.0, 0.1);  // the gradient's term is missing a part
}

TEST(Check, an_input_that_is_cut_off_wholly_is_wrong) {
  const auto report = check_at([](Inputs x) { return x[0] + exp(x[1].value()); }, {1.0, 2.0});
  EXPECT_EQ(report.components[1].verdict, Verdict::wrong);
}

TEST(Check, kinks_are_told_from_errors) {
  EXPECT_EQ(check_at([](Inputs x) { return abs(x[0]); }, {0.0}).verdict, Verdict::kink);
  EXPECT_EQ(check_at([](Inputs x) { return relu(x[0] - 2.0); }, {2.0}).verdict, Verdict::kink);
  EXPECT_EQ(check_at([](Inputs x) { return max(x[0], x[1]); }, {3.0, 3.0}).verdict, Verdict::kink);
  EXPECT_EQ(check_at([](Inputs x) { return floor(x[0]) + x[0]; }, {2.0}).verdict, Verdict::kink);
  EXPECT_EQ(check_at([](Inputs x) { return sqrt(x[0]); }, {0.0}).verdict, Verdict::kink);
}

TEST(Check, of_what_goes_through_a_block_hears_differences_alone) {
  const auto squares = [](Inputs x) {
    const std::vector<Scalar> v(x.begin(), x.end());
    return sum_over([](Scalar a) { return a * a; }, v) * x[0];
  };
  const auto report = check_at(squares, {1.5, 2.0});
  EXPECT_EQ(report.verdict, Verdict::right);
  EXPECT_EQ(report.components[0].derivative, 3 * 1.5 * 1.5 + 2.0 * 2.0);
  for (const auto& c : report.components) {
    EXPECT_FALSE(c.complex_step);
    EXPECT_NEAR(c.derivative, c.difference, 1e-9);
  }
  // What does not go through it has its complex step.
  const auto beside =
      check_at([](Inputs x) { return sum_over([](Scalar a) { return a * a; }, x.first(1)) * x[1]; },
               {1.5, 2.0});
  EXPECT_FALSE(beside.components[0].complex_step);
  EXPECT_EQ(beside.components[1].complex_step, 2.25);
  EXPECT_EQ(beside.verdict, Verdict::right);
  // An error is an error still.
  const auto wrong = check_at([&](Inputs x) { return squares(x) + x[1] * x[1].value(); }, {1.5, 2});
  EXPECT_EQ(wrong.verdict, Verdict::wrong);
  EXPECT_EQ(wrong.worst, 1u);
}

TEST(Check, beside_a_kink_the_function_is_right) {
  EXPECT_EQ(check_at([](Inputs x) { return abs(x[0]); }, {1e-3}).verdict, Verdict::right);
  EXPECT_EQ(check_at([](Inputs x) { return floor(x[0]) + x[0]; }, {1.5}).verdict, Verdict::right);
  EXPECT_EQ(check_at([](Inputs x) { return relu(x[0]); }, {-0.5}).verdict, Verdict::right);
}

TEST(Check, a_branch_on_a_value_is_right_away_from_it) {
  const auto f = [](Inputs x) { return x[0] > 1 ? x[0] * x[0] : 3 * x[0]; };
  EXPECT_EQ(check_at(f, {2.0}).verdict, Verdict::right);
  EXPECT_EQ(check_at(f, {0.5}).verdict, Verdict::right);
  EXPECT_EQ(check_at(f, {1.0}).verdict, Verdict::kink);
}

TEST(Check, rounding_noise_is_called_noisy_not_wrong) {
  // A large constant drowns the differences; the complex step is not hindered by it.
  const auto report = check_at([](Inputs x) { return 1e20 + sin(x[0]); }, {0.5});
  EXPECT_EQ(report.verdict, Verdict::noisy);
  EXPECT_NEAR(*report.components[0].complex_step, std::cos(0.5), 1e-15);
}

TEST(Check, a_slope_of_0_is_right_though_the_complex_step_leaves_a_trace) {
  EXPECT_EQ(check_at([](Inputs x) { return x[0] * x[0] * x[0]; }, {0.0}).verdict, Verdict::right);
  EXPECT_EQ(check_at([](Inputs x) { return sin(x[0]) - x[0]; }, {0.0}).verdict, Verdict::right);
  EXPECT_EQ(check_at([](Inputs x) { return pow(x[0] - 1, 3); }, {1.0}).verdict, Verdict::right);
}

TEST(Check, what_the_steps_cannot_resolve_is_never_called_wrong_nor_a_kink) {
  for (const double rate : {1e3, 1e6, 1e8}) {
    const auto f = [rate](Inputs x) { return sin(rate * x[0]); };
    EXPECT_NE(check_at(f, {1.0}).verdict, Verdict::wrong) << rate;
    EXPECT_NE(check_at(f, {1.0}).verdict, Verdict::kink) << rate;
  }
  for (const double at : {1e10, 1e20}) {
    const auto verdict = check_at([](Inputs x) { return cos(x[0]); }, {at}).verdict;
    EXPECT_TRUE(verdict == Verdict::right || verdict == Verdict::noisy) << at;
  }
  EXPECT_EQ(check_at([](Inputs x) { return x[0] * x[0]; }, {1e200}).verdict, Verdict::noisy);
  EXPECT_EQ(check_at([](Inputs x) { return log(x[0]); }, {-1.0}).verdict, Verdict::noisy);
}

TEST(Check, a_tiny_input_is_checked_with_steps_of_its_function) {
  EXPECT_EQ(check_at([](Inputs x) { return exp(x[0]); }, {1e-20}).verdict, Verdict::right);
  EXPECT_EQ(check_at([](Inputs x) { return log(x[0]); }, {1e-20}).verdict, Verdict::right);
}

TEST(Check, a_linear_function_has_no_remainder) {
  const auto report = check_at([](Inputs x) { return 3 * x[0] - 2 * x[1]; }, {1.0, 4.0});
  EXPECT_EQ(report.verdict, Verdict::right);
  EXPECT_FALSE(report.taylor_slope_gradient);
}

TEST(Check, operations_without_a_complex_continuation_rely_on_differences) {
  const auto report = check_at([](Inputs x) { return tgamma(x[0]) * erf(x[0]); }, {2.5});
  EXPECT_EQ(report.verdict, Verdict::right);
}

TEST(Check, a_function_that_ignores_its_input_is_right_with_0) {
  const auto report = check_at([](Inputs) { return Scalar(3.0); }, {1.0});
  EXPECT_EQ(report.verdict, Verdict::right);
  EXPECT_EQ(report.components[0].derivative, 0.0);
}

TEST(Check, leaves_the_tape_as_it_found_it) {
  const auto before = Tape::active().size();
  check_at([](Inputs x) { return x[0] * x[0]; }, {1.0});
  EXPECT_EQ(Tape::active().size(), before);
}

TEST(Check, no_input_is_an_error) {
  EXPECT_THROW(check_at([](Inputs) { return Scalar(1.0); }, {}), Error);
}

TEST(Check, magnitudes_from_1e_minus_100_to_1e100_are_right_and_beyond_the_squares_range_noisy) {
  const auto f = [](Inputs x) { return x[0] * x[0] / (x[0] + 1.0); };
  for (const double scale : {1e-100, 1e-8, 1e8, 1e100}) {
    EXPECT_EQ(check_at(f, {scale}).verdict, Verdict::right) << scale;
  }
  // x² is 0, or infinite.
  for (const double scale : {1e-200, 1e200}) {
    EXPECT_EQ(check_at(f, {scale}).verdict, Verdict::noisy) << scale;
  }
}

}  // namespace
}  // namespace chainrule
