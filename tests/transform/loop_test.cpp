// Loops as blocks, against the same code written out.
#include "chainrule/transform/loop.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

using Vector = std::vector<double>;
using Scalars = std::vector<Scalar>;

TEST(Loop, map_gives_what_the_body_gives_for_each_element) {
  const Function f = record(
      [](const Scalars& xs, Scalar w) { return map([w](Scalar x) { return tanh(w * x); }, xs); },
      shape(3), 2.0);
  const Vector out = f(Vector{0.1, -0.5, 2.0}, 1.5);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0], std::tanh(1.5 * 0.1));
  EXPECT_EQ(out[1], std::tanh(1.5 * -0.5));
  EXPECT_EQ(out[2], std::tanh(1.5 * 2.0));
}

TEST(Loop, fold_is_horners_rule) {
  const auto horner = [](const Scalars& cs, Scalar x) {
    return fold([x](Scalar p, Scalar c) { return p * x + c; }, 0.0, cs);
  };
  const Function f = record(horner, shape(4), 2.0);
  // 3x³ + 2x² − x + 5 and its slope 9x² + 4x − 1.
  EXPECT_DOUBLE_EQ(f(Vector{3, 2, -1, 5}, 2.0)[0], 35.0);
  EXPECT_DOUBLE_EQ(grad(f, 1)(Vector{3, 2, -1, 5}, 2.0)[0], 43.0);
}

TEST(Loop, sum_over_adds_the_bodies_of_all_steps) {
  const Scalars xs = {variable(1.0), variable(2.0), variable(3.0)};
  const Scalar s = sum_over([](Scalar x) { return x * x; }, xs);
  EXPECT_EQ(s.value(), 14.0);
  EXPECT_EQ(gradient(s, xs), (Vector{2, 4, 6}));
}

TEST(Loop, scan_gives_the_last_carry_and_every_step) {
  const auto [last, partial] = scan(
      [](Scalar sum, Scalar x) {
        const Scalar next = sum + x;
        return std::pair(next, next * next);
      },
      1.0, Scalars{variable(1.0), 2.0, 3.0});
  EXPECT_EQ(last.value(), 7.0);
  EXPECT_EQ(partial[0].value(), 4.0);
  EXPECT_EQ(partial[2].value(), 49.0);
}

}  // namespace
}  // namespace chainrule
