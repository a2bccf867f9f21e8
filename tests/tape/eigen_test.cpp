#include "chainrule/tape/eigen.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>

#include "chainrule/chainrule.hpp"

namespace chainrule {
namespace {

using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

// A symmetric positive definite matrix that depends smoothly on three parameters.
template <class T>
Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> spd(const T& a, const T& b, const T& c) {
  Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> m(4, 4);
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      m(i, j) = a / (1.0 + i + j) + b * b * (i == j ? 3.0 : 0.1) + c * (0.01 * (i + 1) * (j + 1));
    }
  }
  return m;
}

// Runs f over Scalars, and compares its gradient with central differences of f over double.
template <class F>
void expect_gradient(F f) {
  const double at[3] = {1.3, 0.9, 0.4};
  const Frame frame = Tape::active().frame();
  const Scalar a = variable(at[0], "a"), b = variable(at[1], "b"), c = variable(at[2], "c");
  const Scalar y = f(a, b, c);
  const auto g = gradient(y, {a, b, c});
  EXPECT_NEAR(y.value(), f(at[0], at[1], at[2]), 1e-12 * std::abs(y.value()));
  for (int i = 0; i < 3; ++i) {
    constexpr double h = 1e-5;
    double up[3] = {at[0], at[1], at[2]}, down[3] = {at[0], at[1], at[2]};
    up[i] += h;
    down[i] -= h;
    const double slope = (f(up[0], up[1], up[2]) - f(down[0], down[1], down[2])) / (2 * h);
    EXPECT_NEAR(g[static_cast<std::size_t>(i)], slope, 1e-7 * (1 + std::abs(slope))) << i;
  }
}

template <class T>
Eigen::Matrix<T, Eigen::Dynamic, 1> right_side() {
  return Eigen::Matrix<T, Eigen::Dynamic, 1>::LinSpaced(4, T(1.0), T(2.0));
}

TEST(Eigen, LLT_solves_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    return spd<T>(a, b, c).llt().solve(right_side<T>()).sum();
  });
}

TEST(Eigen, LDLT_solves_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    return spd<T>(a, b, c).ldlt().solve(right_side<T>()).squaredNorm();
  });
}

TEST(Eigen, PartialPivLU_gives_determinant_and_inverse_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    const auto m = spd<T>(a, b, c);
    return m.partialPivLu().determinant() + m.partialPivLu().inverse().sum();
  });
}

TEST(Eigen, HouseholderQR_solves_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    return spd<T>(a, b, c).householderQr().solve(right_side<T>()).sum();
  });
}

TEST(Eigen, SelfAdjointEigenSolver_gives_eigenvalues_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    using M = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
    const Eigen::SelfAdjointEigenSolver<M> solver(spd<T>(a, b, c));
    return solver.eigenvalues()(3) * solver.eigenvalues()(0);
  });
}

TEST(Eigen, JacobiSVD_gives_singular_values_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    using M = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
    return Eigen::JacobiSVD<M>(spd<T>(a, b, c)).singularValues()(0);
  });
}

TEST(Eigen, products_norms_and_plain_numbers_mix) {
  const Frame frame = Tape::active().frame();
  Vector v(3);
  v << variable(1, "v0"), variable(2, "v1"), variable(2, "v2");
  const Eigen::Vector3d plain(1, 2, 3);
  const Scalar y = v.norm() + 2.0 * v.dot(v) + (v.transpose() * plain)(0) + v.array().exp().sum();
  const auto g = gradient(y, std::span<const Scalar>(v.data(), 3));
  const double values[3] = {1, 2, 2};
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(g[static_cast<std::size_t>(i)],
                values[i] / 3 + 4 * values[i] + plain(i) + std::exp(values[i]), 1e-13);
  }
}

TEST(Eigen, a_one_by_one_product_is_an_operand) {
  const Frame frame = Tape::active().frame();
  const Scalar x = variable(2, "x");
  Eigen::Matrix<Scalar, 2, 1> v(x, x * x);
  const Scalar y = x + v.transpose() * v;
  EXPECT_EQ(y.value(), 2 + 4 + 16);
  EXPECT_EQ(gradient(y, {x})[0], 1 + 2 * 2 + 4 * 8);
}

}  // namespace
}  // namespace chainrule
