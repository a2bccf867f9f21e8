// Never a stale answer: random programs of nested ifs and loops with data-dependent trip counts,
// recorded at one point and replayed at others, against the same programs over plain doubles and
// over complex numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "chainrule/chainrule.hpp"
#include "chainrule/op/complex.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

constexpr std::size_t kRegisters = 4;

struct Statement {
  enum Kind { operation, branch, loop } kind;
  Op op;
  std::size_t to, a, b;
  double number;
  bool with_number;
  std::vector<Statement> first, second;
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : engine_(seed) {}

  std::vector<Statement> block(int depth) {
    std::vector<Statement> statements(1 + below(5));
    for (Statement& s : statements) s = statement(depth);
    return statements;
  }
  double number() { return static_cast<double>(below(17)) * 0.25 - 2.0; }

 private:
  Statement statement(int depth) {
    constexpr Op kSmooth[] = {Op::add, Op::sub, Op::mul,  Op::sin,     Op::tanh,
                              Op::mul, Op::div, Op::atan, Op::sigmoid, Op::neg};
    Statement s{Statement::operation,
                kSmooth[below(std::size(kSmooth))],
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
};

template <class V>
void run(const std::vector<Statement>& statements, std::vector<V>& r) {
  for (const Statement& s : statements) {
    if (s.kind == Statement::operation) {
      const V operands[3] = {r[s.a], s.with_number ? V(s.number) : r[s.b], V(0.0)};
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

template <class V>
V value_of(const std::vector<Statement>& program, std::span<const V> x) {
  std::vector<V> r(x.begin(), x.end());
  r.resize(kRegisters, V(0.75));
  run(program, r);
  V total = r[0];
  for (std::size_t k = 1; k < kRegisters; ++k) total = total + r[k] * V(static_cast<double>(k));
  return total;
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

TEST(RandomGuards, replay_is_never_stale) {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> point(-2.5, 2.5);
  std::size_t many_variants = 0, compared = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto program = Generator(seed).block(3);
    const auto code = [&](const std::vector<Scalar>& x) { return value_of<Scalar>(program, x); };
    const Function f = record(code, std::vector<double>{point(engine), point(engine)});
    const Function df = grad(f);
    std::vector<double> in;
    for (int k = 0; k < 80; ++k) in.push_back(point(engine));
    std::vector<double> rows(40);
    f.rows(in, rows);
    for (std::size_t k = 0; k < 40; ++k) {
      const std::span<const double> x = std::span<const double>(in).subspan(2 * k, 2);
      const double truth = value_of<double>(program, x);
      EXPECT_TRUE(same(f(x)[0], truth)) << seed << ": " << f(x)[0] << " for " << truth;
      EXPECT_TRUE(same(rows[k], truth)) << seed << " in rows";
      const std::vector<double> slopes = df(x);
      for (std::size_t i = 0; i < 2; ++i) {
        constexpr double kStep = 1e-200;
        std::vector<Complex> z{Complex(x[0]), Complex(x[1])};
        z[i] = Complex(x[i], kStep);
        const double slope = value_of<Complex>(program, z).imag() / kStep;
        if (!std::isfinite(slope) || !std::isfinite(truth) || std::abs(slope) > 1e12) continue;
        EXPECT_NEAR(slopes[i], slope, 1e-9 * (1 + std::abs(slope))) << seed;
        ++compared;
      }
    }
    if (f.variants() > 2) ++many_variants;
  }
  EXPECT_GT(many_variants, 40u) << "programs that branch";
  EXPECT_GT(compared, 5000u);
}

}  // namespace
}  // namespace chainrule
