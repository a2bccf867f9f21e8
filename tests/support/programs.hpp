// Random programs over any algebra: statements on a few registers, with branches, rounds that the
// data decide, loops, and blocks. What a program computes over plain doubles is the truth that its
// recordings are held against.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "chainrule/block/custom.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule::test {

struct Statement {
  enum class Kind : unsigned char {
    operation,  ///< r[to] = op(…)
    branch,     ///< if (a < b) first, else second: a guard
    rounds,     ///< first, at most 8 times, until a² has been halved below 1/2
    map,        ///< loops of transform/loop.hpp whose body is first, on registers of its own
    sum_over,
    fold,
    scan,
    block  ///< a block of user code: two numbers in, two out
  };
  struct Operand {
    bool is_number;
    std::size_t reg;
    double number;
  };
  using List = std::shared_ptr<const std::vector<Statement>>;

  Kind kind;
  Op op;
  std::size_t to;
  Operand operand[3];
  std::size_t steps;   ///< of a loop
  std::size_t stride;  ///< from the register that a step reads to the next step's
  List first, second;
};

/// Operations that are smooth and stay finite.
inline constexpr Op kSmooth[] = {Op::add, Op::sub, Op::mul,  Op::sin,     Op::tanh,
                                 Op::mul, Op::div, Op::atan, Op::sigmoid, Op::neg};

/// What programs are made of.
struct ProgramStyle {
  std::span<const Op> ops = {};  ///< empty: the whole table, cheap rows more often
  std::vector<Statement::Kind> nested = {Statement::Kind::branch, Statement::Kind::rounds};
  std::size_t registers = 4;
  std::size_t most_statements = 5;  ///< of a list
  bool has_special_numbers = false;
};

class ProgramGenerator {
 public:
  ProgramGenerator(std::uint64_t seed, ProgramStyle style)
      : engine_(seed), style_(std::move(style)) {}

  std::vector<Statement> block(int depth) {
    std::vector<Statement> statements(1 + below(style_.most_statements));
    for (Statement& s : statements) s = statement(depth);
    return statements;
  }

  double number() {
    if (style_.has_special_numbers && below(6) == 0) {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      constexpr double kSpecial[] = {0.0,        -0.0,
                                     1.0,        -1.0,
                                     2.0,        0.5,
                                     3.0,        -3.0,
                                     1e300,      -1e-300,
                                     5e-324,     kInfinity,
                                     -kInfinity, std::numeric_limits<double>::quiet_NaN()};
      return kSpecial[below(std::size(kSpecial))];
    }
    return static_cast<double>(below(17)) * 0.25 - 2.0;
  }

  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }

 private:
  Op op() {
    if (!style_.ops.empty()) return style_.ops[below(style_.ops.size())];
    const auto any = [&] { return kOps[below(static_cast<std::size_t>(kOpCount))]; };
    OpInfo row = any();
    // Formulas more often than functions, and what takes an order, which is slow, rarely.
    for (int k = 0; k < 3 && row.kind != chainrule::Kind::inline_formula; ++k) row = any();
    while (is_order(row.domain[0]) && below(64) != 0) row = any();
    return row.op;
  }
  static bool is_order(const Interval& domain) {
    return std::string_view(domain.name) == domains::order.name;
  }

  Statement statement(int depth) {
    Statement s{};
    s.kind = Statement::Kind::operation;
    s.op = op();
    s.to = below(style_.registers);
    for (int k = 0; k < 3; ++k) {
      s.operand[k] = {below(k == 1 ? 3 : 8) == 0, below(style_.registers), number()};
    }
    if (style_.has_special_numbers) {
      for (int k = 0; k < info(s.op).arity; ++k) {
        const std::string_view domain = info(s.op).domain[k].name;
        const bool is_whole = domain == domains::order.name || domain == domains::integer.name;
        if (is_whole && below(4) != 0) s.operand[k] = {true, 0, static_cast<double>(below(4))};
      }
    }
    if (depth > 0 && below(3) == 0) {
      s.kind = style_.nested[below(style_.nested.size())];
      s.steps = below(7);
      s.stride = below(3);
      s.first = std::make_shared<const std::vector<Statement>>(block(depth - 1));
      if (s.kind == Statement::Kind::branch) {
        s.second = std::make_shared<const std::vector<Statement>>(block(depth - 1));
      }
    }
    return s;
  }

  std::mt19937_64 engine_;
  ProgramStyle style_;
};

/// Two numbers in, two out, differentiable to any order.
inline const auto& twist() {
  static const auto block = custom(
      "twist",
      [](std::span<const double> x) {
        return std::vector<double>{x[0] * x[1] + 1.0, x[0] - x[1]};
      },
      [](auto x, auto, auto zbar) {
        return std::vector{zbar[0] * x[1] + zbar[1], zbar[0] * x[0] - zbar[1]};
      });
  return block;
}

template <class V>
void run(const std::vector<Statement>& statements, std::vector<V>& r);

namespace detail {

inline bool has_branches(const std::vector<Statement>& statements) {
  for (const Statement& s : statements) {
    if (s.kind == Statement::Kind::branch || s.kind == Statement::Kind::rounds) return true;
    if (s.first != nullptr && has_branches(*s.first)) return true;
  }
  return false;
}

// One step of a loop: local registers, the first of which hold what goes in. What a body captures
// it has to read on every branch.
template <class V>
std::vector<V> step(const Statement::List& body, std::vector<V> local, const V& a, const V& b) {
  if constexpr (std::same_as<V, Scalar>) {
    if (has_branches(*body)) {
      for (Scalar& x : local) x = copy(x);
    }
  }
  local[0] = a, local[1] = b;
  run(*body, local);
  return local;
}

template <class V>
std::vector<V> slices(const Statement& s, const std::vector<V>& r) {
  std::vector<V> xs;
  for (std::size_t t = 0; t < s.steps; ++t) {
    // Some are numbers, where the operand is one.
    const bool is_number = s.operand[2].is_number && t % 2 == 1;
    xs.push_back(is_number ? V(s.operand[2].number)
                           : r[(s.operand[0].reg + t * s.stride) % r.size()]);
  }
  return xs;
}

// What a loop leaves in the registers.
template <class V>
void keep(const Statement& s, const V& carry, const std::vector<V>& ys, std::vector<V>& r) {
  if (s.kind != Statement::Kind::map) r[s.to] = carry;
  for (std::size_t t = 0; t < ys.size(); ++t) r[(s.to + 1 + t) % r.size()] = ys[t];
}

inline void run_loop(const Statement& s, std::vector<double>& r) {
  using Kind = Statement::Kind;
  double carry = s.kind == Kind::sum_over ? 0.0 : r[s.operand[1].reg];
  std::vector<double> ys;
  for (const double x : slices(s, r)) {
    if (s.kind == Kind::map) {
      ys.push_back(step(s.first, r, x, 0.5)[0]);
    } else if (s.kind == Kind::sum_over) {
      carry += step(s.first, r, x, 0.5)[0];
    } else {
      const std::vector<double> after = step(s.first, r, carry, x);
      carry = after[0];
      if (s.kind == Kind::scan) ys.push_back(after[1]);
    }
  }
  keep(s, carry, ys, r);
}

// The same, recorded as a loop; its body captures the registers.
inline void run_loop(const Statement& s, std::vector<Scalar>& r) {
  using Kind = Statement::Kind;
  const std::vector<Scalar> xs = slices(s, r);
  Scalar carry = r[s.operand[1].reg];
  std::vector<Scalar> ys;
  const auto apart = [body = s.first, r](Scalar x) { return step<Scalar>(body, r, x, 0.5)[0]; };
  const auto in_turn = [body = s.first, r](Scalar p, Scalar x) { return step(body, r, p, x); };
  if (s.kind == Kind::map) {
    ys = chainrule::map(apart, xs);
  } else if (s.kind == Kind::sum_over) {
    carry = sum_over(apart, xs);
  } else if (s.kind == Kind::fold) {
    carry = fold([in_turn](Scalar p, Scalar x) { return in_turn(p, x)[0]; }, carry, xs);
  } else {
    const auto pair = [in_turn](Scalar p, Scalar x) {
      const std::vector<Scalar> after = in_turn(p, x);
      return std::pair(after[0], after[1]);
    };
    const auto scanned = scan(pair, carry, xs);
    carry = scanned.carry, ys = scanned.ys;
  }
  keep(s, carry, ys, r);
}

}  // namespace detail

/// Runs statements on registers of V: double, Scalar, or, for those without loops, Complex.
template <class V>
void run(const std::vector<Statement>& statements, std::vector<V>& r) {
  const auto operand = [&r](const Statement::Operand& o) {
    return o.is_number ? V(o.number) : r[o.reg];
  };
  for (const Statement& s : statements) {
    switch (s.kind) {
      case Statement::Kind::operation: {
        const V operands[3] = {operand(s.operand[0]), operand(s.operand[1]), operand(s.operand[2])};
        r[s.to] = read_value<V>(s.op, operands);
        break;
      }
      case Statement::Kind::branch:
        run(r[s.operand[0].reg] < operand(s.operand[1]) ? *s.first : *s.second, r);
        break;
      case Statement::Kind::rounds: {
        V left = r[s.operand[0].reg] * r[s.operand[0].reg];
        for (int round = 0; round < 8; ++round) {
          if (!(left > V(0.5))) break;
          run(*s.first, r);
          left = left * V(0.5);
        }
        break;
      }
      case Statement::Kind::map:
      case Statement::Kind::sum_over:
      case Statement::Kind::fold:
      case Statement::Kind::scan:
        if constexpr (std::same_as<V, double> || std::same_as<V, Scalar>) detail::run_loop(s, r);
        break;
      case Statement::Kind::block:
        if constexpr (std::same_as<V, double> || std::same_as<V, Scalar>) {
          const V x[] = {operand(s.operand[0]), operand(s.operand[1])};
          if constexpr (std::same_as<V, Scalar>) {
            const std::vector<Scalar> z = twist()(std::vector<Scalar>(x, x + 2));
            r[s.to] = z[0], r[(s.to + 1) % r.size()] = z[1];
          } else {
            r[s.to] = x[0] * x[1] + 1.0, r[(s.to + 1) % r.size()] = x[0] - x[1];
          }
        }
        break;
    }
  }
}

/// A program's value at x, which fills the first registers.
template <class V>
V value_of(const std::vector<Statement>& program, std::span<const V> x,
           std::size_t registers = ProgramStyle{}.registers) {
  std::vector<V> r(x.begin(), x.end());
  r.resize(registers, V(0.75));
  run(program, r);
  V total = r[0];
  for (std::size_t k = 1; k < registers; ++k) total = total + r[k] * V(static_cast<double>(k));
  return total;
}

}  // namespace chainrule::test
