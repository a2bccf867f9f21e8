// Loops are their steps written out, whatever arrives at them.
#include "tests/support/written_out.hpp"

#include "chainrule/tape/block.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule {
namespace {

using namespace test;
using Two = std::array<Scalar, 2>;

// A body of the list as code of two numbers that gives two.
auto body_of(const Body& body) {
  return [code = body.code](const Two& x) {
    const Scalars out = code({x[0], x[1]});
    return Two{out[0], out[1]};
  };
}

class Bodies : public testing::TestWithParam<Body> {};

std::vector<Two> rows_of(const Scalars& x) { return {{x[0], x[1]}, {x[1], x[0]}, {x[0], x[0]}}; }

TEST_P(Bodies, in_a_map) {
  const auto body = body_of(GetParam());
  expect_written_out(
      [&](const Scalars& x) {
        const std::vector<Two> ys = map(body, rows_of(x));
        return Scalars{ys[0][0], ys[1][1], ys[2][1]};
      },
      [&](const Scalars& x) {
        const std::vector<Two> rows = rows_of(x);
        return Scalars{body(rows[0])[0], body(rows[1])[1], body(rows[2])[1]};
      },
      {0.3, 0.7}, kPoints, kFewSeeds);
}

TEST_P(Bodies, in_a_sum) {
  const auto body = body_of(GetParam());
  expect_written_out(
      [&](const Scalars& x) {
        const Two sums = sum_over(body, rows_of(x));
        return Scalars{sums[0], sums[1]};
      },
      [&](const Scalars& x) {
        Scalars sums(2);
        for (const Two& row : rows_of(x)) {
          const Two y = body(row);
          sums[0] += y[0], sums[1] += y[1];
        }
        return sums;
      },
      {0.3, 0.7}, kPoints);
}

TEST_P(Bodies, in_a_fold) {
  const auto body = body_of(GetParam());
  expect_written_out(
      [&](const Scalars& x) {
        const Two last = fold(2, body, Two{x[0], x[1]});
        return Scalars{last[0], last[1]};
      },
      [&](const Scalars& x) {
        const Two last = body(body({x[0], x[1]}));
        return Scalars{last[0], last[1]};
      },
      {0.3, 0.7}, kPoints);
}

// The carry is of the body, and what it is added to is each step's own.
TEST_P(Bodies, in_a_scan) {
  const auto body = [code = GetParam().code](const Two& c, const Two& x) {
    const Scalars out = code({c[0], x[1]});
    return std::pair(Two{out[0] * 2.0, x[0]}, Two{out[1], c[1]});
  };
  expect_written_out(
      [&](const Scalars& x) {
        const auto [last, ys] = scan(body, Two{x[1], x[0]}, rows_of(x));
        return Scalars{last[0], ys[0][1], ys[2][0]};
      },
      [&](const Scalars& x) {
        Two carry{x[1], x[0]};
        std::vector<Two> ys;
        for (const Two& row : rows_of(x)) {
          const auto [next, y] = body(carry, row);
          carry = next;
          ys.push_back(y);
        }
        return Scalars{carry[0], ys[0][1], ys[2][0]};
      },
      {0.3, 0.7}, kPoints, kFewSeeds);
}

INSTANTIATE_TEST_SUITE_P(WrittenOut, Bodies, testing::ValuesIn(kBodies), name_of_body);

// x₀ where x₁ > 0.5, else x₀ x₁. The vjp takes a branch, and what it pushes depends on it; the
// value takes none.
class OneOrProduct final : public Block {
 public:
  std::string_view name() const override { return "one_or_product"; }
  std::size_t inputs() const override { return 2; }
  std::size_t outputs() const override { return 1; }
  void value(std::span<const double> x, std::span<double> z) const override {
    z[0] = x[1] > 0.5 ? x[0] : x[0] * x[1];
  }
  void vjp(std::span<const double> x, std::span<const double>, std::span<const double> zbar,
           std::span<double> xbar) const override {
    pull(x, zbar, xbar);
  }
  void recorded_vjp(std::span<const Scalar> x, std::span<const Scalar>,
                    std::span<const Scalar> zbar, std::span<Scalar> xbar) const override {
    pull(x, zbar, xbar);
  }

 private:
  template <class S>
  static void pull(std::span<const S> x, std::span<const S> zbar, std::span<S> xbar) {
    if (x[1] > 0.5) {
      xbar[0] = arrived(zbar[0]);
    } else {
      xbar[0] = arrived(zbar[0] * x[1]);
      xbar[1] = arrived(zbar[0] * x[0]);
    }
  }
};

TEST(WrittenOut, a_loop_of_a_block_whose_vjp_takes_a_branch) {
  const auto block = std::make_shared<const OneOrProduct>();
  const auto plain = [](const Two& x) {
    const Scalar product = x[0] * x[1];
    if (x[1] > 0.5) return x[0] * 1.0;
    return product;
  };
  const auto looped = [block](const Scalars& x) {
    return map([block](const Two& row) { return call(block, row)[0]; }, rows_of(x));
  };
  const auto written_out = [&](const Scalars& x) {
    Scalars ys;
    for (const Two& row : rows_of(x)) ys.push_back(plain(row));
    return ys;
  };
  for (const Vector& at : kPoints) {
    SCOPED_TRACE(words("at", at));
    expect_same_findings(adjoints_of(looped, at, kFewSeeds),
                         adjoints_of(written_out, at, kFewSeeds));
  }
}

TEST(WrittenOut, a_result_of_a_loop_that_has_a_seed_has_no_other_tangent) {
  const Scalars x = {variable(2.0), variable(3.0)};
  const Scalars squares = map([](Scalar v) { return v * v; }, x);
  const Scalars y = {squares[0] * squares[1]};
  // ∂y/∂x₁ + 0.75 ∂y/∂z₀, though x₀ has a seed as well.
  const Scalars ends = {x[0], x[1], squares[0]};
  EXPECT_EQ(jvp(y, ends, Vector{1, 1, 0.75}), (Vector{24 + 6.75}));
  EXPECT_EQ(recorded_jvp(y, ends, Scalars{1, 1, 0.75})[0].value(), 24 + 6.75);
  // In two directions: one of them has it.
  EXPECT_EQ(jvp(y, ends, Vector{1, 1, 0.75, 1, 1, kAbsent}), (Vector{24 + 6.75, 36 + 24}));
}

TEST(WrittenOut, an_operation_that_has_a_seed_in_one_direction_has_its_own_tangent_in_others) {
  const Scalar x = variable(3.0), square = x * x;
  const Scalars y = {square * 2.0}, ends = {x, square};
  EXPECT_EQ(jvp(y, ends, Vector{1, 0.5, 1, kAbsent}), (Vector{1, 12}));
  EXPECT_EQ(recorded_jvp(y, ends, Scalars{1, kAbsent})[0].value(), 12);
}

}  // namespace
}  // namespace chainrule
