// What tests of loops share: a loop held against the same code written out, at every order.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule::test {

using Vector = std::vector<double>;
using Scalars = std::vector<Scalar>;

inline Vector random_numbers(std::size_t n, unsigned seed) {
  std::mt19937 bits(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  Vector numbers(n);
  for (double& x : numbers) x = uniform(bits);
  return numbers;
}

// Infinities are the same; of a number, 1e-12 of itself, or of 1 if it is smaller: sums may be
// added up in another order.
inline void expect_close(const Vector& a, const Vector& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (std::isnan(b[k])) {
      EXPECT_TRUE(std::isnan(a[k])) << "entry " << k << " is " << a[k];
    } else if (std::isinf(b[k])) {
      EXPECT_EQ(a[k], b[k]) << "entry " << k;
    } else {
      EXPECT_NEAR(a[k], b[k], 1e-12 * std::max(1.0, std::abs(b[k]))) << "entry " << k;
    }
  }
}

// Values and derivatives to third order of two codes that give one number, as Functions, recorded
// at other inputs than those they are asked at, and on the tape.
template <class Looped, class Plain>
void expect_same(Looped looped, Plain plain, const Vector& x) {
  const Vector example = random_numbers(x.size(), 98), direction = random_numbers(x.size(), 99);
  const Function f = record(looped, example), g = record(plain, example);
  EXPECT_EQ(f(x), g(x));
  {
    SCOPED_TRACE("Function, first order");
    expect_close(grad(f)(x), grad(g)(x));
    expect_close(jvp(f)(x, direction), jvp(g)(x, direction));
  }
  {
    SCOPED_TRACE("Function, second order");
    expect_close(hessian(f)(x), hessian(g)(x));
    expect_close(hvp(f)(x, direction), hvp(g)(x, direction));
    expect_close(jacobian(grad(f), 0, Sweep::forward)(x), jacobian(grad(g), 0, Sweep::forward)(x));
  }
  {
    SCOPED_TRACE("Function, third order");
    expect_close(jacobian(hvp(f))(x, direction), jacobian(hvp(g))(x, direction));
  }
  SCOPED_TRACE("tape");
  Scalars xs;
  for (const double number : x) xs.push_back(variable(number));
  const Scalar y = looped(xs), z = plain(xs);
  EXPECT_EQ(y.value(), z.value());
  expect_close(gradient(y, xs), gradient(z, xs));
  expect_close(hessian(y, xs), hessian(z, xs));
  expect_close(hvp(y, xs, direction), hvp(z, xs, direction));
  const Scalar ys[] = {y}, zs[] = {z};
  expect_close(jvp(ys, xs, direction), jvp(zs, xs, direction));
  const auto slopes = [&](const auto& code) {
    return hessian([&](const Scalars& v) { return grad(code)(v)[0]; })(x).entries;
  };
  expect_close(slopes(looped), slopes(plain));
}

}  // namespace chainrule::test
