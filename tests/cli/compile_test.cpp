// chainrule compile: the C that it writes, compiled and run.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

constexpr const char* kProgram = "x**2 * y + sin(y)";

void expect_refused(const std::vector<std::string>& line, const std::string& message) {
  const Outcome outcome = run(line);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, message + "\n");
}

// Compiles the files of the folder with the system's C compiler and runs them.
std::string printed_by(const Scratch& scratch, const std::string& files) {
  EXPECT_EQ(std::system("cc --version > /dev/null 2>&1"), 0)
      << "there is no C compiler `cc`, which this test needs: scripts/setup installs one";
  const std::string go = "cd '" + (scratch / "") +
                         "' && cc -std=c99 -Wall -Wextra -Wpedantic "
                         "-Werror -ffp-contract=off " +
                         files + " -o use -lm > log 2>&1 && ./use > out";
  EXPECT_EQ(std::system(go.c_str()), 0) << contents(scratch / "log");
  return contents(scratch / "out");
}

TEST(CompileVerb, writes_c_and_a_header_that_give_value_and_gradient) {
  const Scratch scratch;
  const Outcome outcome = run({"compile", kProgram, "-o", scratch / "f.c"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  scratch.write("use.c",
                "#include <stdio.h>\n#include \"f.h\"\n"
                "int main(void) {\n"
                "  double x[f_inputs] = {3, 2}, y[f_outputs], g[f_columns];\n"
                "  if (f_value(x, y) != 0) return 1;\n"
                "  printf(\"%.15g\\n\", y[0]);\n"
                "  if (f_gradient(x, y, g) != 0) return 1;\n"
                "  printf(\"%.15g %.15g %.15g\\n\", y[0], g[0], g[1]);\n"
                "  return 0;\n}\n");
  // 18 + sin 2, 12, 9 + cos 2.
  EXPECT_EQ(printed_by(scratch, "f.c use.c"),
            "18.9092974268257\n18.9092974268257 12 8.58385316345286\n");
}

TEST(CompileVerb, differentiates_by_the_names_asked_for_and_twice) {
  const Scratch scratch;
  const Outcome outcome =
      run({"compile", "x**2*y + y**3", "-o", scratch / "slope.c", "--header", scratch / "own.h",
           "--wrt", "y,x", "--name", "slope", "--hessian", "--strict"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(contents(scratch / "slope.h"), "");
  EXPECT_NE(contents(scratch / "own.h").find("     x[0]       x\n     x[1]       y\n"),
            std::string::npos);
  scratch.write(
      "use.c",
      "#include <stdio.h>\n#include \"own.h\"\n"
      "int main(void) {\n"
      "  double x[slope_inputs] = {3, 2}, y[1], g[2], H[4];\n"
      "  if (slope_hessian(x, y, g, H) != 0) return 1;\n"
      "  printf(\"%g, %g %g, %g %g %g %g\\n\", y[0], g[0], g[1], H[0], H[1], H[2], H[3]);\n"
      "  return 0;\n}\n");
  EXPECT_EQ(printed_by(scratch, "slope.c use.c"), "26, 21 12, 12 6 6 4\n");
}

TEST(CompileVerb, prints_the_c_alone_on_the_standard_output) {
  const Outcome outcome = run({"compile", "x*x", "-o", "-"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.out.find("int f_value(const double *x, double *y) {\n"
                             "  y[0] = x[0] * x[0];\n"
                             "  return 0;\n}\n"),
            std::string::npos)
      << outcome.out;
}

TEST(CompileVerb, refuses_what_makes_no_c) {
  const Scratch scratch;
  const std::string file = scratch / "f.c";
  expect_refused({"compile", "digamma(x)", "-o", file},
                 "chainrule compile: C99 has no function for the operation 'digamma' (derivative "
                 "of lgamma)");
  expect_refused({"compile", "x", "-o", file, "--name", "1x"},
                 "chainrule compile: the name '1x' is no C identifier: letters, digits and _");
  expect_refused({"compile", "x", "x=1", "-o", file},
                 "chainrule compile: a program becomes C without values of its names: 'x=1' has no "
                 "use");
  expect_refused({"compile", "x", "-o", file, "--wrt", "y"},
                 "chainrule compile: --wrt: 'y' is no name of the program, which has x");
  EXPECT_EQ(run({"compile", "x"}).code, 2) << "without a file";
  EXPECT_EQ(run({"compile", "x", "-o", "/nonexistent/f.c"}).code, 2);
  EXPECT_EQ(contents(file), "") << "nothing was written";
}

}  // namespace
}  // namespace chainrule::test
