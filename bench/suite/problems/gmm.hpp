// The log-posterior of a mixture of k Gaussians in d dimensions at n points, with a Wishart prior.
// ADBench (Šrajer, Kukelova & Fitzgibbon 2018), section 4.1, with the signs as GradBench states
// them.
//
//   Σ_p log Σ_c exp(α_c + Σ_i q_ci − ½|Q_c (x_p − μ_c)|²) − n log Σ_c exp(α_c) + prior + constants
//
// Inputs: the weights' logarithms α, the means μ, and for each component the factor of the inverse
// covariance Q: logarithms q of the diagonal, then the strict lower triangle by columns.
#pragma once

#include <algorithm>
#include <numbers>
#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

class Mixture {
 public:
  static constexpr Index kOutputs = 1;
  static constexpr Tasks kTasks = Tasks::added;

  Mixture(Index d, Index k, Index n) : d_(d), k_(k), n_(n) {
    Draw draw(2);
    points_.resize(n * d);
    inputs_.resize(k * (1 + d + factor()));
    for (double& coordinate : points_) coordinate = draw.normal();
    for (double& x : inputs_) x = 0.3 * draw.normal();
  }
  /// `gamma` and `freedom` are those of the prior: its precision, its additional degrees of
  /// freedom.
  Mixture(Index d, Index k, std::vector<double> points, std::vector<double> inputs, double gamma,
          double freedom)
      : d_(d),
        k_(k),
        n_(points.size() / d),
        gamma_(gamma),
        freedom_(freedom),
        points_(std::move(points)),
        inputs_(std::move(inputs)) {}

  Index count() const { return 1; }
  Index inputs() const { return inputs_.size(); }
  double step() const { return 1e-4; }
  const double* point(Index) const { return inputs_.data(); }
  std::vector<Part> groups() const {
    return {{"weights", k_}, {"means", k_ * d_}, {"factors", k_ * factor()}};
  }

  Index d() const { return d_; }
  Index k() const { return k_; }
  Index n() const { return n_; }
  /// Numbers of a factor.
  Index factor() const { return d_ * (d_ + 1) / 2; }
  double gamma() const { return gamma_; }
  double freedom() const { return freedom_; }
  std::span<const double> points() const { return points_; }
  std::span<const double> weights() const { return {inputs_.data(), k_}; }
  std::span<const double> means() const { return {inputs_.data() + k_, k_ * d_}; }
  std::span<const double> factors() const { return {inputs_.data() + k_ + k_ * d_, k_ * factor()}; }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    const S* weights = x;
    const S* means = weights + k_;
    const S* factors = means + k_ * d_;
    std::vector<S> offsets(k_), expanded(factors, factors + k_ * factor()), room(k_ + 2 * d_);
    S prior = 0.0;
    for (Index c = 0; c < k_; ++c) {
      const S log_determinant = expand(factors + c * factor(), &expanded[c * factor()]);
      offsets[c] = weights[c] + log_determinant;
      prior += prior_of(log_determinant, &expanded[c * factor()]);
    }
    S sum = 0.0;
    for (Index p = 0; p < n_; ++p) {
      sum += point_term(offsets.data(), means, expanded.data(), &points_[p * d_], room.data());
    }
    y[0] = sum - static_cast<double>(n_) * log_sum_of_exp(weights, k_) + prior + constant();
  }

  // ---- the parts, of which rows and components are made
  // ------------------------------------------

  /// The diagonal of a factor from its logarithms, whose sum is given back: log det Q.
  template <class S>
  S expand(const S* factor, S* expanded) const {
    using std::exp;
    S sum = 0.0;
    for (Index i = 0; i < d_; ++i) {
      sum += factor[i];
      expanded[i] = exp(factor[i]);
    }
    return sum;
  }

  /// offset − ½|Q (x − μ)|². `point` may be of another type than S; `room` is for 2 d numbers.
  template <class S, class X>
  S component_term(const S& offset, const S* mean, const S* expanded, const X* point,
                   S* room) const {
    S square = 0.0;
    const S* lower = expanded + d_;
    S *centered = room, *whitened = room + d_;
    for (Index i = 0; i < d_; ++i) centered[i] = point[i] - mean[i];
    for (Index i = 0; i < d_; ++i) whitened[i] = expanded[i] * centered[i];
    for (Index j = 0; j < d_; ++j) {
      const Index below = d_ - j - 1;
      for (Index i = 0; i < below; ++i) whitened[j + 1 + i] += lower[i] * centered[j];
      lower += below;
    }
    for (Index i = 0; i < d_; ++i) square += whitened[i] * whitened[i];
    return offset - 0.5 * square;
  }

  /// log Σ_c exp(term of c) at a point; `room` is for k + 2 d numbers.
  template <class S, class X>
  S point_term(const S* offsets, const S* means, const S* expanded, const X* point, S* room) const {
    for (Index c = 0; c < k_; ++c) {
      room[c] =
          component_term(offsets[c], means + c * d_, expanded + c * factor(), point, room + k_);
    }
    return log_sum_of_exp(room, k_);
  }

  /// A component's part of the Wishart prior, up to its constant.
  template <class S>
  S prior_of(const S& log_determinant, const S* expanded) const {
    S frobenius = 0.0;
    for (Index i = 0; i < factor(); ++i) frobenius += expanded[i] * expanded[i];
    return freedom_ * log_determinant - 0.5 * gamma_ * gamma_ * frobenius;
  }

  /// What depends on no input: the normalisation of the Gaussians and of the prior.
  double constant() const {
    const auto d = static_cast<double>(d_), k = static_cast<double>(k_);
    const double degrees = d + freedom_ + 1;
    double log_gamma = 0.25 * d * (d - 1) * std::log(std::numbers::pi);
    for (Index i = 0; i < d_; ++i) {
      log_gamma += std::lgamma(0.5 * (degrees - static_cast<double>(i)));
    }
    return -0.5 * static_cast<double>(n_) * d * std::log(2 * std::numbers::pi) +
           k * (degrees * d * (std::log(gamma_) - 0.5 * std::numbers::ln2) - log_gamma);
  }

 private:
  Index d_, k_, n_;
  double gamma_ = 1, freedom_ = 0;
  std::vector<double> points_, inputs_;
};

}  // namespace bench
