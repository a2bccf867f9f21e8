// Large and deep programs: answered or refused, in time linear in their length, on any stack.

#include <chrono>
#include <tao/pegtl/contrib/analyze.hpp>

#include "chainrule/expr/grammar_internal.hpp"
#include "chainrule/expr/parse.hpp"
#include "tests/support/small_stack.hpp"

namespace chainrule::expr {
namespace {

std::string repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

double at_one(std::string_view source) {
  const Program program = parse(source);
  return evaluate(program, std::vector<double>(program.names().size(), 1.0));
}

using test::on_a_small_stack;

TEST(Limits, no_program_is_too_deep) {
  on_a_small_stack([] {
    constexpr int kDeep = 100'000;
    EXPECT_EQ(at_one(repeat("(", kDeep) + "x" + repeat(")", kDeep)), 1);
    EXPECT_EQ(at_one(repeat("abs(", kDeep) + "x" + repeat(")", kDeep)), 1);
    EXPECT_EQ(at_one(repeat("-", kDeep) + "x"), 1);
    EXPECT_EQ(at_one(repeat("2 - (", kDeep) + "x" + repeat(")", kDeep)), 1);
    EXPECT_EQ(at_one("x" + repeat("**x", kDeep)), 1);
    EXPECT_EQ(at_one("x" + repeat("^-x", kDeep)), 1);
    EXPECT_EQ(at_one(repeat("x ? 1 : ", kDeep) + "x"), 1);
    EXPECT_EQ(at_one(repeat("x ? ", kDeep) + "x" + repeat(" : 0", kDeep)), 1);
    EXPECT_EQ(at_one(repeat("max(x, ", kDeep) + "x" + repeat(")", kDeep)), 1);
    EXPECT_THROW(parse(repeat("(", kDeep)), SyntaxError);
    EXPECT_THROW(parse(repeat(")", kDeep)), SyntaxError);
    EXPECT_THROW(parse(repeat("x ? ", kDeep)), SyntaxError);
    EXPECT_THROW(parse("x" + repeat("^-", kDeep)), SyntaxError);
  });
}

TEST(Limits, long_programs_are_answered) {
  EXPECT_EQ(at_one("x" + repeat(" + x*2", 60'000)), 120'001);
  EXPECT_EQ(at_one("x" + repeat(" * x", 2'000)), 1);
  EXPECT_EQ(at_one("max(" + repeat("x, ", 300'000) + "x)"), 1);
  std::string assignments = "a0 = x";
  for (int i = 1; i < 5'000; ++i) {
    assignments += "; a" + std::to_string(i) + " = a" + std::to_string(i - 1) + " + 1";
  }
  EXPECT_EQ(at_one(assignments), 5'000);
  std::string variables = "0";
  for (int i = 0; i < 1'000; ++i) variables += " + v" + std::to_string(i);
  EXPECT_EQ(at_one(variables), 1'000);
  EXPECT_EQ(at_one("x" + repeat("\n", 500'000) + "# " + repeat("c", 500'000) + "\n+ x"), 2);
}

TEST(Limits, a_source_may_have_16_mebibytes) {
  EXPECT_EQ(at_one("x" + std::string(kLargestSource - 1, ' ')), 1);
  EXPECT_THROW(parse("x" + std::string(kLargestSource, ' ')), Error);
}

// A quadratic reader would take minutes here; the bound is generous for sanitized builds.
TEST(Limits, reading_is_linear) {
  const auto begin = std::chrono::steady_clock::now();
  for (const char* unit :
       {"x+", "x?1:", "(x)+", "x**", "-", "x<", "max(x,1)*", "x\n\n+", "x#\n+"}) {
    const int times = 1'000'000 / static_cast<int>(std::string_view(unit).size());
    static_cast<void>(parse(repeat(unit, times) + "x"));
    EXPECT_THROW(parse(repeat(unit, times)), SyntaxError);
  }
  std::string statements;
  for (int i = 0; i < 60'000; ++i) statements += "n" + std::to_string(i) + "=x\n \n# c\n";
  static_cast<void>(parse(statements));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(seconds.count(), 60);
}

TEST(Limits, the_grammar_cannot_loop) { EXPECT_EQ(tao::pegtl::analyze<grammar::program>(), 0u); }

}  // namespace
}  // namespace chainrule::expr
