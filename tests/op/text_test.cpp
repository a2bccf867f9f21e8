#include "chainrule/op/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace chainrule {
namespace {

const Text x("x"), y("y"), w("w"), z("z");

std::string page(const char* name) {
  std::string path = CHAINRULE_SOURCE_DIR "/docs/";
  path += name;
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Text, parentheses_stand_only_where_the_order_needs_them) {
  EXPECT_EQ((x + y * w).str(), "x + y * w");
  EXPECT_EQ(((x + y) * w).str(), "(x + y) * w");
  EXPECT_EQ((x - y - w).str(), "x - y - w");
  EXPECT_EQ((x - (y - w)).str(), "x - (y - w)");
  EXPECT_EQ((x / (y * w)).str(), "x / (y * w)");
  EXPECT_EQ((-(x * y)).str(), "-(x * y)");
  EXPECT_EQ((-x * y).str(), "-x * y");
}

TEST(Text, powers_associate_to_the_right_and_bind_tighter_than_minus) {
  EXPECT_EQ((-pow(x, Text(2))).str(), "-x**2");
  EXPECT_EQ(pow(-x, Text(2)).str(), "(-x)**2");
  EXPECT_EQ(pow(x, -y).str(), "x**-y");
  EXPECT_EQ(pow(x, pow(y, w)).str(), "x**y**w");
  EXPECT_EQ(pow(pow(x, y), w).str(), "(x**y)**w");
  EXPECT_EQ(pow(x + y, w * w).str(), "(x + y)**(w * w)");
}

TEST(Text, choices_and_comparisons_print_as_the_tool_reads_them) {
  EXPECT_EQ(choose(x > 0.0, x, y * w).str(), "x > 0 ? x : y * w");
  EXPECT_EQ(choose(x > 0.0, Text(1), Text(0)).str(), "x > 0");
  EXPECT_EQ((choose(x > 0.0, x, y) + 1.0).str(), "(x > 0 ? x : y) + 1");
  EXPECT_EQ(((x < y) == w).str(), "x < y == w");
}

TEST(Text, a_factor_of_one_is_left_out) {
  EXPECT_EQ((Text(1) * x).str(), "x");
  EXPECT_EQ((x * 1.0).str(), "x");
  EXPECT_EQ((Text(1) / x).str(), "1 / x");
}

TEST(Text, constants_print_as_what_gives_them) {
  EXPECT_EQ((rules::kLn2 * x).str(), "log(2) * x");
  EXPECT_EQ((x > -rules::kLn2).str(), "x > -log(2)");
  EXPECT_EQ((rules::kTwoOverSqrtPi * x).str(), "2 / sqrt(pi) * x");
}

TEST(Text, the_rows_print_their_formulas) {
  EXPECT_EQ(Rule<Op::mul>::value<Text>(x, y).str(), "x * y");
  EXPECT_EQ(Rule<Op::pow>::value<Text>(x, y).str(), "x**y");
  EXPECT_EQ(Rule<Op::atan>::pullback<Text>("g", x, z).entry[0].value.str(), "g / (1 + x * x)");
  EXPECT_EQ(Rule<Op::erf>::pullback<Text>(1.0, x, z).entry[0].value.str(),
            "2 / sqrt(pi) * exp(-x**2)");
  EXPECT_EQ(Rule<Op::log>::pullback<Text>(1.0, x, z).entry[0].value.str(), "1 / x");
}

TEST(Text, none_is_told_from_zero) {
  EXPECT_EQ(Rule<Op::floor>::pullback<Text>(1.0, x, z).entry[0].taken.str(), "0");
  EXPECT_EQ(Rule<Op::mul>::pullback<Text>(1.0, x, y, z).entry[0].taken.str(), "1");
  EXPECT_EQ(Rule<Op::select>::pullback<Text>(1.0, x, y, w, z).entry[1].taken.str(), "x != 0");
}

TEST(Text, the_table_has_a_line_for_every_row) {
  const std::string table = derivative_table();
  for (const OpInfo& row : kOps) {
    EXPECT_NE(table.find("\n| " + std::string(row.name) + " | "), std::string::npos) << row.name;
  }
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), kOpCount + 2);
}

TEST(Text, the_page_of_operations_is_what_the_engine_prints) {
  EXPECT_NE(page("operations.md").find(derivative_table()), std::string::npos)
      << "docs/operations.md is to hold this table:\n"
      << derivative_table();
}

}  // namespace
}  // namespace chainrule
