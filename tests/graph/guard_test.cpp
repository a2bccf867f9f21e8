// Guards: what a recording took for granted is checked when it is replayed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "chainrule/chainrule.hpp"
#include "chainrule/graph/function.hpp"

namespace chainrule {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const BranchChanged& error) {
    return error.what();
  }
  return "";
}

TEST(Guard, a_flipped_branch_is_recorded_through_the_code) {
  const Function f = record([](Scalar x) { return x < 0.0 ? -x : x * 3.0; }, 1.0);
  EXPECT_EQ(f(2.0)[0], 6.0);
  EXPECT_EQ(f(-2.0)[0], 2.0);
  EXPECT_EQ(f(3.0)[0], 9.0);
  EXPECT_EQ(f.variants(), 2u);
}

TEST(Guard, a_function_without_its_code_throws_with_the_line_and_the_values) {
  const int line = __LINE__ + 1;
  const Function f = record([](Scalar x, Scalar y) { return x < y ? x : y * 2.0; }, 1.0, 2.0);
  const Function alone(f.trace());
  EXPECT_EQ(alone(1.5, 2.0)[0], 1.5);
  const std::string message = message_of([&] { alone(5.0, 4.0); });
  EXPECT_NE(message.find("guard_test.cpp:" + std::to_string(line)), std::string::npos) << message;
  EXPECT_NE(message.find("lt/0, was recorded as 1, but is 0 now, for x0 = 5, x1 = 4"),
            std::string::npos)
      << message;
}

TEST(Guard, a_loop_with_another_trip_count_is_never_stale) {
  const auto code = [](auto x) {
    auto y = x;
    while (y < 100.0) y = y * x;
    return y;
  };
  const Function f = record(code, 2.0);
  for (const double x : {1.5, 10.0, 1.01, 99.0, 200.0, 3.0}) EXPECT_EQ(f(x)[0], code(x)) << x;
}

TEST(Guard, std_max_and_sort_and_indices_are_guarded) {
  const auto code = [](auto v) {
    std::sort(v.begin(), v.end());
    const auto k = static_cast<std::size_t>(static_cast<int>(v[0] * 10.0)) % 3;
    return std::max(v[1], v[2] * 0.5) + v[k];
  };
  const Function f =
      record([&](std::vector<Scalar> v) { return code(v); }, std::vector<double>{1, 2, 3});
  for (const std::vector<double>& v : {std::vector<double>{3, 1, 2}, {0.25, 5, 0.5}, {9, 2, 4}}) {
    EXPECT_EQ(f(v)[0], code(v));
  }
}

TEST(Guard, numbers_that_are_taken_out_are_guarded) {
  const auto check = [](const auto& code, std::initializer_list<double> points) {
    const Function f = record([&](Scalar x) { return Scalar(code(x)); }, *points.begin());
    const Function alone(f.trace());
    for (const double x : points) {
      const double truth = code(x), found = f(x)[0];
      EXPECT_TRUE(found == truth || (std::isnan(found) && std::isnan(truth))) << x;
    }
    EXPECT_GT(f.variants(), 1u);
    EXPECT_THROW(for (const double x : points) alone(x), BranchChanged);
  };
  using std::frexp, std::isfinite, std::isinf, std::isnan, std::signbit, std::lround, std::ilogb,
      std::llrint;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  check([](auto x) { return x * 0.0 + static_cast<double>(x); }, {1, 2, 3});
  check([](auto x) { return static_cast<int>(x) * x; }, {1.5, 2.5, -3.5});
  check([](auto x) { return isnan(x) ? 1.0 + x * 0.0 : x; }, {1.0, std::nan(""), 2.0});
  check([](auto x) { return isinf(x) ? 7.0 : x; }, {1.0, -kInfinity, kInfinity});
  check([](auto x) { return isfinite(x) ? x : x * 0.0; }, {1.0, kInfinity, 3.0});
  check([](auto x) { return signbit(x) ? -x : x * 2.0; }, {1.0, -0.0, -3.0});
  check([](auto x) { return static_cast<double>(lround(x)) + x; }, {1.25, 2.75, -1.5});
  check([](auto x) { return static_cast<double>(llrint(x)) + x; }, {1.25, 2.75, -1.5});
  check([](auto x) { return static_cast<double>(ilogb(x)) + x; }, {1.25, 9.0, 0.25});
  check(
      [](auto x) {
        int exponent = 0;
        const auto mantissa = frexp(x, &exponent);
        return mantissa * exponent;
      },
      {1.25, 9.0, 0.25, 0.0});
}

TEST(Guard, comparisons_that_stay_values_are_no_guards) {
  const Function f = record(
      [](Scalar x) { return select(x > 1.0, x, -x) + Scalar(x > 2.0) + max(x, 3.0) + abs(x); },
      1.0);
  EXPECT_TRUE(f.trace().guards.empty());
  EXPECT_EQ(f(4.0)[0], 4 + 1 + 4 + 4);
  EXPECT_EQ(f(-4.0)[0], 4 + 0 + 3 + 4);
}

TEST(Guard, derivatives_taken_out_as_numbers_are_guarded) {
  const Function f = record(
      [](Scalar x) {
        const Scalar y = x * x * x;
        const double slope = gradient(y, {x})[0];
        return x * slope;
      },
      2.0);
  EXPECT_EQ(f(2.0)[0], 24.0);
  EXPECT_EQ(f(3.0)[0], 81.0);
  EXPECT_THROW(record(
                   [](Scalar x) {
                     (x * x).backward();
                     return x;
                   },
                   1.0),
               Error);
}

TEST(Guard, what_a_frame_takes_back_still_guards) {
  const auto code = [](auto x) {
    bool large = false;
    {
      const Frame frame = Tape::active().frame();
      large = x * x > 4.0;
    }
    return large ? x : -x;
  };
  const Function f = record(code, 1.0);
  EXPECT_EQ(f(1.0)[0], -1.0);
  EXPECT_EQ(f(3.0)[0], 3.0);
}

TEST(Guard, what_another_tape_would_hide_is_refused) {
  EXPECT_THROW(record(
                   [](Scalar x) {
                     Tape other;
                     const Activation active = other.activate();
                     return Scalar(x.value() > 1.0 ? 1.0 : 2.0);
                   },
                   2.0),
               HandleError);
  EXPECT_THROW(record([](Scalar x) { return reach(x * 2.0, x) == Reach::reached ? x : -x; }, 1.0),
               Error);
}

TEST(Guard, variants_are_bounded_and_the_least_used_goes) {
  const Function f = record([](Scalar x) { return x * static_cast<int>(x); }, 0.5);
  f.keep_variants(4);
  for (int round = 0; round < 3; ++round) {
    for (int k = 0; k < 20; ++k) {
      const double x = k + 0.5;
      EXPECT_EQ(f(x)[0], x * k);
      EXPECT_LE(f.variants(), 4u);
    }
  }
  EXPECT_THROW(f.keep_variants(0), Error);
}

TEST(Guard, code_that_is_not_the_same_twice_is_told) {
  int calls = 0;
  const Function f = record(
      [&calls](Scalar x) {
        ++calls;
        return x > (calls % 2 == 0 ? 1e9 : -1e9) ? x : x;
      },
      1.0);
  EXPECT_EQ(f(1.0)[0], 1.0);
}

}  // namespace
}  // namespace chainrule
