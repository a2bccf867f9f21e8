#include "chainrule/op/complex.hpp"

#include <gtest/gtest.h>

namespace chainrule {
namespace {

constexpr double kStep = 1e-20;

TEST(Complex, a_step_gives_the_derivative_to_the_last_digits) {
  EXPECT_DOUBLE_EQ(tanh(Complex(0.7, kStep)).imag() / kStep, 1 - std::pow(std::tanh(0.7), 2));
  EXPECT_DOUBLE_EQ(expm1(Complex(1e-9, kStep)).imag() / kStep, std::exp(1e-9));
  EXPECT_DOUBLE_EQ(log1p(Complex(1e-9, kStep)).imag() / kStep, 1 / (1 + 1e-9));
}

TEST(Complex, whole_powers_of_a_negative_base_have_no_noise) {
  const Complex z = pow(Complex(-2, kStep), Complex(2));
  EXPECT_EQ(z.real(), 4);
  EXPECT_DOUBLE_EQ(z.imag() / kStep, -4);
  EXPECT_EQ(pow(Complex(-2), Complex(3)).imag(), 0);
  EXPECT_DOUBLE_EQ(pow(Complex(-2, kStep), Complex(-1)).imag() / kStep, -0.25);
  EXPECT_FALSE(pow(Complex(-2, kStep), Complex(0.5)).valid());
}

TEST(Complex, sizes_and_choices_act_by_the_real_part) {
  EXPECT_EQ(abs(Complex(-3, kStep)).imag(), -kStep);
  EXPECT_EQ(max(Complex(-3, kStep), Complex(2)).imag(), 0);
  EXPECT_EQ(copysign(Complex(3, kStep), Complex(-1)).imag(), -kStep);
  EXPECT_EQ(relu(Complex(2, kStep)).imag(), kStep);
  EXPECT_EQ(floor(Complex(2.5, kStep)).imag(), 0);
  EXPECT_TRUE(Complex(1, 5) < Complex(2, -5));
}

TEST(Complex, what_has_no_continuation_says_so) {
  EXPECT_FALSE(lgamma(Complex(2, kStep)).valid());
  EXPECT_FALSE((1.0 + lgamma(Complex(2, kStep))).valid());
  EXPECT_FALSE(log(Complex(-1, kStep)).valid());
  EXPECT_TRUE(log(Complex(1, kStep)).valid());
}

}  // namespace
}  // namespace chainrule
