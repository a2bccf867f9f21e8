// chainrule make: rows to learn from.
#include <cmath>
#include <sstream>

#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

// The rows below the header, which must be `columns`.
std::vector<std::vector<double>> rows_of(const std::string& text, const std::string& columns) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, columns);
  std::vector<std::vector<double>> rows;
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    std::vector<double>& row = rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(std::stod(cell));
  }
  return rows;
}

TEST(Make, writes_the_target_as_the_last_column) {
  for (const std::string kind : {"moons", "spirals", "blobs"}) {
    const Outcome made = run({"make", kind, "-n", "30"});
    EXPECT_EQ(made.code, 0);
    EXPECT_EQ(made.err, "");
    const auto rows = rows_of(made.out, "x,y,class");
    ASSERT_EQ(rows.size(), 30U);
    int of_class[3] = {};
    for (const auto& row : rows) {
      ASSERT_EQ(row.size(), 3U);
      ++of_class[static_cast<int>(row[2])];
    }
    EXPECT_EQ(of_class[0], kind == "blobs" ? 10 : 15);
    EXPECT_EQ(of_class[1], kind == "blobs" ? 10 : 15);
  }
  for (const auto& row : rows_of(run({"make", "sine", "-n", "50", "--noise=0"}).out, "x,y")) {
    EXPECT_NEAR(row[1], std::sin(row[0]), 1e-8);
  }
}

TEST(Make, makes_a_thousand_rows_by_itself) {
  EXPECT_EQ(rows_of(run({"make", "moons"}).out, "x,y,class").size(), 1000U);
  EXPECT_EQ(run({"make", "sine", "-n", "0"}).out, "x,y\n");
}

// As a program computed them that writes Philox, Box-Muller and the shuffle down with Python's
// integers. Philox is the same everywhere; nine digits hide the last ones of a C library's sine.
TEST(Make, gives_the_same_rows_for_the_same_seed) {
  const std::string seven = run({"make", "moons", "-n", "4", "--seed", "7"}).out;
  EXPECT_EQ(seven,
            "x,y,class\n"
            "-0.82046867,-0.251461551,0\n"
            "1.06510652,0.0388680239,0\n"
            "0.0653246542,0.482285358,1\n"
            "2.10690207,0.627622726,1\n");
  EXPECT_EQ(run({"make", "moons", "--seed=7", "--rows", "4"}).out, seven);
  EXPECT_NE(run({"make", "moons", "-n", "4", "--seed", "8"}).out, seven);
}

TEST(Make, writes_a_whole_file) {
  const Scratch scratch;
  const std::string file = scratch / "data.csv";
  const Outcome made = run({"make", "spirals", "-n", "10", "-o", file});
  EXPECT_EQ(made.out + made.err, "");
  EXPECT_EQ(contents(file), run({"make", "spirals", "-n", "10"}).out);
  // The table is one that the other verbs read.
  EXPECT_EQ(run({"eval", "x*x + y*y", "--data", file}).code, 0);
}

TEST(Make, says_what_is_wrong) {
  const auto refusal = [](std::vector<std::string> line) {
    line.insert(line.begin(), "make");
    const Outcome outcome = run(line);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  const std::string there_are = "; there are moons, spirals, blobs, sine\n";
  EXPECT_EQ(refusal({}), "chainrule make: the name of one data set is expected" + there_are);
  EXPECT_EQ(refusal({"moons", "sine"}),
            "chainrule make: the name of one data set is expected" + there_are);
  EXPECT_EQ(refusal({"stars"}), "chainrule make: there is no data set 'stars'" + there_are);
  EXPECT_EQ(refusal({"moons", "-n", "-1"}), "chainrule make: -1 rows\n");
  EXPECT_EQ(refusal({"moons", "--noise", "-1"}),
            "chainrule make: noise of -1: a finite number from 0 on is expected\n");
  EXPECT_EQ(refusal({"moons", "--noise", "nan"}),
            "chainrule make: noise of nan: a finite number from 0 on is expected\n");
}

}  // namespace
}  // namespace chainrule::test
