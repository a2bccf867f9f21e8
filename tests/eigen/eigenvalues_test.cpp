// Eigenvalues, which Eigen iterates for.
#include "tests/eigen/parameters.hpp"

namespace chainrule::test {
namespace {

TEST(Eigen, SelfAdjointEigenSolver_gives_eigenvalues_and_differentiates) {
  expect_gradient([]<class T>(T a, T b, T c) -> T {
    const Eigen::SelfAdjointEigenSolver<Matrix<T>> solver(spd<T>(a, b, c));
    return solver.eigenvalues()(3) * solver.eigenvalues()(0);
  });
}

}  // namespace
}  // namespace chainrule::test
