// Scalars in ordinary C++: auto, ?:, the standard library, mixed arithmetic.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <numeric>
#include <ranges>
#include <type_traits>

#include "chainrule/chainrule.hpp"

namespace chainrule {
namespace {

class Language : public testing::Test {
 protected:
  Frame frame = Tape::active().frame();
};

static_assert(sizeof(Scalar) == 16);
static_assert(std::is_trivially_copyable_v<Scalar>);
static_assert(std::is_same_v<decltype(Scalar() * 2), Scalar>);
static_assert(std::is_same_v<decltype(2.0f - Scalar()), Scalar>);
static_assert(!std::is_convertible_v<Scalar, double>);
static_assert(std::totally_ordered<Scalar>);
static_assert(std::numeric_limits<Scalar>::is_specialized);

TEST_F(Language, auto_keeps_a_value_and_not_an_expression) {
  const auto f = [](auto x) {
    auto doubled = x + x;
    auto shifted = doubled - 1;
    return doubled * shifted;
  };
  const Scalar x = variable(3, "x");
  EXPECT_EQ(gradient(f(x), {x})[0], 8 * 3 - 2);
}

TEST_F(Language, the_conditional_operator_chooses_between_scalars_and_numbers) {
  const Scalar x = variable(3, "x");
  const Scalar y = x > 2 ? x * x : Scalar(0);
  const Scalar z = x > 5 ? x : x + 1.0;
  EXPECT_EQ(gradient(y + z, {x})[0], 7);
}

TEST_F(Language, std_max_of_a_list_takes_the_largest_and_its_slope) {
  const Scalar x = variable(3, "x"), y = variable(2, "y"), z = variable(5, "z");
  const Scalar m = std::max({x, y + z, Scalar(1)});
  EXPECT_EQ(m.value(), 7);
  EXPECT_EQ(gradient(m, {x, y, z}), (std::vector<double>{0, 1, 1}));
  EXPECT_EQ(gradient(std::max(x, x * 1.0), {x})[0], 1);  // the first wins a tie
  EXPECT_EQ(gradient(std::clamp(x, Scalar(0), Scalar(1)), {x})[0], 0);
}

TEST_F(Language, accumulate_and_inner_product_differentiate) {
  std::vector<Scalar> xs;
  for (int i = 0; i < 100; ++i) xs.push_back(variable(i));
  const Scalar total = std::accumulate(xs.begin(), xs.end(), Scalar(0));
  const Scalar square = std::inner_product(xs.begin(), xs.end(), xs.begin(), Scalar(0));
  const auto g = gradient(total + square, xs);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(g[static_cast<std::size_t>(i)], 1 + 2 * i);
}

TEST_F(Language, sorting_carries_the_nodes_along) {
  std::vector<Scalar> xs{variable(3), variable(1), variable(2)};
  const std::vector<Scalar> unsorted = xs;
  std::sort(xs.begin(), xs.end());
  EXPECT_EQ(xs[0].value(), 1);
  EXPECT_EQ(gradient(xs[0] * 10 + xs[1] * 100 + xs[2] * 1000, unsorted),
            (std::vector<double>{1000, 10, 100}));
  std::ranges::sort(xs, std::greater<>());
  EXPECT_EQ(xs[0].value(), 3);
  std::ranges::stable_sort(xs);
  EXPECT_EQ(std::ranges::max(xs).value(), 3);
  EXPECT_EQ(std::minmax_element(xs.begin(), xs.end()).second->value(), 3);
}

TEST_F(Language, scalars_are_keys_of_a_map_and_elements_of_arrays) {
  const Scalar x = variable(1, "x");
  std::map<Scalar, int> by_value{{x, 1}, {x + 1, 2}};
  EXPECT_EQ(by_value.begin()->second, 1);
  std::array<Scalar, 3> a{};
  a.fill(x);
  EXPECT_EQ(gradient(a[0] + a[1] * a[2], {x})[0], 3);
}

TEST_F(Language, numbers_of_every_type_stand_on_both_sides_of_every_operator) {
  const Scalar x = variable(2, "x");
  EXPECT_EQ(gradient(3 + x, {x})[0], 1);
  EXPECT_EQ(gradient(x + 3u, {x})[0], 1);
  EXPECT_EQ(gradient(3.0f - x, {x})[0], -1);
  EXPECT_EQ(gradient(x - 3LL, {x})[0], 1);
  EXPECT_EQ(gradient(short{3} * x, {x})[0], 3);
  EXPECT_EQ(gradient(x * 3.0L, {x})[0], 3);
  EXPECT_EQ(gradient(8 / x, {x})[0], -2);
  EXPECT_EQ(gradient(x / 4, {x})[0], 0.25);
  EXPECT_EQ(gradient(pow(x, 3), {x})[0], 12);
  EXPECT_NEAR(gradient(pow(3, x), {x})[0], 9 * std::log(3), 1e-14);
  EXPECT_TRUE(1 < x && x < 3 && x == 2 && 2 == x && x != 3 && x >= 2 && 2 <= x && 3 > x);
}

TEST_F(Language, compound_assignment_is_the_operation) {
  Scalar x = variable(2, "x");
  Scalar y = x;
  y += 1;
  y *= x;
  y -= x / 2;
  y /= 4;
  EXPECT_EQ(y.value(), (3 * 2 - 1) / 4.0);
  EXPECT_EQ(gradient(y, {x})[0], (2 * 2 + 1 - 0.5) / 4);
  Scalar z = x;
  z *= z;
  z *= z;
  EXPECT_EQ(gradient(z, {x})[0], 4 * 8);
}

TEST_F(Language, reassignment_in_a_loop_is_right) {
  const Scalar x = variable(1.01, "x");
  Scalar y = 1;
  for (int i = 0; i < 50; ++i) y = y * x + sin(y);
  double value = 1, slope = 0;
  for (int i = 0; i < 50; ++i) {
    slope = slope * 1.01 + value + std::cos(value) * slope;
    value = value * 1.01 + std::sin(value);
  }
  EXPECT_NEAR(gradient(y, {x})[0], slope, 1e-9 * std::abs(slope));
}

TEST_F(Language, a_number_alone_records_nothing) {
  const auto before = Tape::active().size();
  const Scalar a = 2, b = 3;
  const Scalar c = sin(a * b) + pow(a, b) - select(a > b, a, b);
  EXPECT_TRUE(c.is_number());
  EXPECT_EQ(Tape::active().size(), before);
}

TEST_F(Language, a_condition_is_a_bool_and_a_recorded_number) {
  const Scalar x = variable(2, "x");
  const auto before = Tape::active().size();
  if (!(x > 1) || x > 5) FAIL();
  EXPECT_EQ(Tape::active().size(), before);  // deciding a branch records nothing here
  const Scalar truth = x > 1;
  EXPECT_EQ(truth.value(), 1);
  EXPECT_EQ(gradient(truth * x, {x})[0], 1);
  const Scalar chosen = select((x > 1) & !(x > 5), x * x, x);
  EXPECT_EQ(gradient(chosen, {x})[0], 4);
  EXPECT_EQ(gradient(select((x > 3) | (x < 0), x * x, x), {x})[0], 1);
  EXPECT_EQ(gradient((x > 1) * x, {x})[0], 1);
}

TEST_F(Language, the_rest_of_cmath_is_there) {
  const Scalar x = variable(-5.5, "x");
  int exponent = 0, quotient = 0;
  Scalar integer;
  EXPECT_EQ(gradient(frexp(x, &exponent), {x})[0], 1.0 / 8);
  EXPECT_EQ(exponent, 3);
  EXPECT_EQ(gradient(modf(x, &integer), {x})[0], 1);
  EXPECT_EQ(integer.value(), -5);
  EXPECT_EQ(gradient(remquo(x, 2, &quotient), {x})[0], 1);
  EXPECT_TRUE(gradient(x, {}).empty());
}

TEST_F(Language, ldexp_and_fmod_are_right_where_others_are_not) {
  const Scalar x = variable(3, "x"), y = variable(2, "y");
  EXPECT_EQ(gradient(ldexp(x, -2), {x})[0], 0.25);
  EXPECT_EQ(gradient(scalbn(x, -2), {x})[0], 0.25);
  EXPECT_EQ(gradient(fmod(-5.5, y), {y})[0], 2);
}

TEST_F(Language, std_functions_are_found_beside_ours_by_using) {
  const auto f = [](auto x) {
    using std::abs, std::exp, std::max, std::pow, std::sqrt;
    return sqrt(exp(x)) + abs(x) + pow(x, 2) + max(x, x + 1);
  };
  const Scalar x = variable(2, "x");
  EXPECT_NEAR(f(x).value(), f(2.0), 1e-15);
  EXPECT_NEAR(gradient(f(x), {x})[0], 0.5 * std::exp(1.0) + 1 + 4 + 1, 1e-14);
}

}  // namespace
}  // namespace chainrule
