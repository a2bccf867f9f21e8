// The rule of what is reached, in recorded pullbacks: derivatives that are recorded once and
// replayed at other points equal the eager ones there, to the order of their sums, on random graphs
// with choices, NaN and infinities, in reverse and in forward mode, at first and at second order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

struct Program {
  struct Line {
    Op op;
    std::size_t operand[3];
    bool is_number[3];
    double number;
  };
  std::vector<Line> lines;

  // Over two inputs; each line may use what stands before it.
  Scalar operator()(std::span<const Scalar> x) const {
    std::vector<Scalar> values(x.begin(), x.end());
    for (const Line& line : lines) {
      Scalar operands[3];
      for (int k = 0; k < 3; ++k) {
        operands[k] =
            line.is_number[k] ? Scalar(line.number) : values[line.operand[k] % values.size()];
      }
      values.push_back(apply(line.op, operands));
    }
    Scalar total = values.back();
    for (std::size_t k = values.size() - std::min<std::size_t>(3, values.size());
         k < values.size() - 1; ++k) {
      total = total + values[k];
    }
    return total;
  }
};

Program random_program(std::mt19937_64& engine) {
  constexpr Op kCommon[] = {
      Op::add,  Op::mul, Op::sub,  Op::div,    Op::select, Op::select,       Op::max,
      Op::min,  Op::abs, Op::sqrt, Op::log,    Op::lt,     Op::gt,           Op::relu,
      Op::fmax, Op::pow, Op::exp,  Op::hypot,  Op::floor,  Op::fdim,         Op::xlogy,
      Op::neg,  Op::sin, Op::sign, Op::select, Op::le,     Op::stop_gradient};
  Program program;
  program.lines.resize(3 + engine() % 10);
  for (Program::Line& line : program.lines) {
    line.op = engine() % 4 == 0 ? static_cast<Op>(engine() % static_cast<std::uint64_t>(kOpCount))
                                : kCommon[engine() % std::size(kCommon)];
    for (int k = 0; k < 3; ++k) {
      line.operand[k] = engine() % 64;
      line.is_number[k] = engine() % 6 == 0;
    }
    constexpr double kNumbers[] = {0, 1, -1, 0.5, 2, 3, -2, 1e300, -0.0};
    line.number = kNumbers[engine() % std::size(kNumbers)];
  }
  return program;
}

double random_input(std::mt19937_64& engine) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kSpecial[] = {0.0,        -0.0, 1.0,    -1.0,  kInfinity,
                                 -kInfinity, NAN,  5e-324, 1e308, 2.0};
  if (engine() % 3 == 0) return kSpecial[engine() % std::size(kSpecial)];
  return static_cast<double>(static_cast<int>(engine() % 4001) - 2000) / 500.0;
}

// The sums of a sweep may be in another order: the last digits.
bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-14 * std::abs(b);
}

// The special functions are slow and their series have nothing to add here.
bool is_slow(const Program& program) {
  return std::ranges::any_of(program.lines, [](const Program::Line& line) {
    return info(line.op).domain[0].name == domains::order.name || line.op == Op::beta ||
           line.op == Op::polygamma;
  });
}

TEST(Reach, recorded_derivatives_equal_the_eager_ones_at_every_order_and_in_both_modes) {
  std::mt19937_64 engine(7);
  std::size_t not_finite = 0, compared = 0;
  for (int round = 0; round < 600; ++round) {
    const Program program = random_program(engine);
    if (is_slow(program)) continue;
    const auto code = [&](const std::vector<Scalar>& x) { return program(x); };
    const Function f =
        record(code, std::vector<double>{random_input(engine), random_input(engine)});
    ASSERT_TRUE(f.trace().guards.empty());
    const Function slopes = grad(f), along = jvp(f);
    const Function curvature = round % 3 == 0 ? hessian(f) : f;
    for (int point = 0; point < 12; ++point) {
      const Frame frame = Tape::active().frame();
      const double at[2] = {random_input(engine), random_input(engine)};
      const std::vector<Scalar> x{variable(at[0]), variable(at[1])};
      const Scalar y = program(x);
      EXPECT_TRUE(same(f(at)[0], y.value()));
      const std::vector<double> truth = gradient(y, x), found = slopes(at);
      for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_TRUE(same(found[i], truth[i]))
            << "round " << round << " x = " << at[0] << ", " << at[1] << ": ∂/∂" << i << " is "
            << found[i] << " for " << truth[i];
        ++compared;
        if (!std::isfinite(truth[i])) ++not_finite;
      }
      const double direction[] = {0.5, -2.0};
      const std::vector<double> tangent = jvp(std::span<const Scalar>(&y, 1), x, direction);
      const std::vector<double> forward =
          along(std::vector<double>{at[0], at[1]}, std::vector<double>{0.5, -2.0});
      EXPECT_TRUE(same(forward[1], tangent[0]))
          << "round " << round << " forward: " << forward[1] << " for " << tangent[0];
      if (round % 3 != 0) continue;
      const std::vector<double> second = curvature(at);
      const std::vector<Scalar> first = recorded_gradient(y, x);
      for (std::size_t i = 0; i < 2; ++i) {
        const std::vector<double> row = gradient(first[i], x);
        for (std::size_t j = 0; j < 2; ++j) {
          EXPECT_TRUE(same(second[2 * i + j], row[j]))
              << "round " << round << " x = " << at[0] << ", " << at[1] << ": ∂²/∂" << i << "∂" << j
              << " is " << second[2 * i + j] << " for " << row[j];
        }
      }
    }
  }
  EXPECT_GT(compared, 8000u);
  EXPECT_GT(not_finite, 800u);
}

TEST(Reach, an_untaken_branch_adds_nothing_in_any_reading) {
  const Function f = record([](Scalar x) { return select(x > 0.0, sqrt(x), x); }, 1.0);
  const Function slope = grad(f), curvature = grad(slope), forward = jvp(f);
  EXPECT_EQ(slope(-4.0)[0], 1.0);
  EXPECT_EQ(curvature(-4.0)[0], 0.0);
  EXPECT_EQ(forward(-4.0, 1.0)[1], 1.0);
  EXPECT_EQ(slope(4.0)[0], 0.25);
  EXPECT_EQ(curvature(4.0)[0], -0.03125);
  std::vector<double> in, out(64);
  for (int k = 0; k < 64; ++k) in.push_back(k % 2 == 0 ? -4.0 : 4.0);
  slope.rows(in, out);
  for (std::size_t k = 0; k < 64; ++k) EXPECT_EQ(out[k], k % 2 == 0 ? 1.0 : 0.25);
}

TEST(Reach, a_real_singularity_still_shows) {
  const Function f = record([](Scalar x) { return sqrt(x) * sqrt(x); }, 1.0);
  EXPECT_TRUE(std::isnan(grad(f)(0.0)[0]));
}

}  // namespace
}  // namespace chainrule
