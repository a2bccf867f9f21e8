// Value and partials of every row, held against many-digit truth over the row's domain, hard places
// included. The largest error in units of the last place must not exceed what the row states.
//
// Where a function changes sign within 5% of an operand, no relative accuracy can be asked of it:
// the last place is then that of its largest value nearby. Numbers below 1e-305 are left out.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

#include "tests/laws/samples.hpp"
#include "tests/laws/truth.hpp"

namespace chainrule::laws {
namespace {

constexpr double kSmallest = 1e-305;

// Sizes at which functions saturate, overflow, cancel or change formula.
const std::vector<double> kSizes = {
    1e-300, 1e-200, 1e-30, 1e-17, 3e-9, 1e-5, 0.003, 0.07,  0.2,   0.5,  0.69, 0.77,
    0.95,   1,      1.1,   1.4,   2,    3.3,  4.5,   5,     6.6,   9,    12.3, 17,
    19.5,   22,     26.5,  31,    38,   55,   101,   170.2, 354.5, 400,  500,  704,
    709.5,  740,    800,   1e4,   1e8,  3e15, 1e19,  1e100, 1e200, 1e300};

bool is(const Interval& domain, const Interval& other) {
  return std::string_view(domain.name) == other.name;
}

std::vector<double> hard_numbers(const Interval& domain) {
  std::vector<double> numbers;
  const auto add = [&](double x) {
    if (contains(domain, x)) numbers.push_back(x);
  };
  if (is(domain, domains::order)) return {0, 1, 2, 3, 4, 5};
  if (is(domain, domains::integer)) return {-40, -3, -1, 0, 1, 2, 60};
  if (is(domain, domains::truth)) return {0, 1};
  for (const double size : kSizes) {
    add(size);
    add(-size);
    for (const double end : {domain.lower, domain.upper, 1.0}) {
      if (std::isfinite(end) && end != 0 && size < 1) add(end + size), add(end - size);
    }
  }
  if (is(domain, domains::nonpole)) {
    std::erase_if(numbers, [](double x) { return x < -30 || (x < 0 && x > -1e-200); });
    for (const double x : {-0.5, -1.5, -2.4570247, -2.747, -3.00001, -10.3, -20.7}) add(x);
  }
  return numbers;
}

std::vector<Point> hard_points(const OpInfo& row) {
  std::vector<Point> points = ordinary_points(row, 40);
  std::mt19937_64 random(7);
  std::array<std::vector<double>, 3> numbers;
  std::size_t longest = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(row.arity); ++k) {
    numbers[k] = hard_numbers(row.domain[k]);
    longest = std::max(longest, numbers[k].size());
  }
  for (std::size_t i = 0; i < longest * (row.arity == 1 ? 1 : 2); ++i) {
    Point x{};
    for (std::size_t k = 0; k < static_cast<std::size_t>(row.arity); ++k) {
      const std::size_t at = i < longest && k == 0 ? i : random();
      x[k] = numbers[k][at % numbers[k].size()];
    }
    points.push_back(x);
    if (row.arity == 1) continue;
    // Operands of the same size, and nearly equal.
    for (const double factor : {-1.0, 1.0, 1 + 1e-9, 0.7}) {
      Point near = x;
      const std::size_t last = static_cast<std::size_t>(row.arity) - 1;
      near[last] = near[last - 1] * factor;
      if (contains(row.domain[last], near[last])) points.push_back(near);
    }
  }
  if (row.op == Op::pow) {  // a negative base with an integer exponent; a root of something huge
    for (const double y : {-7.0, -2.0, -1.0, 1.0, 2.0, 3.0, 10.0, 41.0}) {
      for (const double x : {-2.0, -0.3, -1.0001, -17.3}) points.push_back({x, y, 0});
    }
    points.push_back({1e300, 0.1, 0});
  }
  return points;
}

struct Worst {
  double ulps = 0;
  Point x{};

  void add(double error, const Point& at) {
    if (error > ulps && error > 1e-6) ulps = error, x = at;
  }
};

class EveryRow : public testing::TestWithParam<int> {};

TEST_P(EveryRow, keeps_the_accuracy_it_states) {
  const OpInfo& row = kOps[GetParam()];
  const auto arity = static_cast<std::size_t>(row.arity);
  const Reading reading(row.op);
  Worst value, partial;
  int counted = 0, slopes[3] = {};
  for (const Point& x : hard_points(row)) {
    if (!is_measurable(row.op, x)) continue;
    const Measure truth = measure(row.op, x);
    const double z = truth.value.nearest;
    if (!truth.smooth || !std::isfinite(z) || (z != 0 && std::fabs(z) < kSmallest)) continue;
    ++counted;
    const auto f = [&](const Point& at) { return reading.value(at); };
    value.add(ulps(reading.value(x), truth.value, size_near_zero(f, x, row.arity)), x);
    for (std::size_t k = 0; k < arity; ++k) {
      const double want = truth.partials[k].nearest;
      const bool sibling_overflows =
          std::any_of(truth.partials.begin(), truth.partials.end(),
                      [](const Truth& other) { return !std::isfinite(other.nearest); });
      if (is_parameter(row.domain[k]) || sibling_overflows) continue;
      if (want != 0 && std::fabs(want) < kSmallest) continue;
      const auto slope = [&](const Point& at) {
        const Entry<double> entry = reading.partials(at)[k];
        return entry.taken ? entry.value : 0;
      };
      ++slopes[k];
      partial.add(ulps(slope(x), truth.partials[k], size_near_zero(slope, x, row.arity)), x);
    }
  }
  // Points enough are measured for a wrong formula to show.
  EXPECT_GE(counted, 40);
  for (std::size_t k = 0; k < arity; ++k) {
    if (is_parameter(row.domain[k])) continue;
    EXPECT_GE(slopes[k], 80) << "operand " << k;
  }
  EXPECT_LE(value.ulps, row.ulps.value) << print(value.x, row.arity);
  EXPECT_LE(partial.ulps, row.ulps.partials) << print(partial.x, row.arity);
  if (std::getenv("CHAINRULE_SHOW_ACCURACY") != nullptr) {
    std::printf("%-16s %10.3f %-50s %10.3f %s\n", row.name.data(), value.ulps,
                print(value.x, row.arity).c_str(), partial.ulps,
                print(partial.x, row.arity).c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryRow, testing::Range(0, kOpCount),
                         [](const auto& row) { return std::string(kOps[row.param].name); });

// The constants of the formulas are derived here.
TEST(Constants, are_the_nearest_doubles_of_their_definitions) {
  EXPECT_EQ(rules::kSeluScale, selu_scale().nearest);
  EXPECT_EQ(rules::kSeluAlpha, selu_alpha().nearest);
  EXPECT_EQ(rules::kSqrtHalf, sqrt_half().nearest);
  EXPECT_EQ(rules::kSqrtHalfRest, sqrt_half().rest);
}

}  // namespace
}  // namespace chainrule::laws
