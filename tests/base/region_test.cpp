#include "chainrule/base/region.hpp"

#include <gtest/gtest.h>

namespace chainrule {
namespace {

TEST(Region, grows_far_and_keeps_what_is_in_it) {
  Region<double> region;
  std::size_t filled = 0;
  for (std::size_t count = 1; count <= (std::size_t{1} << 24); count *= 2) {
    ASSERT_TRUE(region.reserve(count));
    ASSERT_GE(region.capacity(), count);
    for (; filled < count; filled += 509) region.data()[filled] = static_cast<double>(filled);
  }
  for (std::size_t k = 0; k < filled; k += 509) {
    ASSERT_EQ(region.data()[k], static_cast<double>(k));
  }
}

TEST(Region, new_values_are_zero) {
  Region<int> region;
  ASSERT_TRUE(region.reserve(100'000));
  for (std::size_t k = 0; k < 100'000; ++k) ASSERT_EQ(region.data()[k], 0);
}

TEST(Region, a_refused_growth_keeps_what_was_there) {
  Region<char> region;
  ASSERT_TRUE(region.reserve(10));
  region.data()[9] = 'x';
  EXPECT_FALSE(region.reserve(std::size_t{1} << 60));
  EXPECT_EQ(region.data()[9], 'x');
}

}  // namespace
}  // namespace chainrule
