// Solving by triangular factors: Cholesky and Gauss.
#include "tests/eigen/parameters.hpp"

namespace chainrule::test {
namespace {

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

}  // namespace
}  // namespace chainrule::test
