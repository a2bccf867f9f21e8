// log Σ exp: the gradient is the shares exp(xᵢ − m) / Σ exp(x − m).
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const LogSumExp& problem, const double* inputs, Values values) {
  problem.evaluate(0, inputs, values.data());
}

void derive(const LogSumExp& problem, Values values, Derivatives derivatives) {
  const Index n = problem.inputs();
  const double* x = problem.point(0);
  double largest = x[0];
  for (Index i = 1; i < n; ++i) largest = std::max(largest, x[i]);
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += derivatives[i] = std::exp(x[i] - largest);
  const double inverse = 1 / sum;
  for (Index i = 0; i < n; ++i) derivatives[i] *= inverse;
  values[0] = std::log(sum) + largest;
}

}  // namespace bench::manual
