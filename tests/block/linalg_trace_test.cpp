// While a Function is recorded the blocks decide nothing by the values in hand: equal eigenvalues
// and the origin of norm are told apart in the graph, and no guard is left.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/block/linalg.hpp"
#include "chainrule/chainrule.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

class LinalgTrace : public testing::Test {
 protected:
  LinalgTrace() { trace(true); }
  ~LinalgTrace() override { trace(false); }
  static void trace(bool on) { active_state().tracing = active_state().rows.watching = on; }

  Tape tape{"traced"};
  Activation active = tape.activate();
};

template <class F>
void expect_no_choice(F f, const std::vector<double>& point) {
  std::vector<Scalar> xs;
  for (const double v : point) xs.push_back(variable(v));
  const Scalar y = f(xs);
  const std::vector<Scalar> g = recorded_gradient(y, xs);
  Scalar along = 0.0;
  for (const Scalar& slope : g) along += slope;
  const std::vector<Scalar> second = recorded_gradient(along, xs);
  EXPECT_TRUE(active_state().guards.empty());
  active_state().tracing = active_state().rows.watching = false;
  const std::vector<Scalar> plain = recorded_gradient(y, xs);
  Scalar plain_along = 0.0;
  for (const Scalar& slope : plain) plain_along += slope;
  const auto plain_second = gradient(plain_along, xs);
  for (std::size_t k = 0; k < xs.size(); ++k) {
    EXPECT_NEAR(g[k].value(), plain[k].value(), 1e-13 * (1 + std::abs(plain[k].value())));
    EXPECT_EQ(std::isnan(second[k].value()), std::isnan(plain_second[k]));
    if (std::isnan(plain_second[k])) continue;  // of equal eigenvalues
    EXPECT_NEAR(second[k].value(), plain_second[k], 1e-11 * (1 + std::abs(plain_second[k])));
    EXPECT_TRUE(std::isfinite(g[k].value()));
  }
}

Dense<Scalar> square(const std::vector<Scalar>& xs) { return {3, 3, xs}; }

const std::vector<double> kApart = {3, 0.1, 0.2, 0.1, 5, 0.3, 0.2, 0.3, 7};
const std::vector<double> kEqual = {2, 0, 0, 0, 2, 0, 0, 0, 2};

TEST_F(LinalgTrace, eigh_keeps_its_choices) {
  const auto f = [](const auto& xs) {
    const auto [values, vectors] = eigh(square(xs));
    return values[0] * vectors(0, 0) + vectors(1, 2);
  };
  expect_no_choice(f, kApart);
}

TEST_F(LinalgTrace, eigh_of_equal_eigenvalues_too) {
  const auto f = [](const auto& xs) {
    const auto found = eigh(square(xs));
    return found.values[0] + found.values[1] + found.values[2];
  };
  expect_no_choice(f, kEqual);
}

TEST_F(LinalgTrace, svd_keeps_its_choices) {
  const auto f = [](const auto& xs) {
    const auto [u, s, v] = svd(Dense<Scalar>(3, 2, {xs.begin(), xs.begin() + 6}));
    return s[0] * u(1, 0) + v(1, 1) + dot(u, u);
  };
  expect_no_choice(f, kApart);
  trace(true);
  expect_no_choice(
      [](const auto& xs) {
        const auto [u, s, v] = svd(square(xs));
        return s[0] + s[1] + s[2];
      },
      kEqual);
}

TEST_F(LinalgTrace, norm_keeps_its_choices) {
  const auto f = [](const auto& xs) { return norm(column(xs)); };
  expect_no_choice(f, kApart);
  trace(true);
  expect_no_choice(f, {0, 0});
}

TEST_F(LinalgTrace, systems_and_factors_choose_nothing) {
  const auto f = [](const std::vector<Scalar>& xs) {
    const auto a = square(xs);
    const auto [q, r] = qr(a);
    const std::vector<Scalar> b(xs.begin(), xs.begin() + 3);
    return solve(a, b)[0] + solve_spd(a, q)(0, 1) + logdet(a) + logdet_spd(a) + cholesky(a)(2, 1) +
           inverse(r)(0, 2) + solve_lower(a, q)(1, 1);
  };
  expect_no_choice(f, kApart);
}

}  // namespace
}  // namespace chainrule
