// What an Error says, and who hears it.
#include "chainrule/base/error.hpp"

#include <gtest/gtest.h>

namespace chainrule {
namespace {

TEST(Error, is_added_to_on_its_way_and_stays_what_it_is) {
  try {
    try {
      fail_handle("mul", "stale");
    } catch (Error& error) {
      error.add(", in row 3");
      throw;
    }
  } catch (const HandleError& error) {
    EXPECT_STREQ(error.what(), "[mul] stale, in row 3");
  }
}

TEST(Error, that_was_copied_before_says_what_it_said) {
  Error first("[here] facts");
  const Error copy = first;
  first.add(" and more");
  EXPECT_STREQ(first.what(), "[here] facts and more");
  EXPECT_STREQ(copy.what(), "[here] facts");
  first = copy;
  EXPECT_STREQ(first.what(), "[here] facts");
}

}  // namespace
}  // namespace chainrule
