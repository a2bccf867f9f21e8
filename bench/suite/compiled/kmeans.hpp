// k-means: rows are points. A first kernel finds each point's centroid, a few centroids at a time;
// the second, which is differentiated twice, reads that centroid through the index and adds its
// gradient and curvature to the centroid's. (By the envelope theorem the minimum depends on the
// closest centroid alone.)
#pragma once

#include <limits>

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/kmeans.hpp"

namespace bench::suite {

class CompiledKMeans {
 public:
  explicit CompiledKMeans(const KMeans& problem)
      : problem_(problem),
        d_(problem.d()),
        closest_(kernels_.make([&] { return closest(std::min(kAtOnce, problem.k())); })),
        closest_of_rest_(problem.k() % kAtOnce == 0 || problem.k() < kAtOnce
                             ? closest_
                             : kernels_.make([&] { return closest(problem.k() % kAtOnce); })),
        distance_(kernels_.make([&] { return distance(); })),
        least_(2 * kBlock),
        which_(2 * kBlock),
        index_(problem.n()) {}

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, std::span<double> curvature, unsigned threads) {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    std::fill(curvature.begin(), curvature.end(), 0.0);
    for (Index first = 0; first < problem_.n(); first += kBlock) {
      find_closest(first, std::min(kBlock, problem_.n() - first), threads);
    }
    double cost = 0;
    const Source sources[] = {Source::gathered(problem_.centroids(), d_, index_),
                              Source::rows(problem_.points(), d_)};
    const Sink sinks[] = {Sink::sum({&cost, 1}), Sink::added(gradient, d_, index_),
                          Sink::added(curvature, d_, index_)};
    distance_.run(sources, sinks, problem_.n(), threads);
    return cost;
  }

 private:
  static constexpr Index kAtOnce = 8, kBlock = 4096;

  /// (centroids, number of the first; point, least distance so far, of which) ↦ the last two anew.
  Function closest(Index many) const {
    return chainrule::record(
        [this, many](const Scalars& centroids, const Scalar& first, const Scalars& point,
                     const Scalar& least, const Scalar& of) {
          Scalar best = least, which = of;
          for (Index j = 0; j < many; ++j) {
            const Scalar square = problem_.square_distance(at(centroids, j * d_), point.data());
            which = select(square < best, first + static_cast<double>(j), which);
            best = min(square, best);
          }
          return std::vector{best, which};
        },
        chainrule::shape(many * d_), 0.0, chainrule::shape(d_), 1.0, 0.0);
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

  void find_closest(Index first, Index rows, unsigned threads) {
    const Source points = Source::rows(problem_.points().subspan(first * d_, rows * d_), d_);
    std::fill_n(least_.begin(), rows, std::numeric_limits<double>::infinity());
    Index from = 0, to = kBlock;
    for (Index j = 0; j < problem_.k(); j += kAtOnce) {
      const Index many = std::min(kAtOnce, problem_.k() - j);
      const auto number = static_cast<double>(j);
      const Source sources[] = {
          Source::shared(problem_.centroids().subspan(j * d_, many * d_)),
          Source::shared({&number, 1}), points,
          Source::rows(std::span<const double>(least_).subspan(from, rows), 1),
          Source::rows(std::span<const double>(which_).subspan(from, rows), 1)};
      const Sink sinks[] = {Sink::rows(std::span(least_).subspan(to, rows), 1),
                            Sink::rows(std::span(which_).subspan(to, rows), 1)};
      (j + kAtOnce <= problem_.k() || problem_.k() < kAtOnce ? closest_ : closest_of_rest_)
          .run(sources, sinks, rows, threads);
      std::swap(from, to);
    }
    for (Index r = 0; r < rows; ++r) {
      index_[first + r] = static_cast<std::uint32_t>(static_cast<std::int32_t>(which_[from + r]));
    }
  }

  const KMeans& problem_;
  const Index d_;
  Kernels kernels_;
  Kernel closest_, closest_of_rest_, distance_;
  std::vector<double> least_, which_;
  std::vector<std::uint32_t> index_;
};

}  // namespace bench::suite
