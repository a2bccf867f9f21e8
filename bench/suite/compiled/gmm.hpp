// Mixture: rows are points, and the components of a row a loop. The factors' diagonals and
// log-determinants are made before, a row a component; the prior and what passed through the
// diagonals after, again a row a component.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/gmm.hpp"
#include "chainrule/transform/loop.hpp"

namespace bench::suite {

class CompiledMixture {
 public:
  explicit CompiledMixture(const Mixture& problem)
      : problem_(problem),
        d_(problem.d()),
        k_(problem.k()),
        factor_(problem.factor()),
        shared_(k_ * (1 + d_ + factor_)),
        sums_(1 + shared_.size()),
        weight_slopes_(1 + k_),
        before_(kernels_.make([&] { return before(); })),
        point_(kernels_.make([&] { return point(); })),
        after_(kernels_.make([&] { return after(); })),
        weights_(kernels_.make([&] { return log_sum(); })) {}

  const Kernels& kernels() const { return kernels_; }

  /// The objective, and its gradient in the layout of the inputs.
  double run(std::span<double> gradient, unsigned threads) {
    // Shared by the points: offsets, means, expanded factors.
    const std::span<double> shared(shared_);
    const std::span offsets = shared.first(k_), expanded = shared.last(k_ * factor_);
    const Source weights = Source::rows(problem_.weights(), 1);
    const Source factors = Source::rows(problem_.factors(), factor_);
    before_.run(std::vector{weights, factors},
                std::vector{Sink::rows(offsets, 1), Sink::rows(expanded, factor_)}, k_);
    std::copy(problem_.means().begin(), problem_.means().end(), &shared_[k_]);

    point_.run(std::vector{Source::shared(shared_), Source::rows(problem_.points(), d_)},
               std::vector{Sink::sum(sums_)}, problem_.n(), threads);
    const std::span<const double> bar = std::span(sums_).subspan(1);
    const std::span offsets_bar = bar.first(k_), means_bar = bar.subspan(k_, k_ * d_);
    std::copy(means_bar.begin(), means_bar.end(), &gradient[k_]);

    double prior = 0;
    after_.run(
        std::vector{factors, Source::rows(offsets_bar, 1),
                    Source::rows(bar.last(k_ * factor_), factor_)},
        std::vector{Sink::sum({&prior, 1}), Sink::rows(gradient.last(k_ * factor_), factor_)}, k_);
    const auto n = static_cast<double>(problem_.n());
    weights_.evaluate(problem_.weights(), weight_slopes_);
    for (Index c = 0; c < k_; ++c) gradient[c] = offsets_bar[c] - n * weight_slopes_[1 + c];
    return sums_[0] - n * weight_slopes_[0] + prior + problem_.constant();
  }

 private:
  /// (weight, factor) ↦ offset and expanded factor of a component.
  Function before() const {
    return chainrule::record(
        [this](const Scalar& weight, const Scalars& factor) {
          Scalars out{Scalar()};
          append(out, factor);
          out[0] = weight + problem_.expand(factor.data(), &out[1]);
          return out;
        },
        0.0, chainrule::shape(factor_));
  }
  /// (offsets, means, expanded factors; x) ↦ log Σ exp(terms) and its gradient.
  Function point() const {
    return chainrule::value_and_grad(chainrule::record(
        [this](const Scalars& shared, const Scalars& x) {
          const Scalars offsets(at(shared, 0), at(shared, k_));
          const Scalars terms = chainrule::map(
              [this, x](const Scalar& offset, const Scalars& mean, const Scalars& expanded) {
                Scalars room(2 * d_);
                return problem_.component_term(offset, mean.data(), expanded.data(), x.data(),
                                               room.data());
              },
              offsets, by_component(at(shared, k_), d_),
              by_component(at(shared, k_ + k_ * d_), factor_));
          return log_sum_of_exp(terms.data(), k_);
        },
        chainrule::shape(shared_.size()), chainrule::shape(d_)));
  }
  std::vector<Scalars> by_component(const Scalar* numbers, Index width) const {
    std::vector<Scalars> rows;
    for (Index c = 0; c < k_; ++c)
      rows.emplace_back(numbers + c * width, numbers + (c + 1) * width);
    return rows;
  }
  /// (factor, adjoints of offset and expanded factor) ↦ the component's prior; and by the factor
  /// the derivative of the prior and of what the adjoints are of.
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

  const Mixture& problem_;
  const Index d_, k_, factor_;
  std::vector<double> shared_, sums_, weight_slopes_;
  Kernels kernels_;
  Kernel before_, point_, after_, weights_;
};

}  // namespace bench::suite
