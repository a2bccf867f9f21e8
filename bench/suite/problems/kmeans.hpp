// The cost of k centroids of n points in d dimensions, its gradient and the diagonal of its
// Hessian, which has no other entries: what a step of Newton's method takes. Bottou & Bengio 1994;
// GradBench's kmeans.
//
//   Σᵢ minⱼ |pᵢ − cⱼ|²
#pragma once

#include <limits>
#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

class KMeans {
 public:
  static constexpr Index kOutputs = 1;
  static constexpr Tasks kTasks = Tasks::added;

  /// The last k points are the centroids, as published, so that each has a point.
  KMeans(Index k, Index n, Index d) : k_(k), d_(d), points_(Draw(11).uniforms(n * d, 0, 1)) {
    inputs_.assign(points_.end() - static_cast<std::ptrdiff_t>(k * d), points_.end());
    // Beside their points: at the points themselves the parts of the gradient would be 0 exactly.
    Draw draw(12);
    for (double& x : inputs_) x += 1e-3 * draw.normal();
  }
  KMeans(Index d, std::vector<double> points, std::vector<double> centroids)
      : k_(centroids.size() / d),
        d_(d),
        points_(std::move(points)),
        inputs_(std::move(centroids)) {}

  Index count() const { return 1; }
  Index inputs() const { return inputs_.size(); }
  /// Short, lest a point change its centroid.
  double step() const { return 1e-7; }
  const double* point(Index) const { return inputs_.data(); }
  std::vector<Part> groups() const {
    return {{"gradient", inputs_.size()}, {"curvature", inputs_.size()}};
  }

  Index k() const { return k_; }
  Index d() const { return d_; }
  Index n() const { return points_.size() / d_; }
  std::span<const double> points() const { return points_; }
  std::span<const double> centroids() const { return inputs_; }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    S sum = 0.0;
    for (Index i = 0; i < n(); ++i) {
      const double* p = &points_[i * d_];
      S closest = square_distance(x, p);
      for (Index j = 1; j < k_; ++j) closest = smaller<S>(closest, square_distance(x + j * d_, p));
      sum += closest;
    }
    y[0] = sum;
  }

  /// `point` may be of another type than S.
  template <class S, class X>
  S square_distance(const S* centroid, const X* point) const {
    S sum = 0.0;
    for (Index i = 0; i < d_; ++i) {
      const S difference = point[i] - centroid[i];
      sum += difference * difference;
    }
    return sum;
  }

 private:
  Index k_, d_;
  std::vector<double> points_, inputs_;
};

}  // namespace bench
