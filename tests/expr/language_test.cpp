// The language: values and structure.
#include <numbers>

#include "chainrule/expr/parse.hpp"
#include "chainrule/op/op.hpp"

namespace chainrule::expr {
namespace {

constexpr double a = 2, b = -3, c = 0.5, d = 7;

double value(std::string_view source) {
  const Program program = parse(source);
  std::vector<double> values;
  for (const std::string& name : program.names()) {
    values.push_back(name == "a" ? a : name == "b" ? b : name == "c" ? c : name == "d" ? d : 1e99);
  }
  return evaluate(program, values);
}

std::vector<std::string> names(std::string_view source) {
  const Program program = parse(source);
  return {program.names().begin(), program.names().end()};
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wparentheses"
#if defined(__clang__)
#pragma GCC diagnostic ignored "-Wconversion"
#else
#pragma GCC diagnostic ignored "-Wbool-compare"
#endif

// The compiler reads the same characters as the parser.
#define AS_IN_C(expression) \
  EXPECT_EQ(value(#expression), static_cast<double>(expression)) << #expression

TEST(Language, operators_bind_as_they_do_in_c) {
  AS_IN_C(a + b * c - d);
  AS_IN_C(a - b - c);
  AS_IN_C(a / b / c * d);
  AS_IN_C(a - (b - c));
  AS_IN_C(-a * b);
  AS_IN_C(a * -b + -c);
  AS_IN_C(- -a - -b);
  AS_IN_C(a < b == c < d);
  AS_IN_C(a < b < c);
  AS_IN_C(a > b > c);
  AS_IN_C(a == b == c);
  AS_IN_C(a == b != c);
  AS_IN_C(a + b < c * d);
  AS_IN_C(a <= b + 5 >= c);
  AS_IN_C(a < b && c < d || a == 2);
  AS_IN_C(a || b && 0);
  AS_IN_C(!a == 0);
  AS_IN_C(!!a + !b);
  AS_IN_C(!(a > b) || d);
  AS_IN_C(a > b ? c : d);
  AS_IN_C(a < b ? c : d);
  AS_IN_C(a < b ? 1 : c < d ? 2 : 3);
  AS_IN_C(a < b ? 1 : c > d ? 2 : 3);
  AS_IN_C(a > b ? c > d ? 1 : 2 : 3);
  AS_IN_C(a ? b : c + 1);
  AS_IN_C(a && 0 ? b : c || d);
  AS_IN_C((a ? b : c) + 1);
  AS_IN_C(.5 + 5. + 1.5e2 + 1E-2 + 3e+1);
}
#undef AS_IN_C
#pragma GCC diagnostic pop

TEST(Language, power_is_right_associative_and_binds_tighter_than_a_sign_before_it) {
  EXPECT_EQ(value("2**3**2"), 512);
  EXPECT_EQ(value("2^3**2"), 512);
  EXPECT_EQ(value("-2^2"), -4);
  EXPECT_EQ(value("(-2)^2"), 4);
  EXPECT_EQ(value("-a^2"), -4);
  EXPECT_EQ(value("2^-1"), 0.5);
  EXPECT_EQ(value("2^-a^2"), 1.0 / 16);
  EXPECT_EQ(value("2^-a*8"), 2);
  EXPECT_EQ(value("2*a^2*2"), 16);
  EXPECT_EQ(value("2 ** - - 1"), 2);
  EXPECT_EQ(value("-a^2*d"), -28);
  EXPECT_EQ(value("!0^0"), 0);
}

TEST(Language, every_row_of_the_table_is_a_function) {
  for (const OpInfo& row : kOps) {
    std::string call(row.name);
    double numbers[3] = {1.25, 2, 3};
    call += "(a";
    for (int i = 1; i < row.arity; ++i) call += i == 1 ? ", b" : ", c";
    const Program program = parse(call + ")");
    ASSERT_EQ(program.instructions().size(), 1u) << call;
    EXPECT_EQ(program.instructions()[0].op, row.op) << call;
    EXPECT_EQ(program.instructions()[0].arity, row.arity) << call;
    const double got = evaluate(program, {numbers, static_cast<std::size_t>(row.arity)});
    const double constant = value(row.arity == 1   ? std::string(row.name) + "(1.25)"
                                  : row.arity == 2 ? std::string(row.name) + "(1.25, 2)"
                                                   : std::string(row.name) + "(1.25, 2, 3)");
    EXPECT_TRUE(got == constant || (got != got && constant != constant)) << call;
  }
}

TEST(Language, arguments_that_may_be_left_out_or_repeated) {
  EXPECT_EQ(value("leaky_relu(-2)"), -0.02);
  EXPECT_EQ(value("leaky_relu(-2, .5)"), -1);
  EXPECT_EQ(value("elu(-2)"), plain::elu(-2, 1));
  EXPECT_EQ(value("selu(-2)"), plain::selu(-2, rules::kSeluAlpha));
  EXPECT_EQ(value("hypot(3, 4)"), 5);
  EXPECT_EQ(value("hypot(2, 3, 6)"), 7);
  EXPECT_EQ(value("max(1, a, b, 9, d)"), 9);
  EXPECT_EQ(value("min(1, a, b, 9, d)"), -3);
  EXPECT_EQ(value("logsumexp(a)"), a);
  EXPECT_NEAR(value("logsumexp(a, b, c, d)"),
              std::log(std::exp(a) + std::exp(b) + std::exp(c) + std::exp(d)), 1e-15 * 7);
}

TEST(Language, the_last_statement_is_the_result) {
  EXPECT_EQ(value("a; b; c"), c);
  EXPECT_EQ(value("n = a*b; n + 1"), -5);
  EXPECT_EQ(value("n = a*b"), -6);
  EXPECT_EQ(value(";; a ;;\n; "), a);
  EXPECT_EQ(value("\xEF\xBB\xBF"
                  "a"),
            a)
      << "a byte order mark";
}

TEST(Language, assignments_name_their_values) {
  const Program program = parse("s = a*b; t = s; u = 3; v = a; s + t + u + v");
  ASSERT_EQ(program.assignments().size(), 4u);
  EXPECT_EQ(program.assignments()[0].name, "s");
  EXPECT_EQ(program.assignments()[1].slot, program.assignments()[0].slot);
  EXPECT_EQ(program.assignments()[2].slot, program.first_constant());
  EXPECT_EQ(program.assignments()[3].slot, 0u);
  Evaluator evaluator(program);
  EXPECT_EQ(evaluator(std::vector<double>{2, 5}), 25);
  EXPECT_EQ(evaluator[program.assignments()[0].slot], 10);
}

TEST(Language, names_come_in_the_order_of_their_first_use) {
  EXPECT_EQ(names("n = x1*w1 + x2*w2 + b; tanh(n) + x1"),
            (std::vector<std::string>{"x1", "w1", "x2", "w2", "b"}));
  EXPECT_EQ(names("beta(1, gamma) + beta + _x9 + select"),
            (std::vector<std::string>{"gamma", "beta", "_x9", "select"}))
      << "a function's name without '(' is a value";
  EXPECT_EQ(names("pi + e"), std::vector<std::string>{});
}

TEST(Language, newlines_end_statements_that_are_complete) {
  EXPECT_EQ(value("m = 2\nn = 3\n\nm*n"), 6);
  EXPECT_EQ(value("m = 2\r\nn = 3\r\nm*n\r\n"), 6);
  EXPECT_EQ(value("max(a,\n  9\n)"), 9);
  EXPECT_EQ(value("1 +\n 2"), 3);
  EXPECT_EQ(value("m =\n 2"), 2);
  EXPECT_EQ(value("1\n + 2\n - 4"), -1) << "a line that begins with an operator continues";
  EXPECT_EQ(value("a > 0\n ? 1\n : 2"), 1);
}

TEST(Language, comments_reach_to_the_end_of_the_line) {
  EXPECT_EQ(value("a # + b\n"), a);
  EXPECT_EQ(value("# only\nm = a # s = 1; ( \xCF\x80\n# between\n * 3 # end\nm"), 6);
}

TEST(Language, numbers_round_to_the_nearest_double) {
  EXPECT_EQ(value("0.1"), 0.1);
  EXPECT_EQ(value("1.7976931348623157e308"), std::numeric_limits<double>::max());
  EXPECT_EQ(value("4.9e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(value("1e-400"), 0);
  EXPECT_EQ(value("0e99999999999999999999"), 0);
  EXPECT_EQ(value("0." + std::string(400, '0') + "1e401"), 1);
  EXPECT_EQ(value("1" + std::string(400, '0') + "e-400"), 1);
  EXPECT_EQ(value("pi"), std::numbers::pi);
  EXPECT_EQ(value("e"), std::numbers::e);
}

TEST(Language, operations_on_literals_are_evaluated_while_reading) {
  const Program program = parse("k = 2*3; x*(1/4)*k + max(1, 2, 3)");
  EXPECT_EQ(program.instructions().size(), 3u);
  EXPECT_EQ(evaluate(program, std::vector<double>{8}), 15);
  EXPECT_EQ(parse("1 ? x : y").instructions().size(), 1u) << "a choice keeps both branches";
  EXPECT_EQ(parse("a = 2; b = 3*a; b").instructions().size(), 1u) << "an assigned constant stays";
}

TEST(Language, a_wrong_number_of_values_throws) {
  const Program program = parse("x*y");
  EXPECT_THROW(evaluate(program, std::vector<double>{1}), Error);
}

}  // namespace
}  // namespace chainrule::expr
