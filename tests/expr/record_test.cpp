// Programs on the tape: the worked examples, in the language.
#include "chainrule/expr/record.hpp"

#include "chainrule/expr/parse.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tape/tape.hpp"

namespace chainrule::expr {
namespace {

using Values = std::vector<double>;

// A program recorded at given values, and what follows from it.
class Recorded {
 public:
  Recorded(std::string_view source, const Values& values)
      : frame_(Tape::active().frame()), program_(parse(source)), recording_(program_) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      inputs_.push_back(variable(values[i], program_.names()[i]));
    }
    result_ = recording_(inputs_);
  }

  double value() const { return result_.value(); }
  Values grads() const { return gradient(result_, inputs_); }
  Values second() const { return hessian(result_, inputs_); }
  const Scalar& result() const { return result_; }
  Scalar named(std::string_view name) const {
    for (const Assignment& assignment : program_.assignments()) {
      if (assignment.name == name) return recording_[assignment.slot];
    }
    return inputs_.at(0);
  }
  const std::vector<Scalar>& inputs() const { return inputs_; }

 private:
  Frame frame_;
  Program program_;
  Recording recording_;
  std::vector<Scalar> inputs_;
  Scalar result_;
};

Values grads(std::string_view source, const Values& values) {
  return Recorded(source, values).grads();
}
double value(std::string_view source, const Values& values) {
  return Recorded(source, values).value();
}

void expect_near(const Values& got, const Values& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << i;
}

TEST(WorkedExamples, relu_of_a_square) {
  EXPECT_EQ(value("a**3/5 + relu(b**2)", {1.5, -4}), 16.675);
  expect_near(grads("a**3/5 + relu(b**2)", {1.5, -4}), {1.35, -8}, 1e-15);
}

TEST(WorkedExamples, one_variable_twice) {
  EXPECT_EQ(grads("a+a", {3}), Values{2});
  EXPECT_EQ(grads("a*a", {3}), Values{6});
  EXPECT_EQ(grads("a-a", {3}), Values{0});
  EXPECT_EQ(grads("a/a", {4}), Values{0});
  expect_near(grads("pow(a,a)", {2}), {4 * (1 + std::log(2.0))}, 1e-15);
  EXPECT_EQ(value("d=a*b; e=a+b; d*e", {-2, 3}), -6);
  EXPECT_EQ(grads("d=a*b; e=a+b; d*e", {-2, 3}), (Values{-3, -8}));
}

TEST(WorkedExamples, a_step_of_gradient_ascent) {
  EXPECT_EQ(value("(a*b+c)*f", {2, -3, 10, -2}), -8);
  EXPECT_EQ(grads("(a*b+c)*f", {2, -3, 10, -2}), (Values{6, -4, -2, 4}));
  EXPECT_NEAR(value("(a*b+c)*f", {2.06, -3.04, 9.98, -1.96}), -7.286496, 1e-14);
}

TEST(WorkedExamples, a_neuron) {
  const Recorded neuron("n = x1*w1 + x2*w2 + b; o = tanh(n); o", {2, -3, 0, 1, 6.8813735870195432});
  EXPECT_NEAR(neuron.value(), std::sqrt(0.5), 2e-16);
  expect_near(neuron.grads(), {-1.5, 1, 0.5, 0, 0.5}, 1e-15);
  EXPECT_EQ(neuron.named("n").name(), "n");
  EXPECT_EQ(neuron.result().name(), "o");
  expect_near(gradient(neuron.result(), {neuron.named("n")}), {0.5}, 1e-15);
}

TEST(WorkedExamples, polynomials_and_floors) {
  for (const auto& [x, slope] : {std::pair{3.0, 14.0}, {-3.0, -22.0}, {2.0 / 3, 0.0}}) {
    EXPECT_NEAR(grads("3*x**2 - 4*x + 5", {x})[0], slope, 1e-15);
  }
  EXPECT_EQ(grads("floor(x) + x", {1.5}), Values{1});
  EXPECT_EQ(value("(x*y+c)*c + x", {0.9, 0.4, 1.3}), (0.9 * 0.4 + 1.3) * 1.3 + 0.9);
  expect_near(grads("(x*y+c)*c + x", {0.9, 0.4, 1.3}), {1.52, 1.17, 2.96}, 1e-15);
  EXPECT_EQ(grads("(x4 + x1*x2)*x6", {5, 3, 4, 2}), (Values{2, 8, 6, 17}));
}

TEST(Recording, an_untaken_branch_adds_nothing) {
  EXPECT_EQ(grads("x > 0 ? sqrt(x) : x", {-4}), Values{1});
  EXPECT_EQ(Recorded("x > 0 ? sqrt(x) : x", {-4}).second(), Values{0});
}

TEST(Recording, second_derivatives) {
  expect_near(Recorded("x**3*y", {2, 5}).second(), {60, 12, 12, 0}, 1e-13);
}

TEST(Recording, an_assigned_constant_is_a_named_leaf) {
  const Recorded line("m = 2; y = m*x + 1", {3});
  EXPECT_EQ(line.named("m").name(), "m");
  EXPECT_EQ(gradient(line.result(), {line.named("m")}), Values{3});
  const Recorded unit("w0 = -1; w1 = 2; b = 4; x = 2; z = w0*x + w1*x + b; relu(z)", {});
  EXPECT_EQ(unit.value(), 6);
  EXPECT_EQ(gradient(unit.result(), {unit.named("w0"), unit.named("x")}), (Values{2, 1}));
}

TEST(Recording, an_alias_keeps_the_first_label) {
  const Recorded program("s = x*x; t = s; u = x; t + u", {3});
  EXPECT_EQ(program.named("t").name(), "s");
  EXPECT_EQ(program.named("u").name(), "x");
}

TEST(Recording, runs_again_in_a_rewound_frame) {
  const Program program = parse("k = 3; n = k*x + y; n*n");
  Recording recording(program, Labels::dropped);
  Frame frame = Tape::active().frame();
  const std::size_t before = Tape::active().size();
  std::size_t rows = 0;
  for (int i = 0; i < 100; ++i) {
    const Scalar inputs[] = {variable(i), variable(1)};
    const Scalar y = recording(inputs);
    EXPECT_EQ(gradient(y, inputs), (Values{6.0 * (3 * i + 1), 2.0 * (3 * i + 1)}));
    if (i == 0) rows = Tape::active().size() - before;
    EXPECT_EQ(Tape::active().size() - before, rows);
    frame.rewind();
  }
}

TEST(Recording, plain_numbers_in_give_a_plain_number_out) {
  const Program program = parse("x*x + 1");
  Recording recording(program);
  const Scalar inputs[] = {3};
  EXPECT_TRUE(recording(inputs).is_number());
  EXPECT_EQ(recording(inputs).value(), 10);
  EXPECT_THROW(recording({}), Error);
}

}  // namespace
}  // namespace chainrule::expr
