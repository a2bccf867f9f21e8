// Factors that are rotations: QR and singular values.
#include "tests/eigen/parameters.hpp"

namespace chainrule::test {
namespace {

TEST(Eigen, HouseholderQR_solves_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    return spd<T>(a, b, c).householderQr().solve(right_side<T>()).sum();
  });
}

TEST(Eigen, JacobiSVD_gives_singular_values_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    return Eigen::JacobiSVD<Matrix<T>>(spd<T>(a, b, c)).singularValues()(0);
  });
}

}  // namespace
}  // namespace chainrule::test
