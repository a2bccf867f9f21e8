// Rosenbrock's valley by L-BFGS: in two numbers, and in a tensor of a hundred.
#include <chainrule/nn/nn.hpp>
#include <cstdio>

using namespace chainrule;

int main() {
  // Numbers: code on a vector of Scalars.
  const nn::Minimum found = nn::minimise(
      [](const std::vector<Scalar>& x) {
        return 100.0 * pow(x[1] - x[0] * x[0], 2) + pow(1.0 - x[0], 2);
      },
      {-1.2, 1.0});
  std::printf("(%.9f, %.9f) after %d steps\n", found.x[0], found.x[1], int(found.steps));

  // A tensor: Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)².
  const nn::Parameter x(zeros({100}));
  const auto valley = [&] {
    const Tensor v = x;
    const Tensor left = v(Range{0, -1}), right = v(Range{1});
    return sum(100.0 * square(right - square(left)) + square(1.0 - left));
  };
  const nn::ParameterRef by[] = {x};
  nn::LBFGS search(by);
  int steps = 0;
  double value = 0;
  for (; search.outcome() == nn::Outcome::running; ++steps) value = search.step(valley);
  const double error = amax(abs(x.value() - 1.0)).item();
  std::printf("100 numbers: f = %.1e after %d steps, at most %.1e from 1\n", value, steps, error);

  const bool is_there = std::abs(found.x[0] - 1) < 1e-6 && std::abs(found.x[1] - 1) < 1e-6;
  return is_there && error < 1e-6 ? 0 : 1;
}
