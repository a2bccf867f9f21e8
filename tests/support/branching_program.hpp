// Random programs of nested ifs and loops with data-dependent trip counts, over any scalar type.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "chainrule/op/reading.hpp"

namespace chainrule::test {

inline constexpr std::size_t kRegisters = 4;

struct Statement {
  enum Kind { operation, branch, loop } kind;
  Op op;
  std::size_t to, a, b;
  double number;
  bool with_number;
  std::vector<Statement> first, second;
};

/// Operations that are smooth and stay finite.
inline constexpr Op kSmooth[] = {Op::add, Op::sub, Op::mul,  Op::sin,     Op::tanh,
                                 Op::mul, Op::div, Op::atan, Op::sigmoid, Op::neg};

class BranchingPrograms {
 public:
  explicit BranchingPrograms(std::uint64_t seed, std::span<const Op> ops = kSmooth)
      : engine_(seed), ops_(ops) {}

  std::vector<Statement> block(int depth) {
    std::vector<Statement> statements(1 + below(5));
    for (Statement& s : statements) s = statement(depth);
    return statements;
  }
  double number() { return static_cast<double>(below(17)) * 0.25 - 2.0; }

 private:
  Statement statement(int depth) {
    Statement s{Statement::operation,
                ops_[below(ops_.size())],
                below(kRegisters),
                below(kRegisters),
                below(kRegisters),
                number(),
                below(3) == 0,
                {},
                {}};
    if (depth > 0 && below(3) == 0) {
      s.kind = below(2) == 0 ? Statement::branch : Statement::loop;
      s.first = block(depth - 1);
      if (s.kind == Statement::branch) s.second = block(depth - 1);
    }
    return s;
  }

  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  std::mt19937_64 engine_;
  std::span<const Op> ops_;
};

template <class V>
void run(const std::vector<Statement>& statements, std::vector<V>& r) {
  for (const Statement& s : statements) {
    if (s.kind == Statement::operation) {
      const V operands[3] = {r[s.a], s.with_number ? V(s.number) : r[s.b],
                             r[(s.a + s.b) % kRegisters]};
      r[s.to] = read_value<V>(s.op, operands);
    } else if (s.kind == Statement::branch) {
      if (r[s.a] < (s.with_number ? V(s.number) : r[s.b])) {
        run(s.first, r);
      } else {
        run(s.second, r);
      }
    } else {
      // As many rounds as it takes a value to fall below 1/2, at most 8: the data decide.
      V left = r[s.a] * r[s.a];
      for (int round = 0; round < 8; ++round) {
        if (!(left > V(0.5))) break;
        run(s.first, r);
        left = left * V(0.5);
      }
    }
  }
}

/// A program's value at x, which fills the first registers.
template <class V>
V value_of(const std::vector<Statement>& program, std::span<const V> x) {
  std::vector<V> r(x.begin(), x.end());
  r.resize(kRegisters, V(0.75));
  run(program, r);
  V total = r[0];
  for (std::size_t k = 1; k < kRegisters; ++k) total = total + r[k] * V(static_cast<double>(k));
  return total;
}

}  // namespace chainrule::test
