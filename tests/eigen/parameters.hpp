// Matrices that depend on three parameters, for gradients through Eigen's own algorithms.
//
// Each file of this folder instantiates one family of them: a decomposition over Scalar is ten
// seconds of compiling.
#pragma once

#include "chainrule/tape/eigen.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>

#include "chainrule/chainrule.hpp"

namespace chainrule::test {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

// A symmetric positive definite matrix that depends smoothly on three parameters.
template <class T>
Matrix<T> spd(const T& a, const T& b, const T& c) {
  Matrix<T> m(4, 4);
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
Vector<T> right_side() {
  return Vector<T>::LinSpaced(4, T(1.0), T(2.0));
}

}  // namespace chainrule::test
