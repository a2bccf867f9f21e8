// Every row of the table, with every pattern of plain numbers among its operands: what the tape
// records and pushes is what the row's formulas give over double, bit for bit.
//
// The sweep adds a contribution to +0, so that a −0 arrives as +0 (docs/design.md).
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <optional>

#include "chainrule/chainrule.hpp"
#include "chainrule/op/reading.hpp"
#include "tests/laws/kinks.hpp"
#include "tests/laws/samples.hpp"

namespace chainrule {
namespace {

using laws::Point;

bool same_bits(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

std::vector<Point> points_of(const OpInfo& row) {
  std::vector<Point> points = laws::ordinary_points(row, 20);
  for (const Point& x : laws::special_points(row)) points.push_back(x);
  for (const laws::Kink& kink : laws::kinks()) {
    if (kink.op == row.op) points.push_back(kink.x);
  }
  return points;
}

// A row of the tape, and what it must hold: formulas read over double.
struct Case {
  const OpInfo& row;
  Point x;
  unsigned mask;  // bit k: operand k is a plain number

  std::size_t arity() const { return static_cast<std::size_t>(row.arity); }
  bool is_number(std::size_t k) const { return (mask >> k & 1u) != 0; }
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  out << c.row.name;
  for (std::size_t k = 0; k < c.arity(); ++k) {
    out << (c.is_number(k) ? " number " : " ") << c.x[k];
  }
  return out;
}

// Whether gradient(), reach() and backward() give the row's pullback at adjoint 1 and at `seed`.
void expect_pushed(const Case& c, const Scalar& z, const Scalar* operands, double seed) {
  const double value = z.value();
  std::optional<double> pushed[3], seeded[3];
  read_pullback(c.row.op, 1.0, c.x.data(), value, [&](int k, double v) { pushed[k] = v + 0.0; });
  read_pullback(c.row.op, seed, c.x.data(), value, [&](int k, double v) { seeded[k] = v + 0.0; });
  z.backward(seed);
  for (std::size_t k = 0; k < c.arity(); ++k) {
    if (c.is_number(k)) continue;
    const Scalar& x = operands[k];
    EXPECT_EQ(reach(z, x), pushed[k] ? Reach::reached : Reach::cut) << c << ", operand " << k;
    EXPECT_TRUE(same_bits(gradient(z, {x})[0], pushed[k].value_or(0.0)))
        << c << ", operand " << k << ": " << gradient(z, {x})[0] << ", the row pushes "
        << pushed[k].value_or(0.0);
    EXPECT_EQ(x.has_grad(), seeded[k].has_value()) << c << ", operand " << k;
    EXPECT_TRUE(same_bits(x.grad(), seeded[k].value_or(0.0)))
        << c << ", operand " << k << ": " << x.grad() << ", the row pushes "
        << seeded[k].value_or(0.0) << " at adjoint " << seed;
  }
}

template <class Record>
void expect_as_the_row_says(const Case& c, Record record) {
  const Frame frame = Tape::active().frame();
  Scalar operands[3];
  for (std::size_t k = 0; k < c.arity(); ++k) {
    operands[k] = c.is_number(k) ? Scalar(c.x[k]) : variable(c.x[k]);
  }
  const Scalar z = record(c.row.op, operands);
  ASSERT_FALSE(z.is_number()) << c;
  const double value = read_value<double>(c.row.op, c.x.data());
  EXPECT_TRUE(same_bits(z.value(), value)) << c << ": " << z.value() << ", the row gives " << value;
  expect_pushed(c, z, operands, -0.3);
}

class EveryRow : public testing::TestWithParam<int> {};

TEST_P(EveryRow, is_recorded_with_its_value_and_pushes_its_pullback) {
  const OpInfo& row = kOps[static_cast<std::size_t>(GetParam())];
  for (const Point& x : points_of(row)) {
    for (unsigned mask = 0; mask + 1 < 1u << row.arity; ++mask) {
      const Case c{row, x, mask};
      expect_as_the_row_says(c, [](Op op, const Scalar* operands) { return apply(op, operands); });
      expect_as_the_row_says(c, read_value<Scalar>);  // by its name: sin(x), x + y
      if (HasFailure()) return;                       // the first point says enough
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryRow, testing::Range(0, kOpCount),
                         [](const auto& test) { return std::string(kOps[test.param].name); });

TEST(EveryRowOfNumbers, is_a_number_and_recorded_nowhere) {
  const auto rows = Tape::active().size();
  for (const OpInfo& row : kOps) {
    for (const Point& x : points_of(row)) {
      const Scalar operands[] = {x[0], x[1], x[2]};
      const Scalar z = apply(row.op, operands);
      EXPECT_TRUE(z.is_number()) << row.name;
      EXPECT_TRUE(same_bits(z.value(), read_value<double>(row.op, x.data()))) << row.name;
    }
  }
  EXPECT_EQ(Tape::active().size(), rows);
}

// Second derivatives do not depend on the order in which they are taken.
TEST(EveryRow, has_a_hessian_that_equals_its_transpose) {
  std::size_t compared = 0;
  for (const OpInfo& row : kOps) {
    const auto arity = static_cast<std::size_t>(row.arity);
    for (const Point& x : laws::ordinary_points(row, 20)) {
      const Frame frame = Tape::active().frame();
      Scalar operands[3];
      for (std::size_t k = 0; k < arity; ++k) operands[k] = variable(x[k]);
      const std::span<const Scalar> xs(operands, arity);
      const Scalar z = apply(row.op, operands);
      const std::vector<double> h = hessian(z, xs);
      for (std::size_t i = 0; i < arity; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          const double one = h[i * arity + j], other = h[j * arity + i];
          if (std::isnan(one) && std::isnan(other)) continue;
          EXPECT_NEAR(one, other, 1e-9 * (1 + std::abs(one)))
              << row.name << " at " << x[0] << ", " << x[1] << ", " << x[2];
          ++compared;
        }
      }
    }
  }
  EXPECT_GT(compared, 500u);
}

}  // namespace
}  // namespace chainrule
