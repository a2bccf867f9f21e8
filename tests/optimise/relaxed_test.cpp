// Relaxed arithmetic: within the stated ulps of the trace, and never a wrong number.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/graph/function.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/optimise/optimise.hpp"
#include "tests/optimise/wild.hpp"
#include "tests/support/radius.hpp"

namespace chainrule {
namespace {

TEST(Relaxed, is_within_the_stated_ulps_for_random_traces_over_the_table) {
  std::mt19937 random(2);
  std::size_t asked = 0, promised = 0;
  for (int round = 0; round < 1500; ++round) {
    const Wild wild = wild_trace(random, 12 + static_cast<std::uint32_t>(round) % 40);
    const Trace optimised = optimise(wild.trace);
    ASSERT_EQ(verify(optimised), "") << print(wild.trace);
    for (int k = 0; k < 4; ++k) {
      std::vector<double> point = wild.point;
      if (k > 0) {
        for (double& x : point) x = wild_number(random);
      }
      const std::vector<Within> expected = relaxed_values_at(wild.trace, point);
      const std::vector<double> found = values_at(optimised, point);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ++asked, promised += std::isfinite(expected[i].radius);
        ASSERT_TRUE(holds(expected[i], found[i]))
            << "output " << i << ": " << expected[i].value << " within " << expected[i].radius
            << " became " << found[i] << " at " << point[0] << " " << point[1] << " " << point[2]
            << " " << point[3] << "\n"
            << print(wild.trace) << print(optimised);
      }
    }
  }
  EXPECT_GT(promised, asked * 9 / 10);
}

}  // namespace
}  // namespace chainrule
