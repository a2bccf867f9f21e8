// The four problems that every contestant differentiates, written once over a scalar type S.
//
// A problem is a list of tasks of one shape: count() of them, each with inputs() and kOutputs;
// point(t) is the inputs of task t, evaluate(t, x, y) computes its outputs from them, and step() is
// a step for central differences. A contestant records a task, sweeps once for each output, and
// forgets it. Data are synthetic, from a seed. The mixture and the reprojection error are those of
// ADBench (Šrajer, Kukelova & Fitzgibbon 2018).
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <random>
#include <vector>

namespace bench {

using Index = std::size_t;

/// t ← (t a + b) / c − d, a statement an operation: nothing but arithmetic, one long dependency.
class Chain {
 public:
  explicit Chain(Index rounds) : rounds_(rounds) {}
  static constexpr Index kOutputs = 1;
  Index count() const { return 1; }
  Index inputs() const { return 5; }
  double step() const { return 1e-3 / static_cast<double>(rounds_); }
  // a = c and b = c d: value and adjoint neither grow nor fade.
  const double* point(Index) const {
    static constexpr double kStart[] = {1.0, 1.25, 0.625, 1.25, 0.5};
    return kStart;
  }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    S t = x[0];
    for (Index i = 0; i < rounds_; ++i) {
      t *= x[1];
      t += x[2];
      t /= x[3];
      t -= x[4];
    }
    y[0] = t;
  }

 private:
  Index rounds_;
};

/// The same chain as one expression a round: what libraries of expression templates are made for.
class Expression : public Chain {
 public:
  explicit Expression(Index rounds) : Chain(rounds), rounds_(rounds) {}

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    S t = x[0];
    for (Index i = 0; i < rounds_; ++i) t = (t * x[1] + x[2]) / x[3] - x[4];
    y[0] = t;
  }

 private:
  Index rounds_;
};

/// Σ aᵢ bᵢ, by both vectors: as many inputs as products.
class Dot {
 public:
  explicit Dot(Index length) : length_(length), inputs_(2 * length) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform(0.5, 1.5);
    for (double& x : inputs_) x = uniform(random);
  }
  static constexpr Index kOutputs = 1;
  Index count() const { return 1; }
  Index inputs() const { return 2 * length_; }
  double step() const { return 1e-4; }
  const double* point(Index) const { return inputs_.data(); }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    S sum = 0.0;
    for (Index i = 0; i < length_; ++i) sum += x[i] * x[length_ + i];
    y[0] = sum;
  }

 private:
  Index length_;
  std::vector<double> inputs_;
};

/// The log-likelihood of a mixture of k Gaussians in d dimensions at n points, with a Wishart
/// prior. Inputs: the weights' logarithms, the means, and the inverse Cholesky factors (logarithms
/// of the diagonal, then the strict lower triangle by columns).
class Mixture {
 public:
  Mixture(Index d, Index k, Index n)
      : d_(d), k_(k), n_(n), points_(n * d), inputs_(k * (1 + d + factor())) {
    std::mt19937_64 random(2);
    std::normal_distribution<double> normal;
    for (double& coordinate : points_) coordinate = normal(random);
    for (double& x : inputs_) x = 0.3 * normal(random);
  }
  static constexpr Index kOutputs = 1;
  Index count() const { return 1; }
  Index inputs() const { return inputs_.size(); }
  double step() const { return 1e-4; }
  const double* point(Index) const { return inputs_.data(); }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    using std::exp;
    const S* weights = x;
    const S* means = weights + k_;
    const S* factors = means + k_ * d_;

    std::vector<S> diagonals(k_ * d_), logs(k_);
    for (Index c = 0; c < k_; ++c) {
      logs[c] = 0.0;
      for (Index i = 0; i < d_; ++i) {
        logs[c] += factors[c * factor() + i];
        diagonals[c * d_ + i] = exp(factors[c * factor() + i]);
      }
    }

    std::vector<S> centered(d_), whitened(d_), terms(k_);
    S sum = 0.0;
    for (Index p = 0; p < n_; ++p) {
      for (Index c = 0; c < k_; ++c) {
        for (Index i = 0; i < d_; ++i) centered[i] = points_[p * d_ + i] - means[c * d_ + i];
        const S* lower = factors + c * factor() + d_;
        for (Index i = 0; i < d_; ++i) whitened[i] = diagonals[c * d_ + i] * centered[i];
        for (Index j = 0; j < d_; ++j) {
          for (Index i = j + 1; i < d_; ++i) whitened[i] += *lower++ * centered[j];
        }
        S square = 0.0;
        for (Index i = 0; i < d_; ++i) square += whitened[i] * whitened[i];
        terms[c] = weights[c] + logs[c] - 0.5 * square;
      }
      sum += log_sum_exp(terms.data());
    }
    const auto n = static_cast<double>(n_), d = static_cast<double>(d_);
    const double constant = -n * d * 0.5 * std::log(2 * std::numbers::pi);
    y[0] = constant + sum - n * log_sum_exp(weights) + prior(factors, diagonals, logs);
  }

 private:
  Index factor() const { return d_ * (d_ + 1) / 2; }

  template <class S>
  S log_sum_exp(const S* x) const {
    using std::exp, std::log;
    S largest = x[0];
    for (Index c = 1; c < k_; ++c) {
      if (x[c] > largest) largest = x[c];
    }
    S sum = 0.0;
    for (Index c = 0; c < k_; ++c) sum += exp(x[c] - largest);
    return log(sum) + largest;
  }

  // Wishart with γ = 1 and m = 0, up to its constant.
  template <class S>
  S prior(const S* factors, const std::vector<S>& diagonals, const std::vector<S>& logs) const {
    S sum = 0.0;
    for (Index c = 0; c < k_; ++c) {
      S frobenius = 0.0;
      for (Index i = 0; i < d_; ++i) {
        frobenius += diagonals[c * d_ + i] * diagonals[c * d_ + i];
      }
      for (Index i = d_; i < factor(); ++i) {
        frobenius += factors[c * factor() + i] * factors[c * factor() + i];
      }
      sum += 0.5 * frobenius - logs[c];
    }
    return sum;
  }

  Index d_, k_, n_;
  std::vector<double> points_, inputs_;
};

/// Bundle adjustment: the reprojection error of one observation after another. Inputs: 11 of the
/// camera (rotation vector, centre, focal length, principal point, two of radial distortion), 3 of
/// the point, 1 weight. Outputs: 2. One small tape an observation.
class Reprojection {
 public:
  explicit Reprojection(Index observations) : count_(observations) {
    std::mt19937_64 random(4);
    std::uniform_real_distribution<double> uniform(-1, 1);
    inputs_.resize(15 * count_);
    features_.resize(2 * count_);
    for (Index t = 0; t < count_; ++t) {
      double* x = &inputs_[15 * t];
      for (Index i = 0; i < 3; ++i) x[i] = 0.2 * uniform(random);
      for (Index i = 3; i < 6; ++i) x[i] = uniform(random);
      x[6] = 500 + 20 * uniform(random);
      for (Index i = 7; i < 9; ++i) x[i] = 10 * uniform(random);
      for (Index i = 9; i < 11; ++i) x[i] = 0.01 * uniform(random);
      for (Index i = 11; i < 13; ++i) x[i] = uniform(random);
      x[13] = 6 + uniform(random);
      x[14] = 1 + 0.1 * uniform(random);
      for (Index i = 0; i < 2; ++i) features_[2 * t + i] = 100 * uniform(random);
    }
  }
  static constexpr Index kOutputs = 2;
  Index count() const { return count_; }
  Index inputs() const { return 15; }
  double step() const { return 1e-4; }
  const double* point(Index t) const { return &inputs_[15 * t]; }

  template <class S>
  void evaluate(Index t, const S* x, S* y) const {
    const S *center = x + 3, *radial = x + 9, *place = x + 11;
    const S& focal = x[6];
    const S& weight = x[14];
    S from_center[3], seen[3];
    for (Index i = 0; i < 3; ++i) from_center[i] = place[i] - center[i];
    rotate(x, from_center, seen);
    S image[2] = {seen[0] / seen[2], seen[1] / seen[2]};
    const S square = image[0] * image[0] + image[1] * image[1];
    const S stretch = 1.0 + radial[0] * square + radial[1] * square * square;
    for (Index i = 0; i < 2; ++i) {
      const S pixel = image[i] * stretch * focal + x[7 + i];
      y[i] = weight * (pixel - features_[2 * t + i]);
    }
  }

 private:
  // Rodrigues' formula.
  template <class S>
  static void rotate(const S* rotation, const S* p, S* out) {
    using std::cos, std::sin, std::sqrt;
    const S square =
        rotation[0] * rotation[0] + rotation[1] * rotation[1] + rotation[2] * rotation[2];
    if (!(square > 0.0)) {
      for (Index i = 0; i < 3; ++i) {
        const Index j = (i + 1) % 3, k = (i + 2) % 3;
        out[i] = p[i] + (rotation[j] * p[k] - rotation[k] * p[j]);
      }
      return;
    }
    const S angle = sqrt(square);
    const S cosine = cos(angle), sine = sin(angle);
    const S inverse = 1.0 / angle;
    S axis[3];
    for (Index i = 0; i < 3; ++i) axis[i] = rotation[i] * inverse;
    const S along = (axis[0] * p[0] + axis[1] * p[1] + axis[2] * p[2]) * (1.0 - cosine);
    for (Index i = 0; i < 3; ++i) {
      const Index j = (i + 1) % 3, k = (i + 2) % 3;
      out[i] = p[i] * cosine + (axis[j] * p[k] - axis[k] * p[j]) * sine + axis[i] * along;
    }
  }

  Index count_;
  std::vector<double> inputs_, features_;
};

}  // namespace bench
