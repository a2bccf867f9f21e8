// Mixture: with r_c = the component's share of a point and z = Q (x − μ),
//   ∂/∂offset_c = r_c      ∂/∂μ_c = r_c Qᵀz      ∂/∂Q_ij = −r_c z_i (x − μ)_j
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const Mixture& problem, const double* inputs, Values values) {
  problem.evaluate(0, inputs, values.data());
}

void derive(const Mixture& problem, Values values, Derivatives derivatives) {
  const Index d = problem.d(), k = problem.k(), n = problem.n(), factor = problem.factor();
  const double* weights = problem.weights().data();
  const double* means = problem.means().data();
  const double* factors = problem.factors().data();
  std::fill(derivatives.begin(), derivatives.end(), 0.0);
  double* d_weights = derivatives.data();
  double* d_means = d_weights + k;
  double* d_factors = d_means + k * d;

  std::vector<double> diagonals(k * d), offsets(k);
  for (Index c = 0; c < k; ++c) {
    double sum = 0;
    for (Index i = 0; i < d; ++i) {
      sum += factors[c * factor + i];
      diagonals[c * d + i] = std::exp(factors[c * factor + i]);
    }
    offsets[c] = weights[c] + sum;
  }

  std::vector<double> centered(k * d), whitened(k * d), terms(k), shares(k, 0.0);
  double sum = 0;
  for (Index p = 0; p < n; ++p) {
    const double* x = &problem.points()[p * d];
    double largest = -HUGE_VAL;
    for (Index c = 0; c < k; ++c) {
      double* __restrict__ u = &centered[c * d];
      double* __restrict__ z = &whitened[c * d];
      const double* lower = factors + c * factor + d;
      for (Index i = 0; i < d; ++i) u[i] = x[i] - means[c * d + i];
      for (Index i = 0; i < d; ++i) z[i] = diagonals[c * d + i] * u[i];
      for (Index j = 0; j < d; ++j) {
        const double uj = u[j];
        for (Index i = j + 1; i < d; ++i) z[i] += lower[i - j - 1] * uj;
        lower += d - j - 1;
      }
      double square = 0;
      for (Index i = 0; i < d; ++i) square += z[i] * z[i];
      terms[c] = offsets[c] - 0.5 * square;
      largest = std::max(largest, terms[c]);
    }
    double total = 0;
    for (Index c = 0; c < k; ++c) total += terms[c] = std::exp(terms[c] - largest);
    sum += std::log(total) + largest;

    const double inverse = 1 / total;
    for (Index c = 0; c < k; ++c) {
      const double share = terms[c] * inverse;
      shares[c] += share;
      const double* __restrict__ u = &centered[c * d];
      const double* __restrict__ z = &whitened[c * d];
      const double* lower = factors + c * factor + d;
      double* __restrict__ d_mean = d_means + c * d;
      double* __restrict__ d_diagonal = d_factors + c * factor;
      double* __restrict__ d_lower = d_diagonal + d;
      for (Index i = 0; i < d; ++i) {
        d_mean[i] += share * diagonals[c * d + i] * z[i];
        d_diagonal[i] -= share * z[i] * u[i];
      }
      for (Index j = 0; j < d; ++j) {
        const double uj = share * u[j];
        double along = 0;
        for (Index i = j + 1; i < d; ++i) {
          along += lower[i - j - 1] * z[i];
          d_lower[i - j - 1] -= uj * z[i];
        }
        d_mean[j] += share * along;
        lower += d - j - 1;
        d_lower += d - j - 1;
      }
    }
  }

  // −n log Σ exp(weights), the prior, and what went through the diagonals and their sums.
  double largest = -HUGE_VAL;
  for (Index c = 0; c < k; ++c) largest = std::max(largest, weights[c]);
  double total = 0;
  for (Index c = 0; c < k; ++c) total += terms[c] = std::exp(weights[c] - largest);
  const double points = static_cast<double>(n);
  double prior = 0;
  const double precision = problem.gamma() * problem.gamma();
  for (Index c = 0; c < k; ++c) {
    d_weights[c] = shares[c] - points * terms[c] / total;
    double frobenius = 0;
    for (Index i = 0; i < d; ++i) {
      const double diagonal = diagonals[c * d + i];
      double& slope = d_factors[c * factor + i];
      slope = slope * diagonal + shares[c] + problem.freedom() - precision * diagonal * diagonal;
      frobenius += diagonal * diagonal;
    }
    for (Index i = d; i < factor; ++i) {
      const double entry = factors[c * factor + i];
      d_factors[c * factor + i] -= precision * entry;
      frobenius += entry * entry;
    }
    prior += problem.freedom() * (offsets[c] - weights[c]) - 0.5 * precision * frobenius;
  }
  values[0] = sum - points * (std::log(total) + largest) + prior + problem.constant();
}

}  // namespace bench::manual
