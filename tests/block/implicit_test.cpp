// Solutions of equations, differentiated by the implicit function theorem.
#include "chainrule/block/implicit.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

using Vector = std::vector<double>;

Scalar root_of(const Scalar& a) {
  return implicit_solve([=](const Scalar& x) { return x * x - a; }, 1.0);
}

TEST(ImplicitSolve, finds_a_square_root_and_its_derivatives) {
  for (const double a : {0.25, 2.0, 900.0}) {
    EXPECT_NEAR(root_of(Scalar(a)).value(), std::sqrt(a), 1e-12 * std::sqrt(a));
    EXPECT_NEAR(grad(root_of)(a), 0.5 / std::sqrt(a), 1e-12);
    EXPECT_NEAR(grad(grad(root_of))(a), -0.25 * std::pow(a, -1.5), 1e-10);
    EXPECT_NEAR(hessian(root_of)(a)(0, 0), -0.25 * std::pow(a, -1.5), 1e-10);
    EXPECT_NEAR(jvp(root_of)(a, 2.0).tangent, 1.0 / std::sqrt(a), 1e-12);
    EXPECT_NEAR(grad(grad(grad(root_of)))(a), 0.375 * std::pow(a, -2.5), 1e-8);
    EXPECT_NEAR(jvp(grad(root_of))(a, 1.0).tangent, -0.25 * std::pow(a, -1.5), 1e-10);
  }
}

// x² + y² = a, x y = b
std::vector<Scalar> meeting_of(const std::vector<Scalar>& p) {
  return implicit_solve(
      [=](const std::vector<Scalar>& x) {
        return std::vector<Scalar>{x[0] * x[0] + x[1] * x[1] - p[0], x[0] * x[1] - p[1]};
      },
      Vector{2.0, 0.5});
}

TEST(ImplicitSolve, solves_systems) {
  const Vector at{5, 2};
  const Dense<double> slopes = jacobian(meeting_of)(at);
  const Dense<double> forward = jacobian(meeting_of, Sweep::forward)(at);
  // At x = 2, y = 1: [4 2; 1 2]⁻¹ = [2 −2; −1 4]/6.
  const Vector truth{2.0 / 6, -2.0 / 6, -1.0 / 6, 4.0 / 6};
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(slopes.entries[k], truth[k], 1e-12);
    EXPECT_NEAR(forward.entries[k], truth[k], 1e-12);
  }
  const auto first = [](const std::vector<Scalar>& p) { return meeting_of(p)[0]; };
  const Dense<double> curvature = hessian(first)(at);
  constexpr double kStep = 1e-5;
  for (std::size_t j = 0; j < 2; ++j) {
    Vector up = at, down = at;
    up[j] += kStep, down[j] -= kStep;
    const Vector above = grad(first)(up), below = grad(first)(down);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(curvature(i, j), (above[i] - below[i]) / (2 * kStep), 1e-8);
    }
  }
  EXPECT_NEAR(curvature(0, 1), curvature(1, 0), 1e-14);
}

TEST(ImplicitSolve, is_replayed_with_other_parameters) {
  const Function f = record([](Scalar a) { return root_of(a) * a; }, 2.0);
  const Function slope = grad(f), curvature = grad(slope);
  EXPECT_NEAR(f(9.0)[0], 27.0, 1e-10);
  EXPECT_NEAR(slope(9.0)[0], 4.5, 1e-10);
  EXPECT_NEAR(curvature(9.0)[0], 0.25, 1e-10);
  EXPECT_NEAR(slope(4.0)[0], 3.0, 1e-10);
}

TEST(ImplicitSolve, that_cannot_be_solved_says_so) {
  EXPECT_THROW(implicit_solve([](const Scalar& x) { return x * x + 1.0; }, 1.0), Error);
  EXPECT_THROW(implicit_solve([](const Scalar& x) { return x * 0.0 + 1.0; }, 1.0), Error);
  EXPECT_THROW(implicit_solve([](const Scalar&) { return std::vector<Scalar>(2); }, 1.0), Error);
  EXPECT_THROW(implicit_solve([](const Scalar& x) { return sqrt(x - 5.0); }, 1.0), Error) << "NaN";
}

TEST(FixedPoint, derivative_costs_do_not_depend_on_the_iterations) {
  const std::size_t before = Tape::active().size();
  const Scalar a = variable(0.99);
  int calls = 0;
  const Scalar x = fixed_point(
      [a, &calls](const Scalar& v) {
        ++calls;
        return a * cos(v);
      },
      0.5, {.tolerance = 1e-14, .iterations = 10'000});
  const int to_solve = calls;
  EXPECT_GT(to_solve, 30);
  EXPECT_NEAR(x.value(), 0.99 * std::cos(x.value()), 1e-13);
  const double slope = gradient(x, {a})[0];
  EXPECT_LE(calls - to_solve, 2) << "runs for a derivative";
  EXPECT_NEAR(slope, std::cos(x.value()) / (1 + 0.99 * std::sin(x.value())), 1e-12);
  EXPECT_LE(Tape::active().size(), before + 3);
}

TEST(FixedPoint, of_a_vector_and_second_order) {
  const auto solution = [](const std::vector<Scalar>& p) {
    const std::vector<Scalar> x = fixed_point(
        [=](const std::vector<Scalar>& v) {
          return std::vector<Scalar>{0.3 * cos(v[1] * p[0]), 0.4 * sin(v[0]) + p[1]};
        },
        Vector{0, 0});
    return x[0] * x[1];
  };
  const Vector at{0.7, 0.2};
  const Dense<double> curvature = hessian(solution)(at);
  constexpr double kStep = 1e-5;
  for (std::size_t j = 0; j < 2; ++j) {
    Vector up = at, down = at;
    up[j] += kStep, down[j] -= kStep;
    const Vector above = grad(solution)(up), below = grad(solution)(down);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(curvature(i, j), (above[i] - below[i]) / (2 * kStep), 1e-8);
    }
  }
}

TEST(FixedPoint, that_diverges_says_so) {
  EXPECT_THROW(fixed_point([](const Scalar& v) { return v * 2.0 + 1.0; }, 1.0), Error);
}

}  // namespace
}  // namespace chainrule
