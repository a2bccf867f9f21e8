// Strict arithmetic: whatever the passes do, every bit stays.
#include <gtest/gtest.h>

#include "chainrule/graph/function.hpp"
#include "chainrule/graph/text.hpp"
#include "tests/optimise/formula.hpp"
#include "tests/optimise/wild.hpp"
#include "tests/support/in_floats.hpp"

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

// Where every number is rounded to float, sums of floats, products and folded numbers are, too.
TEST(Strict, gives_every_bit_of_the_trace_in_floats) {
  std::mt19937 random(2);
  const OptimiseOptions floats{.arithmetic = Arithmetic::strict, .precision = Precision::f32};
  for (int round = 0; round < 2000; ++round) {
    const Wild wild = wild_trace(random, 12 + static_cast<std::uint32_t>(round) % 50);
    const Trace optimised = optimise(wild.trace, floats);
    ASSERT_EQ(verify(optimised), "") << print(wild.trace);
    for (int k = 0; k < 4; ++k) {
      std::vector<double> point = wild.point;
      if (k > 0) {
        for (double& x : point) x = wild_number(random);
      }
      const auto expected = test::in_floats(wild.trace, point);
      const auto found = test::in_floats(optimised, point);
      EXPECT_EQ(expected.guards_hold, found.guards_hold) << print(wild.trace);
      for (std::size_t i = 0; i < expected.outputs.size(); ++i) {
        ASSERT_TRUE(is_same(expected.outputs[i], found.outputs[i]))
            << "output " << i << ": " << expected.outputs[i] << " became " << found.outputs[i]
            << " at " << point[0] << " " << point[1] << " " << point[2] << " " << point[3] << "\n"
            << print(wild.trace) << print(optimised);
      }
    }
  }
}

// What is exact in doubles need not be in floats: 2^-140 has no reciprocal there, 2^140 is none.
TEST(Strict, asks_whether_a_number_is_one_in_floats) {
  const OptimiseOptions floats{.arithmetic = Arithmetic::strict, .precision = Precision::f32};
  const auto in_floats = [&](auto code) { return formula(optimise(trace_of(code), floats)); };
  EXPECT_EQ(in_floats([](Node x, Node, Node) { return x / 8.0; }), "mul(x,0.125)");
  EXPECT_EQ(in_floats([](Node x, Node, Node) { return x / 0x1p-140; }),
            "div(x,7.174648137343064e-43)");
  EXPECT_EQ(in_floats([](Node x, Node, Node) { return x / 0x1p140; }), "div(x,inf)");
  EXPECT_EQ(in_floats([](Node x, Node, Node) { return ldexp(x, 140.0); }), "ldexp(x,140)");
  EXPECT_EQ(in_floats([](Node x, Node, Node) { return x * (0.1 + x * 0.0) * 0.1; }),
            "mul(mul(x,add(mul(x,0),0.10000000149011612)),0.10000000149011612)");
}

}  // namespace
}  // namespace chainrule
