// Strict arithmetic: whatever the passes do, every bit stays.
#include <gtest/gtest.h>

#include "chainrule/graph/function.hpp"
#include "chainrule/graph/text.hpp"
#include "tests/optimise/formula.hpp"
#include "tests/optimise/wild.hpp"

namespace chainrule {
namespace {

TEST(Strict, gives_every_bit_of_the_trace_for_random_traces_over_the_table) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const Wild wild = wild_trace(random, 12 + static_cast<std::uint32_t>(round) % 50);
    const Trace optimised = optimise(wild.trace, kStrict);
    ASSERT_EQ(verify(optimised), "") << print(wild.trace);
    for (int k = 0; k < 4; ++k) {
      std::vector<double> point = wild.point;
      if (k > 0) {
        for (double& x : point) x = wild_number(random);
      }
      const std::vector<double> expected = values_at(wild.trace, point);
      const std::vector<double> found = values_at(optimised, point);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_TRUE(is_same(expected[i], found[i]))
            << "output " << i << ": " << expected[i] << " became " << found[i] << " at " << point[0]
            << " " << point[1] << " " << point[2] << " " << point[3] << "\n"
            << print(wild.trace) << print(optimised);
      }
    }
    // Its guards hold where those of the trace do.
    std::vector<double> values(wild.trace.outputs.size());
    EXPECT_NO_THROW(Function(optimised).evaluate(wild.point, values)) << print(wild.trace);
  }
}

}  // namespace
}  // namespace chainrule
