// Places where derivatives of arrays go wrong elsewhere, each at first and second order, in arrays
// that are computed by loops and in ones that are computed by kernels.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Orders {
  double value, first, second;
};

// f′ and f″ at x, where every element of an array of that size is x; recorded and swept agree.
Orders at(const std::function<Tensor(const Tensor&)>& f, double x, std::int64_t size,
          Precision element) {
  const Frame frame = Tape::active().frame();
  const Tensor v = variable(full({size}, x, element));
  const Tensor y = f(v);
  const Tensor first = recorded_gradient(sum(y), {v})[0];
  const double swept = gradient(sum(y), {v})[0].values().back();
  EXPECT_TRUE(first.values().back() == swept || std::isnan(swept)) << swept;
  if (!first.is_recorded()) return {y.values().back(), swept, 0};
  return {y.values().back(), swept, gradient(sum(first), {v})[0].values().back()};
}

// In each element type, below and above the size at which kernels take over.
void expect_orders(const std::function<Tensor(const Tensor&)>& f, double x, Orders expected) {
  for (const Precision element : {f64, f32}) {
    for (const std::int64_t size : {1, 50, 200}) {
      const Orders found = at(f, x, size, element);
      const double bound = element == f64 ? 1e-14 : 1e-6;
      const auto compare = [&](const char* what, double number, double truth) {
        if (number == truth) return;
        EXPECT_NEAR(number, truth, bound * std::max(std::fabs(truth), 0.1))
            << what << " at " << x << ", " << size << " elements of " << name_of(element);
      };
      compare("value", found.value, expected.value);
      compare("first", found.first, expected.first);
      compare("second", found.second, expected.second);
    }
  }
}

TEST(TensorTraps, a_root_that_was_not_taken_is_no_nan) {
  const auto f = [](const Tensor& x) { return where(x > 0.0, sqrt(x), x); };
  expect_orders(f, -4, {-4, 1, 0});
  expect_orders(f, 4, {2, 0.25, -1.0 / 32});
  const auto whole = map<1>([](const Scalar& x) { return select(x > 0.0, sqrt(x), x); });
  expect_orders([&](const Tensor& x) { return whole(x); }, -4, {-4, 1, 0});
  expect_orders([&](const Tensor& x) { return whole(x); }, 4, {2, 0.25, -1.0 / 32});
}

TEST(TensorTraps, a_real_singularity_is_still_seen) {
  // √x √x at 0 is 0·∞.
  EXPECT_TRUE(std::isnan(at([](const Tensor& x) { return sqrt(x) * sqrt(x); }, 0, 1, f64).first));
  EXPECT_TRUE(std::isnan(at([](const Tensor& x) { return sqrt(x) * sqrt(x); }, 0, 200, f64).first));
  EXPECT_EQ(at([](const Tensor& x) { return sqrt(x); }, 0, 200, f64).first, kInfinity);
}

TEST(TensorTraps, softplus_and_its_kin_do_not_overflow) {
  expect_orders([](const Tensor& x) { return softplus(x); }, 800, {800, 1, 0});
  expect_orders([](const Tensor& x) { return softplus(x); }, -800, {0, 0, 0});
  expect_orders([](const Tensor& x) { return softplus(x); }, 0, {std::log(2.0), 0.5, 0.25});
  expect_orders([](const Tensor& x) { return tanh(x); }, 800, {1, 0, 0});
  expect_orders([](const Tensor& x) { return sigmoid(x); }, -800, {0, 0, 0});
  expect_orders([](const Tensor& x) { return logaddexp(x, x); }, 800, {800 + std::log(2.0), 1, 0});
  expect_orders(
      [](const Tensor& x) {
        return logsumexp(reshape(x, {-1, 1}), 1);
      },
      800, {800, 1, 0});
  expect_orders(
      [](const Tensor& x) {
        return logsumexp(x * ones({3, 1}, x.element()), 0);
      },
      800, {800 + std::log(3.0), 1, 0});
}

TEST(TensorTraps, kinks_have_their_conventions) {
  expect_orders([](const Tensor& x) { return relu(x); }, 0, {0, 0, 0});
  expect_orders([](const Tensor& x) { return abs(x); }, 0, {0, 0, 0});
  expect_orders([](const Tensor& x) { return max(x, x) * x; }, 3, {9, 6, 2});
  expect_orders([](const Tensor& x) { return norm(reshape(x, {-1, 1}), 1); }, 0, {0, 0, 0});
  expect_orders([](const Tensor& x) { return hypot(x, x); }, 0, {0, 0, 0});
  expect_orders([](const Tensor& x) { return sinc(x); }, 0, {1, 0, -1.0 / 3});
  // x¹: the exponent is a number, nothing is recorded for it.
  expect_orders([](const Tensor& x) { return pow(x, 1); }, 0, {0, 1, 0});
  expect_orders([](const Tensor& x) { return pow(x, 2); }, -2, {4, -4, 2});
}

TEST(TensorTraps, a_power_is_differentiated_by_both_operands) {
  for (const std::int64_t size : {2, 200}) {
    const Frame frame = Tape::active().frame();
    const Tensor x = variable(full({size}, 2.0)), y = variable(full({size}, 3.0));
    const auto slopes = recorded_gradient(sum(pow(x, y)), {x, y});
    EXPECT_EQ(slopes[0].values().back(), 12);
    EXPECT_NEAR(slopes[1].values().back(), 8 * std::log(2.0), 1e-14);
    // ∂²(xʸ)/∂x∂y = x^(y−1) (1 + y log x).
    EXPECT_NEAR(gradient(sum(slopes[0]), {y})[0].values().back(), 4 * (1 + 3 * std::log(2.0)),
                1e-13);
    const Tensor zero = variable(zeros({size}));
    const auto at_zero = gradient(sum(pow(zero, zero * 1.0)), {zero});
    EXPECT_EQ(at_zero[0].values().back(), -kInfinity);  // (0, −∞): the exponent's alone
  }
  EXPECT_TRUE(laws::check_tensor_op([](const Tensor& x, const Tensor& y) { return pow(x, y); },
                                    {tensor({{0.5, 1.5}, {2, 3}}), tensor({-1.5, 2})}));
  EXPECT_TRUE(laws::check_tensor_op([](const Tensor& x) { return pow(x, x); },
                                    {tensor({{0.5, 1.5}, {2, 3}})}));
}

TEST(TensorTraps, the_same_tensor_in_every_place) {
  const Tensor at = tensor({{0.5, 1.5}, {2, -3}});
  EXPECT_TRUE(laws::check_tensor_op([](const Tensor& x) { return x * x / (x + x) - x; }, {at}));
  EXPECT_TRUE(laws::check_tensor_op([](const Tensor& x) { return x * transpose(x); }, {at}));
  EXPECT_TRUE(
      laws::check_tensor_op([](const Tensor& x) { return x * sum(x, 0) * mean(x, 1); }, {at}));
  EXPECT_TRUE(
      laws::check_tensor_op([](const Tensor& x) { return softmax(x) * logsumexp(x, 0); }, {at}));
}

}  // namespace
}  // namespace chainrule
