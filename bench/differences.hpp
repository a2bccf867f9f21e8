// Derivatives held against central differences of fourth order in long double, along a few
// directions: some random, some of one input alone. What is compared is Σ derivative · direction,
// relative to Σ |derivative · direction| + 10⁻³ of the largest derivative.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <vector>

namespace bench {

/// ∂f/∂direction of f(const long double* x, long double* y) with `outputs` results.
template <class F>
std::vector<long double> slope(const F& f, std::span<const double> at, std::size_t outputs,
                               long double step, std::span<const double> along) {
  std::vector<long double> x(at.size()), y(outputs), slopes(outputs);
  for (const int steps : {-2, -1, 1, 2}) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = at[i] + steps * step * along[i];
    f(x.data(), y.data());
    const long double weight = steps == -2 ? 1 : steps == -1 ? -8 : steps == 1 ? 8 : -1;
    for (std::size_t o = 0; o < outputs; ++o) slopes[o] += weight * y[o] / (12 * step);
  }
  return slopes;
}

/// The largest relative error of a Jacobian, outputs × inputs, row-major.
template <class F>
double error_against_differences(const F& f, std::span<const double> at, std::size_t outputs,
                                 long double step, std::span<const double> jacobian,
                                 int directions = 6) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(0.5, 1);
  const std::size_t n = at.size();
  double worst = 0, largest = 0;
  for (const double entry : jacobian) largest = std::max(largest, std::fabs(entry));
  for (int k = 0; k < directions; ++k) {
    std::vector<double> along(n);
    for (double& part : along) part = uniform(random);
    if (k % 2 == 1) {
      std::fill(along.begin(), along.end(), 0.0);
      along[random() % n] = 1;
    }
    const std::vector<long double> truth = slope(f, at, outputs, step, along);
    for (std::size_t o = 0; o < outputs; ++o) {
      long double ours = 0, size = 0;
      for (std::size_t i = 0; i < n; ++i) {
        ours += static_cast<long double>(jacobian[o * n + i]) * along[i];
        size += std::fabs(jacobian[o * n + i] * along[i]);
      }
      if (ours == truth[o]) continue;  // 0 where both ignore the direction
      const auto error = static_cast<double>(std::fabs(ours - truth[o]) / (size + 1e-3L * largest));
      worst = error <= worst ? worst : error;  // a NaN is the worst
    }
  }
  return worst;
}

}  // namespace bench
