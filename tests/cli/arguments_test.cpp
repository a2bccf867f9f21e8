// The command line: what is the program, what is an option, and what is refused.
#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

using Line = std::vector<std::string>;

void expect_output(const Line& line, const std::string& out) {
  const Outcome outcome = run(line);
  EXPECT_EQ(outcome.out, out) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.code, 0);
}

void expect_refusal(const Line& line, const std::string& err, const std::string& input = "") {
  const Outcome outcome = run(line, input);
  EXPECT_EQ(outcome.err, err);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.code, 2);
}

TEST(Arguments, a_program_may_begin_with_a_minus) {
  expect_output({"eval", "-x^2", "x=3"}, "-9\n");
  expect_output({"eval", "--x", "x=3"}, "3\n");
  expect_output({"eval", "-h", "h=3", "--help"}, run({"eval", "--help"}).out);
  expect_output({"eval", "--", "-h", "h=3"}, "-3\n");
  expect_output({"eval", "--", "--json", "json=3", "--json"}, "{\"value\": 3}\n");
  expect_output({"eval", "--json", "-x", "x=3"}, "{\"value\": -3}\n");
}

TEST(Arguments, options_stand_anywhere) {
  const std::string json = "{\"value\": 6, \"gradient\": {\"y\": 2}}\n";
  expect_output({"grad", "x*y", "x=2", "y=3", "--json", "--wrt", "y"}, json);
  expect_output({"grad", "--wrt=y", "--json", "x*y", "x=2", "y=3"}, json);
  expect_output({"grad", "x*y", "--wrt", "y", "x=2", "--json", "y=3"}, json);
}

TEST(Arguments, programs_come_from_files_and_the_standard_input) {
  const Scratch scratch;
  const std::string file = scratch.write("p.cr", "n = a*b # product\nn + 1\n");
  expect_output({"eval", "-f", file, "a=2", "b=3"}, "7\n");
  expect_output({"eval", "a=2", "--file=" + file, "b=3"}, "7\n");
  EXPECT_EQ(run({"eval", "-f", "-", "a=2"}, "a*a").out, "4\n");
  expect_refusal({"eval", "1 +", "-f", file},
                 "chainrule eval: unexpected argument '1 +': a value is written NAME=NUMBER\n");
  expect_refusal({"eval", "--", "a", "-f", file},
                 "chainrule eval: two programs: 'a' and the file '" + file + "'\n");
  expect_refusal(
      {"eval", "-f", scratch / "none"},
      "chainrule eval: " + (scratch / "none") + " cannot be read: No such file or directory\n");
  expect_refusal({"eval", "-f", scratch.write("q.cr", "a = 1\nb = )")},
                 "chainrule eval: " + (scratch / "q.cr") +
                     ":2:5: expected a number, a name, a function or '(', found ')'\n"
                     "  b = )\n"
                     "      ^\n");
}

TEST(Arguments, values_are_numbers) {
  EXPECT_EQ(run({"eval", "x", "x=nan"}).out, "nan\n");
  EXPECT_EQ(run({"eval", "x", "x=-inf"}).out, "-inf\n");
  EXPECT_EQ(run({"eval", "x", "x=+1e3"}).out, "1000\n");
  EXPECT_EQ(run({"eval", "x", "x=.5"}).out, "0.5\n");
  expect_refusal({"eval", "x", "x=1e999"},
                 "chainrule eval: the value of 'x': '1e999' is too large: the largest number is "
                 "1.7976931348623157e308\n");
  expect_refusal({"eval", "x", "x=abc"}, "chainrule eval: the value of 'x': 'abc' is no number\n");
  expect_refusal({"eval", "x", "x="}, "chainrule eval: the value of 'x': '' is no number\n");
  expect_refusal({"eval", "x", "x=1=2"}, "chainrule eval: the value of 'x': '1=2' is no number\n");
  expect_refusal({"eval", "x", "2=1"},
                 "chainrule eval: '2=1': a value is written NAME=NUMBER, and a name has letters, "
                 "digits and _\n");
}

TEST(Arguments, every_name_has_one_value_and_every_value_a_name) {
  expect_refusal({"eval", "x+y", "x=1"}, "chainrule eval: no value for y: add y=NUMBER\n");
  expect_refusal({"eval", "x+y"}, "chainrule eval: no value for x, y: add x=NUMBER\n");
  expect_refusal({"eval", "sin + 1"},
                 "chainrule eval: no value for sin: add sin=NUMBER (as a function it is written "
                 "sin(...))\n");
  expect_refusal({"eval", "x", "x=1", "x=2"}, "chainrule eval: 'x' is given twice\n");
  expect_refusal({"eval", "x", "x=1", "y=2"},
                 "chainrule eval: 'y=2' is not used: the program has the names x\n");
  expect_refusal({"eval", "n = x; n", "x=1", "n=2"},
                 "chainrule eval: 'n=2': the program assigns 'n' itself\n");
  expect_refusal({"eval", "pi", "pi=3"},
                 "chainrule eval: 'pi' is a constant of the language and takes no value\n");
}

TEST(Arguments, mistakes_are_named) {
  expect_refusal({"eval", "x", "--jsn"},
                 "chainrule eval: there is no option '--jsn'; see chainrule eval --help\n");
  expect_refusal({"eval", "--jsn", "x"},
                 "chainrule eval: unexpected argument 'x': the program is '--jsn', and a value is "
                 "written NAME=NUMBER\n");
  expect_refusal({"eval", "x", "-o"},
                 "chainrule eval: -o needs a value; see chainrule eval --help\n");
  expect_refusal({"eval", "x", "--json=1"}, "chainrule eval: '--json' takes no value\n");
  expect_refusal({"eval"},
                 "chainrule eval: there is no program: write it in quotation marks after the verb, "
                 "or name a file with -f\n");
  expect_refusal({"eval", "--"}, "chainrule eval: expected a program after --\n");
  expect_refusal({"eval", ""}, "chainrule eval: column 1: the program is empty\n");
  expect_refusal({"evaluate", "x"},
                 "chainrule: there is no verb 'evaluate'; the verbs are eval, grad, hess, jac, "
                 "hvp, diff, check, draw, plot, compile, bench, save, show, make, train, predict, "
                 "ops, version\n");
  expect_refusal({"grad", "x", "x=1", "--order", "3"}, "chainrule grad: --order is 1 or 2\n");
  expect_refusal({"grad", "x", "x=1", "--wrt", "y"},
                 "chainrule grad: --wrt: 'y' is no name of the program, which has x\n");
  expect_refusal({"grad", "x", "x=1", "--wrt", "x,x"}, "chainrule grad: --wrt names 'x' twice\n");
  expect_refusal({"grad", "x", "x=1", "--wrt", "x,"},
                 "chainrule grad: --wrt takes names, as in a,b\n");
  expect_refusal(
      {"grad", "n = x; n*n", "x=1", "--wrt", "n"},
      "chainrule grad: --wrt: 'n' is assigned by the program; --all shows its gradient\n");
  EXPECT_EQ(run({}).code, 2);
}

TEST(Arguments, help_and_version) {
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* verb : {"eval", "grad", "check", "draw", "plot", "ops", "version"}) {
    EXPECT_NE(help.out.find(std::string("\n  ") + verb), std::string::npos) << verb;
    const Outcome own = run({verb, "--help"});
    EXPECT_EQ(own.code, 0) << own.err;
    EXPECT_NE(own.out.find(std::string("Usage: chainrule ") + verb), std::string::npos) << own.out;
  }
  EXPECT_EQ(run({"version"}).out.substr(0, 10), "chainrule ");
  EXPECT_EQ(run({"--version"}).out, run({"version"}).out);
}

TEST(Arguments, messages_stay_short_whatever_the_input) {
  const std::string huge(100'000, 'n');
  for (const Line& line :
       {Line{"eval", huge}, Line{"eval", "x", huge + "=1"}, Line{"eval", "x", "x=" + huge},
        Line{"eval", "1 " + huge}, Line{"grad", "x", "x=1", "--wrt", huge}, Line{huge}}) {
    const Outcome outcome = run(line);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_LT(outcome.err.size(), 1000u) << outcome.err.substr(0, 200);
  }
}

}  // namespace
}  // namespace chainrule::test
