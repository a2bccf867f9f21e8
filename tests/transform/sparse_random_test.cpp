// Random programs over every operation of the table: sparse matrices against dense ones.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "chainrule/op/reading.hpp"
#include "chainrule/transform/sparse.hpp"

namespace chainrule {
namespace {

using Scalars = std::vector<Scalar>;
constexpr std::size_t kInputs = 9;

bool is_parameter(const Interval& domain) {
  const std::string_view name = domain.name;
  return name == domains::order.name || name == domains::integer.name ||
         name == domains::parameter.name;
}

// A few results, each of a few of the inputs. Orders and the like are plain numbers.
Scalars random_results(std::mt19937_64& engine, const Scalars& xs) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(engine() % n); };
  Scalars registers;
  for (int k = 0; k < 5; ++k) registers.push_back(xs[below(kInputs)]);
  for (std::size_t step = 3 + below(12); step-- > 0;) {
    const auto op = static_cast<Op>(below(static_cast<std::size_t>(kOpCount)));
    Scalar operands[3];
    for (int k = 0; k < info(op).arity; ++k) {
      const double number = static_cast<double>(below(4));
      const bool plain = is_parameter(info(op).domain[k]) || below(6) == 0;
      operands[k] = plain ? Scalar(number) : registers[below(registers.size())];
    }
    registers[below(registers.size())] = apply(op, operands);
  }
  return registers;
}

bool same(double a, double b) {
  if (!std::isfinite(a) || !std::isfinite(b)) return !std::isfinite(a) && !std::isfinite(b);
  return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}

std::vector<double> dense_of(const SparseMatrix& m) {
  const auto columns = static_cast<std::size_t>(m.columns);
  std::vector<double> all(static_cast<std::size_t>(m.rows) * columns);
  std::size_t e = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(m.rows); ++i) {
    for (const int j : m.row(i)) all[i * columns + static_cast<std::size_t>(j)] = m.values[e++];
  }
  return all;
}

Scalars fresh_inputs(std::mt19937_64& engine) {
  std::uniform_real_distribution<double> at(-2, 2);
  Scalars xs;
  for (std::size_t i = 0; i < kInputs; ++i) xs.push_back(variable(at(engine)));
  return xs;
}

TEST(SparseRandomPrograms, the_jacobian_is_the_dense_one) {
  std::mt19937_64 engine(20260301);
  int compared = 0;
  for (int round = 0; round < 10'000; ++round) {
    const Frame frame = Tape::active().frame();
    const Scalars xs = fresh_inputs(engine);
    const Scalars ys = random_results(engine, xs);
    const std::vector<double> sparse = dense_of(sparse_jacobian(ys, xs));
    const auto dense = jacobian(std::span<const Scalar>(ys), std::span<const Scalar>(xs)).entries;
    for (std::size_t e = 0; e < dense.size(); ++e) {
      compared += std::isfinite(dense[e]) && dense[e] != 0;
      ASSERT_TRUE(same(sparse[e], dense[e]))
          << "round " << round << ", entry " << e << ": " << sparse[e] << ", not " << dense[e];
    }
  }
  EXPECT_GT(compared, 25'000);
}

TEST(SparseRandomPrograms, the_hessian_is_the_dense_one) {
  std::mt19937_64 engine(20260302);
  int compared = 0, entries = 0, zeros = 0;
  for (int round = 0; round < 10'000; ++round) {
    const Frame frame = Tape::active().frame();
    const Scalars xs = fresh_inputs(engine);
    Scalar y = 0;
    for (const Scalar& part : random_results(engine, xs)) y += part;
    const SparseMatrix h = sparse_hessian(y, xs);
    const std::vector<double> sparse = dense_of(h), dense = hessian(y, xs);
    entries += h.nonzeros();
    for (std::size_t i = 0; i < kInputs; ++i) {
      for (std::size_t j = 0; j < kInputs; ++j) {
        const double got = sparse[i * kInputs + j], one = dense[i * kInputs + j],
                     mirrored = dense[j * kInputs + i];
        compared += std::isfinite(one) && one != 0;
        zeros += one == 0;
        ASSERT_TRUE(same(got, one) || same(got, mirrored))
            << "round " << round << ", (" << i << ", " << j << "): " << got << ", not " << one;
      }
    }
  }
  EXPECT_GT(compared, 10'000);
  EXPECT_GT(zeros, 400'000);
  EXPECT_LT(entries, 10 * compared);
}

}  // namespace
}  // namespace chainrule
