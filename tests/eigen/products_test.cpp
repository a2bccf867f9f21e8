// Sums and products, and plain numbers among them.
#include "tests/eigen/parameters.hpp"

namespace chainrule::test {
namespace {

TEST(Eigen, products_norms_and_plain_numbers_mix) {
  const Frame frame = Tape::active().frame();
  Vector<Scalar> v(3);
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
}  // namespace chainrule::test
