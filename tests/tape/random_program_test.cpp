// Random programs with loops, reassignment and aliasing: the tape against forward mode and the
// complex step, which never saw the tape.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "chainrule/chainrule.hpp"
#include "chainrule/op/complex.hpp"
#include "chainrule/op/dual.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/inspect.hpp"

namespace chainrule {
namespace {

struct Instruction {
  Op op;
  std::size_t target;
  std::size_t operand[3];
  bool is_number[3];
  double number[3];
  int repeats;
};

constexpr std::size_t kRegisters = 6;

std::vector<Instruction> random_program(std::mt19937_64& engine, bool only_analytic) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(engine() % n); };
  constexpr Op kSmooth[] = {Op::add, Op::sub,  Op::mul,     Op::div,      Op::neg,      Op::sin,
                            Op::cos, Op::tanh, Op::sigmoid, Op::softplus, Op::atan,     Op::exp,
                            Op::fma, Op::max,  Op::min,     Op::abs,      Op::asinh,    Op::select,
                            Op::mul, Op::add,  Op::lerp,    Op::sqrt,     Op::logaddexp};
  std::vector<Instruction> program(4 + below(24));
  for (Instruction& instruction : program) {
    instruction.op = only_analytic ? kSmooth[below(std::size(kSmooth))]
                                   : static_cast<Op>(below(static_cast<std::size_t>(kOpCount)));
    instruction.target = below(kRegisters);
    instruction.repeats = engine() % 8 == 0 ? 5 : 1;
    for (int k = 0; k < 3; ++k) {
      instruction.operand[k] = below(kRegisters);
      instruction.is_number[k] = engine() % 5 == 0;
      instruction.number[k] = static_cast<double>(below(9)) * 0.5 - 2;
    }
  }
  return program;
}

// Counts, for each operation, the programs in which its result matters to the total.
struct Coverage {
  std::vector<int> programs = std::vector<int>(static_cast<std::size_t>(kOpCount));

  // Backwards: an instruction matters if its target is read before it is written again. All
  // registers are read at the end.
  void add(const std::vector<Instruction>& program) {
    bool read[kRegisters];
    std::fill(std::begin(read), std::end(read), true);
    std::vector<bool> matters(programs.size());
    for (auto i = program.rbegin(); i != program.rend(); ++i) {
      if (!read[i->target]) continue;
      read[i->target] = false;
      for (int k = 0; k < info(i->op).arity; ++k) {
        if (i->is_number[k]) continue;
        read[i->operand[k]] = true;
        matters[static_cast<std::size_t>(i->op)] = true;
      }
    }
    for (std::size_t op = 0; op < programs.size(); ++op) programs[op] += matters[op];
  }
};

// Whether a value formula has a corner at these operands, where the complex step sees one side
// only.
bool at_a_corner(Op op, double x, double y) {
  return (op == Op::abs && x == 0) ||
         ((op == Op::max || op == Op::min || op == Op::logaddexp) && x == y);
}

// Runs the program on registers of any algebra. The target may be an operand: that is the point.
template <class V>
V run(const std::vector<Instruction>& program, std::vector<V> registers, bool* corner = nullptr) {
  for (const Instruction& instruction : program) {
    for (int i = 0; i < instruction.repeats; ++i) {
      V operands[3] = {V(0.0), V(0.0), V(0.0)};
      for (int k = 0; k < 3; ++k) {
        operands[k] =
            instruction.is_number[k] ? V(instruction.number[k]) : registers[instruction.operand[k]];
      }
      if (corner != nullptr) {
        *corner = *corner || at_a_corner(instruction.op, primal(operands[0]), primal(operands[1]));
      }
      registers[instruction.target] = read_value<V>(instruction.op, operands);
    }
  }
  V total = registers[0];
  for (std::size_t k = 1; k < kRegisters; ++k) total = total + registers[k];
  return total;
}

bool same(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance * std::max({1.0, std::abs(a), std::abs(b)});
}

constexpr double kStart[kRegisters] = {0.7, -1.3, 2.1, 0.4, -0.6, 1.9};

struct Recorded {
  double value;
  std::vector<double> gradient;
};

Recorded record(const std::vector<Instruction>& program) {
  const Frame frame = Tape::active().frame();
  std::vector<Scalar> inputs;
  for (const double value : kStart) inputs.push_back(variable(value));
  const Scalar y = run(program, inputs);
  return {y.value(), gradient(y, inputs)};
}

TEST(RandomPrograms, reverse_equals_forward_through_every_operation_of_the_table) {
  std::mt19937_64 engine(20260101);
  Coverage compared;
  for (int round = 0; round < 20'000; ++round) {
    const auto program = random_program(engine, false);
    const Recorded reverse = record(program);
    bool finite = std::isfinite(reverse.value);
    for (const double g : reverse.gradient) finite = finite && std::isfinite(g);
    bool all = finite;
    for (std::size_t i = 0; i < kRegisters; ++i) {
      std::vector<Dual<double>> registers(kStart, kStart + kRegisters);
      registers[i] = Dual<double>(kStart[i], 1.0);
      const Dual<double> y = run(program, registers);
      EXPECT_TRUE(same(y.value, reverse.value, 0)) << "round " << round;
      // Beyond finite numbers the two orders of summation may differ: inf - inf here, inf there.
      all = all && std::isfinite(y.tangent);
      if (!finite || !std::isfinite(y.tangent)) continue;
      EXPECT_TRUE(same(y.tangent, reverse.gradient[i], 1e-9))
          << "round " << round << ", input " << i << ": forward " << y.tangent << ", reverse "
          << reverse.gradient[i];
    }
    if (all) compared.add(program);
  }
  // Most programs with log or legendre in them are NaN: the rarest of the rows is compared 81
  // times.
  for (const OpInfo& row : kOps) {
    EXPECT_GE(compared.programs[static_cast<std::size_t>(row.op)], 40) << row.name;
  }
}

TEST(RandomPrograms, reverse_equals_the_complex_step_on_smooth_programs) {
  std::mt19937_64 engine(7);
  int compared = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto program = random_program(engine, true);
    const Recorded reverse = record(program);
    if (!std::isfinite(reverse.value) || std::abs(reverse.value) > 1e6) continue;
    for (std::size_t i = 0; i < kRegisters; ++i) {
      std::vector<Complex> registers(kStart, kStart + kRegisters);
      registers[i] = Complex(kStart[i], 1e-30);
      bool corner = false;
      const Complex y = run(program, registers, &corner);
      const double slope = y.imag() / 1e-30;
      if (corner || !y.valid() || !std::isfinite(slope) || std::abs(slope) > 1e6) continue;
      if (!std::isfinite(reverse.gradient[i])) continue;
      ++compared;
      EXPECT_TRUE(same(slope, reverse.gradient[i], 1e-8))
          << "round " << round << ", input " << i << ": complex step " << slope << ", reverse "
          << reverse.gradient[i];
    }
  }
  EXPECT_GT(compared, 50'000);
}

TEST(RandomPrograms, the_hessian_equals_the_gradient_recorded_and_differentiated_again) {
  std::mt19937_64 engine(11);
  int compared = 0;
  for (int round = 0; round < 1'000; ++round) {
    const auto program = random_program(engine, true);
    const Frame frame = Tape::active().frame();
    std::vector<Scalar> inputs;
    for (const double value : kStart) inputs.push_back(variable(value));
    const Scalar y = run(program, inputs);
    const auto h = hessian(y, inputs);
    const auto g = recorded_gradient(y, inputs);
    for (std::size_t i = 0; i < kRegisters; ++i) {
      const auto row = g[i].is_number() ? std::vector<double>(kRegisters) : gradient(g[i], inputs);
      for (std::size_t j = 0; j < kRegisters; ++j) {
        const double other = h[i * kRegisters + j];
        if (!std::isfinite(row[j]) || !std::isfinite(other) || std::abs(other) > 1e8) continue;
        ++compared;
        EXPECT_TRUE(same(row[j], other, 1e-8))
            << "round " << round << ": " << row[j] << " " << other;
      }
    }
  }
  EXPECT_GT(compared, 20'000);
}

}  // namespace
}  // namespace chainrule
