// Mixture: rows are points. The factors' diagonals and log-determinants are made before, a row a
// component; the prior and what passed through the diagonals after, again a row a component.
//
// Small mixtures are one Function of a point. Large ones, whose code would not fit in the caches,
// are two of a point and one component: the term; and, once the shares are known, its gradient.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/gmm.hpp"

namespace bench::suite {

class CompiledMixture {
 public:
  explicit CompiledMixture(const Mixture& problem)
      : problem_(problem),
        d_(problem.d()),
        k_(problem.k()),
        factor_(problem.factor()),
        width_(1 + d_ + factor_),
        by_component_(k_ * d_ * d_ > kMostSquares),
        shared_(k_ * width_),
        shared_bar_(1 + k_ * width_),
        before_(kernels_.make([&] { return before(); })),
        after_(kernels_.make([&] { return after(); })),
        weights_(kernels_.make([&] { return log_sum(); })),
        point_(by_component_ ? weights_ : kernels_.make([&] { return point(); })),
        term_(by_component_ ? kernels_.make([&] { return term(); }) : point_),
        pull_(by_component_ ? kernels_.make([&] { return pull(); }) : point_) {
    if (by_component_) {
      terms_.resize(k_ * kBlock);
      shares_.resize(k_ * kBlock);
      sums_.resize(width_);
    }
  }

  const Kernels& kernels() const { return kernels_; }

  /// The objective, and its gradient in the layout of the inputs.
  double run(std::span<double> gradient, unsigned threads) {
    // Shared by the points: offsets, means, expanded factors.
    const std::span<double> shared(shared_);
    const std::span offsets = shared.first(k_), means = shared.subspan(k_, k_ * d_);
    const std::span expanded = shared.last(k_ * factor_);
    before_.run(
        std::vector{Source::rows(problem_.weights(), 1), Source::rows(problem_.factors(), factor_)},
        std::vector{Sink::rows(offsets, 1), Sink::rows(expanded, factor_)}, k_);
    std::copy(problem_.means().begin(), problem_.means().end(), means.begin());

    const double sum = by_component_ ? sum_by_component(threads) : sum_by_point(threads);
    const std::span<const double> bar = std::span(shared_bar_).subspan(1);
    const std::span d_weights = gradient.first(k_);
    std::copy(bar.begin() + static_cast<std::ptrdiff_t>(k_),
              bar.begin() + static_cast<std::ptrdiff_t>(k_ + k_ * d_),
              gradient.begin() + static_cast<std::ptrdiff_t>(k_));

    double prior = 0;
    after_.run(
        std::vector{Source::rows(problem_.factors(), factor_), Source::rows(bar.first(k_), 1),
                    Source::rows(bar.last(k_ * factor_), factor_)},
        std::vector{Sink::sum({&prior, 1}), Sink::rows(gradient.last(k_ * factor_), factor_)}, k_);
    const auto n = static_cast<double>(problem_.n());
    // Of log Σ exp(weights): the value, then the gradient.
    weight_slopes_.resize(1 + k_);
    weights_.evaluate(problem_.weights(), weight_slopes_);
    for (Index c = 0; c < k_; ++c) d_weights[c] = bar[c] - n * weight_slopes_[1 + c];
    return sum - n * weight_slopes_[0] + prior + problem_.constant();
  }

 private:
  static constexpr Index kMostSquares = 6000, kBlock = 1024;

  Function before() const {
    return chainrule::record(
        [this](const Scalar& weight, const Scalars& factor) {
          Scalars out(1 + factor_);
          out[0] = weight + problem_.expand(factor.data(), &out[1]);
          std::copy(factor.begin() + static_cast<std::ptrdiff_t>(d_), factor.end(),
                    out.begin() + 1 + static_cast<std::ptrdiff_t>(d_));
          return out;
        },
        0.0, chainrule::shape(factor_));
  }
  Function after() const {
    return chainrule::record(
        [this](const Scalars& factor, const Scalar& offset_bar, const Scalars& expanded_bar) {
          Scalars expanded(factor);
          const Scalar log_determinant = problem_.expand(factor.data(), expanded.data());
          const Scalar prior = problem_.prior_of(log_determinant, expanded.data());
          Scalar pulled = prior + offset_bar * log_determinant;
          for (Index i = 0; i < factor_; ++i) pulled += expanded_bar[i] * expanded[i];
          Scalars out{prior};
          append(out, chainrule::recorded_gradient(pulled, factor));
          return out;
        },
        chainrule::shape(factor_), 0.0, chainrule::shape(factor_));
  }
  Function log_sum() const {
    return chainrule::value_and_grad(chainrule::record(
        [](const Scalars& x) { return log_sum_of_exp(x.data(), x.size()); }, chainrule::shape(k_)));
  }
  /// (offsets, means, expanded factors; x) ↦ log Σ exp(terms) and its gradient.
  Function point() const {
    return chainrule::value_and_grad(chainrule::record(
        [this](const Scalars& shared, const Scalars& x) {
          Scalars room(k_ + 2 * d_);
          return problem_.point_term(shared.data(), at(shared, k_), at(shared, k_ + k_ * d_),
                                     x.data(), room.data());
        },
        chainrule::shape(k_ * width_), chainrule::shape(d_)));
  }
  Scalar term_of(const Scalar& offset, const Scalars& mean, const Scalars& expanded,
                 const Scalars& x) const {
    Scalars room(2 * d_);
    return problem_.component_term(offset, mean.data(), expanded.data(), x.data(), room.data());
  }
  Function term() const {
    return chainrule::record(
        [this](const Scalar& offset, const Scalars& mean, const Scalars& expanded,
               const Scalars& x) { return term_of(offset, mean, expanded, x); },
        0.0, chainrule::shape(d_), chainrule::shape(factor_), chainrule::shape(d_));
  }
  /// share · ∂term/∂(offset, mean, expanded factor).
  Function pull() const {
    return chainrule::record(
        [this](const Scalar& offset, const Scalars& mean, const Scalars& expanded, const Scalars& x,
               const Scalar& share) {
          Scalars by{offset};
          append(by, mean);
          append(by, expanded);
          return chainrule::recorded_vjp(std::vector{term_of(offset, mean, expanded, x)},
                                         std::vector{share}, by);
        },
        0.0, chainrule::shape(d_), chainrule::shape(factor_), chainrule::shape(d_), 0.0);
  }

  double sum_by_point(unsigned threads) {
    point_.run(std::vector{Source::shared(shared_), Source::rows(problem_.points(), d_)},
               std::vector{Sink::sum(shared_bar_)}, problem_.n(), threads);
    return shared_bar_[0];
  }

  double sum_by_component(unsigned threads) {
    std::fill(shared_bar_.begin(), shared_bar_.end(), 0.0);
    double total = 0;
    for (Index first = 0; first < problem_.n(); first += kBlock) {
      const Index rows = std::min(kBlock, problem_.n() - first);
      const Source x = Source::rows(problem_.points().subspan(first * d_, rows * d_), d_);
      const std::span<double> terms = std::span(terms_).first(k_ * rows);
      const std::span<double> shares = std::span(shares_).first(k_ * rows);
      for (Index c = 0; c < k_; ++c) {
        term_.run(std::vector{offset_of(c), mean_of(c), expanded_of(c), x},
                  std::vector{Sink::rows(terms.subspan(c * rows, rows), 1)}, rows, threads);
      }
      double sum = 0;
      point_.run(std::vector{Source::columns(terms, rows)},
                 std::vector{Sink::sum({&sum, 1}), to_columns(shares, k_, rows)}, rows, threads);
      total += sum;
      for (Index c = 0; c < k_; ++c) {
        pull_.run(std::vector{offset_of(c), mean_of(c), expanded_of(c), x,
                              Source::rows(shares.subspan(c * rows, rows), 1)},
                  std::vector{Sink::sum(sums_)}, rows, threads);
        double* bar = &shared_bar_[1];
        bar[c] += sums_[0];
        for (Index i = 0; i < d_; ++i) bar[k_ + c * d_ + i] += sums_[1 + i];
        for (Index i = 0; i < factor_; ++i) {
          bar[k_ + k_ * d_ + c * factor_ + i] += sums_[1 + d_ + i];
        }
      }
    }
    return total;
  }
  Source offset_of(Index c) const { return Source::shared(std::span(shared_).subspan(c, 1)); }
  Source mean_of(Index c) const {
    return Source::shared(std::span(shared_).subspan(k_ + c * d_, d_));
  }
  Source expanded_of(Index c) const {
    return Source::shared(std::span(shared_).subspan(k_ + k_ * d_ + c * factor_, factor_));
  }

  const Mixture& problem_;
  const Index d_, k_, factor_, width_;
  const bool by_component_;
  std::vector<double> shared_, shared_bar_, terms_, shares_, sums_, weight_slopes_;
  Kernels kernels_;
  Kernel before_, after_, weights_, point_, term_, pull_;
};

}  // namespace bench::suite
