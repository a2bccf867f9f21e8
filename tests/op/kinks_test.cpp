// The published values at kinks and singular points, and the page that publishes them.

#include "tests/laws/kinks.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

namespace chainrule::laws {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

TEST(Kinks, reverse_mode_gives_the_published_values) {
  for (const Kink& kink : kinks()) {
    const Reading row(kink.op);
    const std::string where = row.name() + print(kink.x, row.arity());
    EXPECT_TRUE(same(row.value(kink.x), kink.value)) << where << ": " << row.value(kink.x);
    const Entries<double> partials = row.partials(kink.x);
    for (std::size_t k = 0; k < static_cast<std::size_t>(row.arity()); ++k) {
      ASSERT_EQ(partials[k].taken, kink.partials[k].has_value()) << where << ", operand " << k;
      if (!partials[k].taken) continue;
      EXPECT_TRUE(same(partials[k].value, *kink.partials[k])) << where << ": " << partials[k].value;
    }
  }
}

TEST(Kinks, forward_mode_gives_the_published_values) {
  for (const Kink& kink : kinks()) {
    const Reading row(kink.op);
    for (std::size_t k = 0; k < static_cast<std::size_t>(row.arity()); ++k) {
      Operands<Dual1> x{kink.x[0], kink.x[1], kink.x[2]};
      x[k] = Dual1(kink.x[k], 1.0);
      const Dual1 z = row.forward(x);
      const std::string where = row.name() + print(kink.x, row.arity());
      ASSERT_EQ(z.seeded, kink.partials[k].has_value()) << where << ", operand " << k;
      if (!z.seeded) continue;
      EXPECT_TRUE(same(z.tangent, *kink.partials[k])) << where << ": " << z.tangent;
    }
  }
}

TEST(Kinks, the_page_is_what_the_table_prints) {
  std::ifstream file(CHAINRULE_SOURCE_DIR "/docs/kinks.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_NE(page.str().find(kink_table()), std::string::npos)
      << "docs/kinks.md is to hold this table:\n"
      << kink_table();
}

double derivative(Dual1 (*f)(Dual1), double x) { return f(Dual1(x, 1.0)).tangent; }

TEST(Kinks, the_root_of_a_square_at_0_is_nan_but_hypot_is_0) {
  EXPECT_TRUE(std::isnan(derivative([](Dual1 x) { return sqrt(x * x); }, 0)));
  EXPECT_EQ(derivative([](Dual1 x) { return hypot(x, 0.0); }, 0), 0);
  EXPECT_EQ(derivative([](Dual1 x) { return abs(x); }, 0), 0);
}

TEST(Kinks, an_untaken_branch_leaves_no_trace) {
  const auto f = [](Dual1 x) { return select(Dual1(x > 0.0 ? 1.0 : 0.0), sqrt(x), x); };
  EXPECT_EQ(derivative(f, -4), 1);
  EXPECT_EQ(derivative(f, 4), 0.25);
}

TEST(Kinks, an_unseeded_operand_is_absent_even_beside_an_infinite_partial) {
  EXPECT_FALSE(log(Dual1(0.0)).seeded);
  EXPECT_EQ((log(Dual1(0.0)) + Dual1(1.0, 1.0)).tangent, 1);
  EXPECT_TRUE(std::isnan((log(Dual1(0.0, 0.0)) + Dual1(1.0, 1.0)).tangent));
}

// Derivatives of every order at points where a careless formula fails.
Dual2 second(double x) { return {Dual1(x, 1.0), Dual1(1.0)}; }

TEST(Smooth, tanh_has_third_derivative_minus_2_at_0) {
  using Dual3 = Dual<Dual2>;
  const Dual3 x{second(0), Dual2(1.0)};
  EXPECT_DOUBLE_EQ(tanh(x).tangent.tangent.tangent, -2);
}

TEST(Smooth, softplus_has_second_derivative_a_quarter_at_0) {
  EXPECT_DOUBLE_EQ(softplus(second(0)).tangent.tangent, 0.25);
}

TEST(Smooth, sinc_has_second_derivative_minus_a_third_at_0) {
  EXPECT_DOUBLE_EQ(sinc(second(0)).tangent.tangent, -1.0 / 3);
}

TEST(Smooth, the_first_power_has_second_derivative_0_at_0) {
  EXPECT_EQ(pow(second(0), Dual2(1.0)).tangent.tangent, 0);
  EXPECT_EQ(pow(second(0), Dual2(2.0)).tangent.tangent, 2);
  EXPECT_EQ(pow(second(0), Dual2(3.0)).tangent.tangent, 0);
}

TEST(Smooth, saturated_functions_have_higher_derivatives_that_are_numbers) {
  for (const double x : {-800.0, 800.0}) {
    EXPECT_EQ(tanh(second(x)).tangent.tangent, 0);
    EXPECT_EQ(sigmoid(second(x)).tangent.tangent, 0);
    EXPECT_EQ(softplus(second(x)).tangent.tangent, 0);
    EXPECT_EQ(logsigmoid(second(x)).tangent.tangent, 0);
    EXPECT_EQ(silu(second(x)).tangent.tangent, 0);
    EXPECT_EQ(mish(second(x)).tangent.tangent, 0);
    EXPECT_EQ(gelu(second(x)).tangent.tangent, 0);
  }
}

TEST(Smooth, mixed_second_derivatives_of_a_power_agree_where_the_exponent_is_0) {
  const Dual2 x_then_y = pow(Dual2(Dual1(3.0), Dual1(1.0)), Dual2(Dual1(0.0, 1.0)));
  const Dual2 y_then_x = pow(Dual2(Dual1(3.0, 1.0)), Dual2(Dual1(0.0), Dual1(1.0)));
  EXPECT_DOUBLE_EQ(x_then_y.tangent.tangent, 1.0 / 3);
  EXPECT_DOUBLE_EQ(y_then_x.tangent.tangent, 1.0 / 3);
}

TEST(Smooth, mish_has_the_second_derivative_of_its_formula_at_0) {
  // mish″(0) = 2 gate'(0) = 16/25, gate = tanh(softplus).
  EXPECT_DOUBLE_EQ(mish(second(0)).tangent.tangent, 0.64);
  EXPECT_EQ(log(Dual1(0.0, 1.0)).tangent, kInfinity);
}

}  // namespace
}  // namespace chainrule::laws
