// k-means: the gradient by a centroid is 2 Σ (c − p) over its points, the curvature 2 a point.
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const KMeans& problem, const double* inputs, Values values) {
  problem.evaluate(0, inputs, values.data());
}

void derive(const KMeans& problem, Values values, Derivatives derivatives) {
  const Index k = problem.k(), d = problem.d(), n = problem.n();
  const double* centroids = problem.centroids().data();
  double* sums = derivatives.data();
  double* curvatures = sums + k * d;
  std::fill(sums, sums + k * d, 0.0);
  std::vector<double> members(k, 0.0);
  double cost = 0;
  for (Index i = 0; i < n; ++i) {
    const double* p = &problem.points()[i * d];
    double closest = HUGE_VAL;
    Index of = 0;
    for (Index j = 0; j < k; ++j) {
      const double* c = centroids + j * d;
      double square = 0;
      for (Index l = 0; l < d; ++l) square += (p[l] - c[l]) * (p[l] - c[l]);
      if (square < closest) {
        closest = square;
        of = j;
      }
    }
    cost += closest;
    members[of] += 1;
    for (Index l = 0; l < d; ++l) sums[of * d + l] += p[l];
  }
  for (Index j = 0; j < k; ++j) {
    for (Index l = 0; l < d; ++l) {
      sums[j * d + l] = 2 * (members[j] * centroids[j * d + l] - sums[j * d + l]);
      curvatures[j * d + l] = 2 * members[j];
    }
  }
  values[0] = cost;
}

}  // namespace bench::manual
