// k-means: rows are points. A first kernel, a loop over the centroids, finds each point's;
// the second, which is differentiated twice, reads that centroid through the index and adds its
// gradient and curvature to the centroid's. (By the envelope theorem the minimum depends on the
// closest centroid alone.)
#pragma once

#include <array>
#include <limits>

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/kmeans.hpp"
#include "chainrule/transform/loop.hpp"

namespace bench::suite {

class CompiledKMeans {
 public:
  explicit CompiledKMeans(const KMeans& problem)
      : problem_(problem),
        d_(problem.d()),
        closest_(kernels_.make([&] { return closest(); })),
        distance_(kernels_.make([&] { return distance(); })),
        which_(problem.n()),
        index_(problem.n()) {}

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, std::span<double> curvature, unsigned threads) {
    const Source points = Source::rows(problem_.points(), d_);
    const Source all[] = {Source::shared(problem_.centroids()), points};
    const Sink which[] = {Sink::rows(which_, 1)};
    closest_.run(all, which, problem_.n(), threads);
    for (Index i = 0; i < index_.size(); ++i) {
      index_[i] = static_cast<std::uint32_t>(static_cast<std::int32_t>(which_[i]));
    }

    std::fill(gradient.begin(), gradient.end(), 0.0);
    std::fill(curvature.begin(), curvature.end(), 0.0);
    double cost = 0;
    const Source own[] = {Source::gathered(problem_.centroids(), d_, index_), points};
    const Sink sinks[] = {Sink::sum({&cost, 1}), Sink::added(gradient, d_, index_),
                          Sink::added(curvature, d_, index_)};
    distance_.run(own, sinks, problem_.n(), threads);
    return cost;
  }

 private:
  /// (centroids, point) ↦ the number of the closest, a loop over the centroids.
  Function closest() const {
    return chainrule::record(
        [this](const Scalars& centroids, const Scalars& point) {
          using Best = std::array<Scalar, 2>;  // the distance, and of which
          std::vector<std::vector<Scalar>> rows(problem_.k());
          for (Index j = 0; j < problem_.k(); ++j) {
            rows[j].assign(at(centroids, j * d_), at(centroids, (j + 1) * d_));
            rows[j].push_back(static_cast<double>(j));
          }
          const Best start{std::numeric_limits<double>::infinity(), 0.0};
          const Best best = chainrule::fold(
              [this, point](const Best& so_far, const std::vector<Scalar>& row) {
                const Scalar square = problem_.square_distance(row.data(), point.data());
                const auto closer = square < so_far[0];
                return Best{select(closer, square, so_far[0]), select(closer, row[d_], so_far[1])};
              },
              start, rows);
          return best[1];
        },
        chainrule::shape(problem_.k() * d_), chainrule::shape(d_));
  }
  /// (centroid, point) ↦ the distance, its gradient, and its curvature by each coordinate.
  Function distance() const {
    return chainrule::record(
        [this](const Scalars& centroid, const Scalars& point) {
          const auto square = [&](const Scalars& c) {
            return problem_.square_distance(c.data(), point.data());
          };
          Scalars out{square(centroid)};
          append(out, chainrule::grad(square)(centroid));
          append(out, chainrule::hvp(square)(centroid, Scalars(d_, 1.0)));
          return out;
        },
        chainrule::shape(d_), chainrule::shape(d_));
  }

  const KMeans& problem_;
  const Index d_;
  Kernels kernels_;
  Kernel closest_, distance_;
  std::vector<double> which_;
  std::vector<std::uint32_t> index_;
};

}  // namespace bench::suite
