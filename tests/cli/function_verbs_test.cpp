// The verbs of matrices of derivatives, and of saved Functions.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

using nlohmann::json;

json printed(std::vector<std::string> line) {
  line.push_back("--json");
  const Outcome outcome = run(line);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return json::parse(outcome.out);
}

void expect_refused(const std::vector<std::string>& line, const std::string& message) {
  const Outcome outcome = run(line);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, message + "\n");
}

TEST(HessVerb, prints_the_matrix_of_second_derivatives) {
  EXPECT_EQ(run({"hess", "x**2*y", "x=3", "y=2"}).out,
            "value  18\n"
            "\n"
            "hessian  x  y\n"
            "x        4  6\n"
            "y        6  0\n");
  const json some = printed({"hess", "x**2*y", "x=3", "y=2", "--wrt", "y,x"});
  EXPECT_EQ(some, json::parse(R"({"value": 18, "hessian": {"y": {"y": 0, "x": 6},
                                                            "x": {"y": 6, "x": 4}}})"));
  EXPECT_EQ(printed({"hess", "3"}), json::parse(R"({"value": 3, "hessian": {}})"));
}

TEST(JacVerb, has_a_row_for_each_assigned_name) {
  EXPECT_EQ(run({"jac", "u = x*y; v = x + 2*y", "x=3", "y=2"}).out,
            "name  value\n"
            "u         6\n"
            "v         7\n"
            "\n"
            "jacobian  x  y\n"
            "u         2  3\n"
            "v         1  2\n");
  const json one =
      printed({"jac", "u = x*y; v = x + 2*y", "x=3", "y=2", "--of", "v", "--wrt", "y"});
  EXPECT_EQ(one, json::parse(R"({"values": {"v": 7}, "jacobian": {"v": {"y": 2}}})"));
  EXPECT_EQ(printed({"jac", "x*y", "x=3", "y=2"})["jacobian"],
            json::parse(R"({"value": {"x": 2, "y": 3}})"));
  expect_refused({"jac", "u = x", "x=1", "--of", "w"}, "chainrule jac: the program assigns no 'w'");
  expect_refused({"jac", "u = x", "x=1", "--of", "u,u"}, "chainrule jac: 'u' is named twice");
}

TEST(HvpVerb, multiplies_a_direction) {
  EXPECT_EQ(printed({"hvp", "x**2*y", "x=3", "y=2", "--along", "x=1,y=0.5"}),
            json::parse(R"({"value": 18, "product": {"x": 7, "y": 6}})"));
  EXPECT_EQ(run({"hvp", "x**2*y", "x=3", "y=2", "--along", "y=1"}).out,
            "value  18\n"
            "\n"
            "name  direction  product\n"
            "x             0        6\n"
            "y             1        0\n");
  expect_refused({"hvp", "x*y", "x=1", "y=1", "--along", "z=1"},
                 "chainrule hvp: --along: the program has no 'z'");
  expect_refused({"hvp", "x*y", "x=1", "y=1", "--along", "x=1,x=2"},
                 "chainrule hvp: --along: 'x' is given twice");
  expect_refused({"hvp", "x*y", "x=1", "y=1", "--along", "x"},
                 "chainrule hvp: --along 'x': a part is written NAME=NUMBER");
  EXPECT_EQ(run({"hvp", "x*y", "x=1", "y=1"}).code, 2) << "without a direction";
}

TEST(SaveVerb, keeps_a_function_that_show_reads_back) {
  const Scratch scratch;
  for (const std::string name : {"f.crt", "f.crb"}) {
    const std::string file = scratch / name;
    ASSERT_EQ(run({"save", "x**2*y", "-o", file}).code, 0);
    const Outcome shown = run({"show", file, "x=3", "y=2"});
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_NE(shown.out.find("input   x  f64"), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("no guards"), std::string::npos);
    EXPECT_NE(shown.out.find("output  value\ny          18\n"), std::string::npos) << shown.out;
  }
  const std::string slopes = scratch / "slopes.crb";
  ASSERT_EQ(run({"save", "x**2*y", "-o", slopes, "--gradient"}).code, 0);
  const Outcome shown = run({"show", slopes, "x=3", "y=2"});
  EXPECT_NE(shown.out.find("y[0]       18\ny[1]       12\ny[2]        9\n"), std::string::npos)
      << shown.out;
  // The text form is what a text file holds.
  const std::string text = scratch / "f.crt";
  EXPECT_EQ(run({"show", scratch / "f.crb", "--text"}).out, contents(text));
}

TEST(SaveVerb, takes_no_values_and_needs_a_file) {
  const Scratch scratch;
  expect_refused({"save", "x", "x=1", "-o", scratch / "f"},
                 "chainrule save: a function is kept without values of its names");
  EXPECT_EQ(run({"save", "x"}).code, 2);
  EXPECT_EQ(run({"save", "x", "-o", "/nonexistent/f.crt"}).code, 2);
}

TEST(ShowVerb, refuses_what_is_no_function_in_one_line) {
  const Scratch scratch;
  const std::string file = scratch / "f.crb";
  ASSERT_EQ(run({"save", "sin(x)*x", "-o", file}).code, 0);
  const std::string bytes = contents(file);
  const std::vector<std::string> broken = {bytes.substr(0, 30),
                                           bytes + "x",
                                           "hello",
                                           "",
                                           "chainrule trace 99\n",
                                           "chainrule trace 1\n%0 = mul %1 %2\n"};
  for (const std::string& bad : broken) {
    const Outcome outcome = run({"show", scratch.write("bad", bad)});
    EXPECT_EQ(outcome.code, 2) << bad;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  }
  expect_refused({"show", file, "y=1"},
                 "chainrule show: 'y=1': a value is written NAME=NUMBER, and NAME is an input");
  expect_refused({"show", file, "x=1", "x=2"}, "chainrule show: 'x' is given twice");
  EXPECT_EQ(run({"show"}).code, 2);
  EXPECT_EQ(run({"show", "/nonexistent"}).code, 2);
}

}  // namespace
}  // namespace chainrule::test
