// Blocks are their operations written out, whatever arrives at them.
#include "tests/support/written_out.hpp"

#include "chainrule/block/checkpoint.hpp"
#include "chainrule/block/custom.hpp"
#include "chainrule/block/implicit.hpp"
#include "chainrule/block/linalg.hpp"

namespace chainrule {
namespace {

using namespace test;

class Bodies : public testing::TestWithParam<Body> {};

TEST_P(Bodies, in_a_checkpoint) {
  const auto code = GetParam().code;
  expect_written_out(checkpoint(code), code, {0.3, 0.7}, kPoints);
}

TEST_P(Bodies, repeated) {
  const auto code = GetParam().code;
  expect_written_out([&](const Scalars& x) { return repeat(code, x, 2, 1); },
                     [&](const Scalars& x) { return code(code(x)); }, {0.3, 0.7}, kPoints);
}

INSTANTIATE_TEST_SUITE_P(WrittenOut, Bodies, testing::ValuesIn(kBodies), name_of_body);

// ---- blocks with a derivative of their own ----------------------------------------------------

// Each of their inputs is reached where any output is: so they are held against dense code. What is
// solved multiplies infinities by zeros.
const std::vector<Vector> kDensePoints = {{0, 0.5}, {0.25, 0.5}, {4, -0.75}},
                          kRegularPoints = {{0.25, 0.5}, {4, -0.75}};

TEST(WrittenOut, custom) {
  const auto f = [](std::span<const double> x) { return Vector{x[0] * x[1], x[0] + x[1]}; };
  const auto pull = [](auto x, auto, auto zbar) {
    return std::vector{zbar[0] * x[1] + zbar[1], zbar[0] * x[0] + zbar[1]};
  };
  const auto push = [](auto x, auto, auto xdot) {
    return std::vector{xdot[0] * x[1] + x[0] * xdot[1], xdot[0] + xdot[1]};
  };
  const auto plain = [](const Scalars& x) { return Scalars{x[0] * x[1], x[0] + x[1]}; };
  const auto called = [](auto block) { return [=](const Scalars& x) { return block(x); }; };
  expect_written_out(called(custom("by_vjp", f, pull)), plain, {0.3, 0.7}, kDensePoints,
                     kFiniteSeed);
  expect_written_out(called(custom("by_both", f, pull, push)), plain, {0.3, 0.7}, kDensePoints,
                     kFiniteSeed);
}

TEST(WrittenOut, custom_of_numbers_one_by_one) {
  const auto product = custom(
      "product", [](double x, double y) { return x * y; },
      [](auto x, auto y, auto, auto zbar) {
        return std::array{zbar * y, zbar * x};
      });
  expect_written_out([&](const Scalars& x) { return Scalars{product(x[0], x[1])}; },
                     [](const Scalars& x) { return Scalars{x[0] * x[1]}; }, {0.3, 0.7}, kPoints);
}

TEST(WrittenOut, nondifferentiable_is_cut_as_floor_is) {
  const auto down = nondifferentiable([](double x) { return std::floor(x); });
  expect_written_out([&](const Scalars& x) { return Scalars{down(x[0]) + x[1]}; },
                     [](const Scalars& x) { return Scalars{floor(x[0]) + x[1]}; }, {0.3, 0.7},
                     kPoints);
}

TEST(WrittenOut, linear_algebra) {
  const auto matrix = [](const Scalars& x) {
    Dense<Scalar> a(2, 2);
    a.entries = {x[0] + 2.0, x[1], x[1] - 1.0, x[0] + 3.0};
    return a;
  };
  expect_written_out(
      [&](const Scalars& x) {
        return solve(matrix(x), column(Scalars{x[1], x[0]})).entries;
      },
      [&](const Scalars& x) {
        const Scalars a = matrix(x).entries;
        const Scalar d = a[0] * a[3] - a[1] * a[2];
        return Scalars{(a[3] * x[1] - a[1] * x[0]) / d, (a[0] * x[0] - a[2] * x[1]) / d};
      },
      {0.3, 0.7}, kDensePoints, kFiniteSeed);
  expect_written_out(
      [&](const Scalars& x) {
        return matmul(matrix(x), column(Scalars{x[1], x[0]})).entries;
      },
      [&](const Scalars& x) {
        const Scalars a = matrix(x).entries;
        return Scalars{a[0] * x[1] + a[1] * x[0], a[2] * x[1] + a[3] * x[0]};
      },
      {0.3, 0.7}, kDensePoints, kFiniteSeed);
}

TEST(WrittenOut, implicit_solve_and_fixed_point) {
  // u + v = x₀, u − v = x₁ + 0.1 u, and so for both.
  const auto plain = [](const Scalars& x) {
    const Scalar u = (x[0] + x[1]) / 1.9;
    return Scalars{u, x[0] - u};
  };
  expect_written_out(
      [](const Scalars& x) {
        return implicit_solve(
            [x](const Scalars& u) {
              return Scalars{u[0] + u[1] - x[0], u[0] - u[1] - x[1] - 0.1 * u[0]};
            },
            Vector{1, 1});
      },
      plain, {0.3, 0.7}, kRegularPoints, kFiniteSeed);
  // u = 0.25 v + x₀, v = 0.5 u + x₁.
  expect_written_out(
      [](const Scalars& x) {
        return fixed_point(
            [x](const Scalars& u) {
              return Scalars{0.25 * u[1] + x[0], 0.5 * u[0] + x[1]};
            },
            Vector{1, 1});
      },
      [](const Scalars& x) {
        const Scalar u = (x[0] + 0.25 * x[1]) / 0.875;
        return Scalars{u, 0.5 * u + x[1]};
      },
      {0.3, 0.7}, kRegularPoints, kFiniteSeed);
}

}  // namespace
}  // namespace chainrule
