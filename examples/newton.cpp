// Newton's method on Rosenbrock's function with an exact Hessian, and a frame that gives memory
// back.
#include <Eigen/Dense>
#include <chainrule/chainrule.hpp>
#include <iostream>

using namespace chainrule;

// Works for double and for Scalar.
template <class T>
T rosenbrock(T x, T y) {
  return (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);
}

int main() {
  Eigen::Vector2d at(-1.2, 1.0);
  for (int step = 0; step < 20; ++step) {
    const Frame frame = Tape::active().frame();  // rewound at the end of each step
    const Scalar xs[] = {variable(at[0], "x"), variable(at[1], "y")};
    const Scalar f = rosenbrock(xs[0], xs[1]);

    const auto g = gradient(f, xs);
    const auto h = hessian(f, xs);  // row-major, 2 x 2
    at -= Eigen::Map<const Eigen::Matrix2d>(h.data()).ldlt().solve(
        Eigen::Map<const Eigen::Vector2d>(g.data()));
  }
  std::cout << "minimum at " << at.transpose() << ", f = " << rosenbrock(at[0], at[1]) << '\n';
  return (at - Eigen::Vector2d(1, 1)).norm() < 1e-12 ? 0 : 1;
}
