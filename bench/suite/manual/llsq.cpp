// Least squares: with r the residual at t, ∂/∂xⱼ = −Σ r tʲ. The powers are kept.
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const LeastSquares& problem, const double* inputs, Values values) {
  problem.evaluate(0, inputs, values.data());
}

void derive(const LeastSquares& problem, Values values, Derivatives derivatives) {
  const Index m = problem.inputs();
  const double* x = problem.point(0);
  std::fill(derivatives.begin(), derivatives.end(), 0.0);
  double* __restrict__ slopes = derivatives.data();
  std::vector<double> kept(m);
  double* __restrict__ powers = kept.data();
  double sum = 0;
  for (Index i = 0; i < problem.places().size(); ++i) {
    const double t = problem.places()[i];
    double residual = problem.signs()[i], power = 1;
    for (Index j = 0; j < m; ++j) {
      powers[j] = power;
      residual -= x[j] * power;
      power *= t;
    }
    for (Index j = 0; j < m; ++j) slopes[j] -= residual * powers[j];
    sum += residual * residual;
  }
  values[0] = 0.5 * sum;
}

}  // namespace bench::manual
