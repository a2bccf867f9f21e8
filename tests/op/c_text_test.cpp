// Rows as C and C++: how expressions are bracketed, and which functions come along.
#include "chainrule/op/c_text.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/base/error.hpp"

namespace chainrule {
namespace {

const CText kX{"x"}, kY{"y"}, kSum{"x + y", Binding::sum}, kTruth{"x < y", Binding::order, true};

std::string spelled(Op op, std::vector<CText> x) {
  CRows rows(CLanguage::c99, "f_");
  return rows.operation(op, x).text;
}

TEST(CText, parentheses_keep_the_order_of_evaluation) {
  EXPECT_EQ(spelled(Op::add, {kSum, kX}), "x + y + x");
  EXPECT_EQ(spelled(Op::add, {kX, kSum}), "x + (x + y)");
  EXPECT_EQ(spelled(Op::mul, {kSum, kSum}), "(x + y) * (x + y)");
  EXPECT_EQ(spelled(Op::neg, {CText{"-x", Binding::minus}}), "-(-x)");
  EXPECT_EQ(spelled(Op::sub, {kX, c_number(-2)}), "x - -2.0");
  EXPECT_EQ(spelled(Op::select, {kTruth, kSum, kX}), "x < y ? x + y : x");
  EXPECT_EQ(spelled(Op::sin, {kSum}), "sin(x + y)");
}

// A comparison is an int in C: 1/2 would be 0, and -(x < y) never -0.
TEST(CText, a_truth_in_arithmetic_is_made_a_number) {
  EXPECT_EQ(spelled(Op::div, {kTruth, kTruth}), "(double)(x < y) / (double)(x < y)");
  EXPECT_EQ(spelled(Op::neg, {kTruth}), "-(double)(x < y)");
  EXPECT_EQ(spelled(Op::select, {kX, kTruth, kY}), "x != 0.0 ? (double)(x < y) : y");
  EXPECT_EQ(spelled(Op::both, {kTruth, kX}), "x < y && x != 0.0");
  EXPECT_EQ(spelled(Op::negate, {kTruth}), "!(x < y)");
  EXPECT_EQ(spelled(Op::negate, {kX}), "x == 0.0");
}

TEST(CText, a_function_comes_once_after_those_that_it_calls) {
  CRows rows(CLanguage::c99, "f_");
  const std::vector<CText> x = {kX};
  EXPECT_EQ(rows.operation(Op::logsigmoid, x).text, "f_logsigmoid(x)");
  EXPECT_EQ(rows.operation(Op::logsigmoid, x).text, "f_logsigmoid(x)");
  EXPECT_EQ(rows.helpers(),
            "static double f_max(double x, double y) {\n"
            "  return x > y ? x : y >= x ? y : x + y;\n"
            "}\n"
            "static double f_softplus(double x) {\n"
            "  return f_max(x, 0.0) + log1p(exp(-fabs(x)));\n"
            "}\n"
            "static double f_logsigmoid(double x) {\n"
            "  return -f_softplus(-x);\n"
            "}\n");
}

TEST(CText, cpp_has_what_c_lacks) {
  CRows c(CLanguage::c99, ""), cxx(CLanguage::cxx, "");
  EXPECT_EQ(cxx.callee(Op::abs), "std::abs");
  EXPECT_EQ(c.callee(Op::abs), "fabs");
  EXPECT_EQ(cxx.callee(Op::hypot3), "std::hypot");
  EXPECT_EQ(cxx.callee(Op::beta), "std::beta");
  EXPECT_EQ(cxx.callee(Op::digamma), "digamma");
  EXPECT_EQ(cxx.helpers(),
            "double digamma(double x);  // not in <cmath>: boost::math::digamma, for instance\n");
  EXPECT_THROW(c.callee(Op::beta), Error);
}

TEST(Formula, equal_steps_are_one_and_numbers_are_computed) {
  Formula formula;
  const StepId x = formula.input(0), two = formula.number(2);
  const auto apply = [&](Op op, StepId a, StepId b) {
    const StepId operands[] = {a, b};
    return formula.apply(op, operands);
  };
  EXPECT_EQ(apply(Op::mul, x, two), apply(Op::mul, formula.input(0), formula.number(2)));
  EXPECT_NE(apply(Op::mul, x, two), apply(Op::mul, two, x));
  EXPECT_EQ(apply(Op::add, two, two), formula.number(4));
  EXPECT_NE(formula.number(0.0), formula.number(-0.0));
  EXPECT_TRUE(std::signbit(formula.number_of(formula.number(-0.0))));
  EXPECT_EQ(formula.apply(Op::stop_gradient, {&x, 1}), x);
}

}  // namespace
}  // namespace chainrule
