#include "chainrule/op/reductions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "chainrule/op/complex.hpp"
#include "chainrule/op/dual.hpp"

namespace chainrule {
namespace {

using Dual1 = Dual<double>;
using Dual2 = Dual<Dual1>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class V>
std::span<const V> span_of(const std::vector<V>& x) {
  return x;
}

TEST(Reductions, add_up_average_and_multiply) {
  const std::vector<double> x{1, 2, 6}, y{3, 5, 7};
  EXPECT_EQ(sum(span_of(x)), 9);
  EXPECT_EQ(mean(span_of(x)), 3);
  EXPECT_EQ(dot(span_of(x), y), 55);
  EXPECT_EQ(sum(std::span<const double>()), 0);
}

TEST(Reductions, a_norm_neither_overflows_nor_has_a_slope_at_0) {
  EXPECT_DOUBLE_EQ(norm(span_of(std::vector<double>{3e200, 4e200})), 5e200);
  EXPECT_DOUBLE_EQ(norm(span_of(std::vector<double>{-3e-200, 4e-200})), 5e-200);
  const std::vector<Dual1> origin{{0.0, 1.0}, {0.0, 1.0}, {0.0, 1.0}};
  EXPECT_EQ(norm(span_of(origin)).tangent, 0);
  const std::vector<Dual1> x{{3.0, 1.0}, {4.0}};
  EXPECT_DOUBLE_EQ(norm(span_of(x)).tangent, 0.6);
}

double logsumexp_of(std::vector<double> x) { return logsumexp(span_of(x)); }

TEST(Reductions, logsumexp_keeps_every_digit) {
  EXPECT_DOUBLE_EQ(logsumexp_of({1000, 1000}), 1000 + std::log(2));
  EXPECT_DOUBLE_EQ(logsumexp_of({-1000, -1001}), -1000 + std::log1p(std::exp(-1.0)));
  EXPECT_DOUBLE_EQ(logsumexp_of({0, -50}), std::log1p(std::exp(-50.0)));
  EXPECT_EQ(logsumexp_of({3.5}), 3.5);
}

TEST(Reductions, logsumexp_knows_infinities_and_nothing) {
  EXPECT_EQ(logsumexp_of({}), -kInfinity);
  EXPECT_EQ(logsumexp_of({-kInfinity, -kInfinity}), -kInfinity);
  EXPECT_EQ(logsumexp_of({-kInfinity, 2}), 2);
  EXPECT_EQ(logsumexp_of({1, kInfinity}), kInfinity);
  EXPECT_TRUE(std::isnan(logsumexp_of({1, NAN, 2})));
}

TEST(Reductions, logsumexp_has_the_softmax_for_its_gradient) {
  const double x[] = {0.3, 1.7, -2.0, 1.7};
  double total = 0;
  for (const double v : x) total += std::exp(v);
  for (std::size_t k = 0; k < 4; ++k) {
    std::vector<Dual1> seeded(x, x + 4);
    seeded[k] = Dual1(x[k], 1.0);
    EXPECT_NEAR(logsumexp(span_of(seeded)).tangent, std::exp(x[k]) / total, 1e-15);
    std::vector<Dual2> twice;
    for (const double v : x) twice.push_back(Dual2(Dual1(v)));
    twice[k] = Dual2(Dual1(x[k], 1.0), Dual1(1.0));
    const double p = std::exp(x[k]) / total;
    EXPECT_NEAR(logsumexp(span_of(twice)).tangent.tangent, p * (1 - p), 1e-15);
  }
}

}  // namespace
}  // namespace chainrule
