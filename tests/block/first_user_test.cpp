// What a first user tried: each of these once gave a wrong number without a word.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/block/checkpoint.hpp"
#include "chainrule/block/custom.hpp"
#include "chainrule/block/implicit.hpp"
#include "chainrule/chainrule.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

TEST(FirstUser, a_Function_called_with_Scalars_one_by_one_is_recorded) {
  const Function f = record([](Scalar x) { return x * x; }, 1.0);
  EXPECT_EQ(grad([&](Scalar x) { return f(x)[0] * x; })(2.0), 12.0);
  EXPECT_EQ(grad(record([=](Scalar x) { return f(x)[0] * x; }, 1.0))(2.0)[0], 12.0);
  const Function two = record([](Scalar a, Scalar b) { return a * b * b; }, 1.0, 1.0);
  EXPECT_EQ(jacobian<1>(two)(2.0, 3.0)(0, 0), 12.0);
  EXPECT_EQ((jvp<1>(two)(2.0, 3.0, 1.0).tangent[0]), 12.0);
  EXPECT_EQ((vjp<1>(two)(2.0, 3.0, std::vector<double>{1.0}).adjoint), 12.0);
}

TEST(FirstUser, a_capture_that_a_block_reads_on_another_branch_only_is_no_stale_number) {
  const Function f = record(
      [](Scalar x, Scalar a) {
        return checkpoint([=](Scalar u) -> Scalar {
          if (u > 0.0) return u;
          return u * a.value();
        })(x);
      },
      1.0, 5.0);
  EXPECT_EQ(f(3.0, 3.0)[0], 3.0);
  EXPECT_THROW(f(-2.0, 3.0), HandleError);
  const Function solved = record(
      [](Scalar a, Scalar b) {
        return implicit_solve(
            [=](Scalar x) -> Scalar { return x < 2.0 ? 10.0 * (x - a) : x - b.value(); }, 1.0);
      },
      1.5, 4.0);
  EXPECT_THROW(solved(3.0, 5.0), HandleError);
}

TEST(FirstUser, what_a_custom_primitive_captures_is_refused) {
  EXPECT_THROW(record(
                   [](Scalar x, Scalar a) {
                     const auto c = custom(
                         "c", [=](double v) { return v * a.value(); },
                         [=](auto v, auto, auto zbar) {
                           static_cast<void>(v);
                           return zbar * a.value();
                         });
                     return c(x);
                   },
                   1.0, 5.0),
               HandleError);
}

TEST(FirstUser, an_outer_Scalar_inside_of_another_recording_is_refused) {
  EXPECT_THROW(record(
                   [](Scalar x) {
                     const Function g =
                         record([=](Scalar y) -> Scalar { return x > 2.0 ? y : y * 2.0; }, 1.0);
                     return g(x)[0];
                   },
                   1.0),
               HandleError);
}

TEST(FirstUser, a_conversion_to_bool_does_not_truncate) {
  const Function f = record(
      [](Scalar x) -> Scalar {
        if (static_cast<bool>(x)) return x * 2.0;
        return x - 100.0;
      },
      0.0);
  EXPECT_EQ(f(0.25)[0], 0.5);
  EXPECT_EQ(f(0.0)[0], -100.0);
}

TEST(FirstUser, a_text_that_is_cut_off_is_no_smaller_function) {
  const Function f = record([](Scalar x) { return std::vector<Scalar>{x * x, x * 3.0}; }, 1.0);
  const std::string text = print(f.trace());
  EXPECT_EQ(parse_trace(text), f.trace());
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_THROW(parse_trace(text.substr(0, size)), Error) << size;
  }
}

TEST(FirstUser, the_first_derivative_of_a_Function_of_a_first_order_primitive_is_right) {
  const auto c = custom(
      "c", [](double v) { return v * v; },
      [](double v, double, double zbar) { return 2 * v * zbar; });
  const Function slope = grad(record([=](Scalar x) { return c(x) * x; }, 1.0));
  EXPECT_EQ(slope(2.0)[0], 12.0);
  EXPECT_EQ(slope(3.0)[0], 27.0);
  EXPECT_THROW(grad(slope), Error) << "its second";
}

TEST(FirstUser, a_moved_Function_is_still_there) {
  Function f = record([](Scalar x) { return x * x; }, 1.0);
  const Function moved = std::move(f);
  EXPECT_EQ(f(3.0)[0], 9.0);
  EXPECT_EQ(moved(3.0)[0], 9.0);
}

TEST(FirstUser, conditions_are_compared) {
  const auto sign_change = [](const Scalar& x, const Scalar& y) { return (x > 0.0) != (y > 0.0); };
  EXPECT_TRUE(sign_change(variable(1.0), variable(-1.0)));
  EXPECT_FALSE(sign_change(variable(1.0), variable(2.0)));
  const Function f =
      record([=](Scalar x, Scalar y) { return sign_change(x, y) ? x : y; }, 1.0, 2.0);
  EXPECT_EQ(f(1.0, -2.0)[0], 1.0);
  EXPECT_EQ(f(-1.0, -2.0)[0], -2.0);
}

}  // namespace
}  // namespace chainrule
