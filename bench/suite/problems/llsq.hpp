// Least squares of a polynomial of m coefficients against the sign of t at n places in [−1, 1]:
//
//   ½ Σᵢ (sᵢ − Σⱼ xⱼ tᵢʲ)²         tᵢ = −1 + 2 i / (n − 1)      sᵢ = sign tᵢ
//
// GradBench's llsq, after cmpad's llsq_obj.
#pragma once

#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

class LeastSquares {
 public:
  static constexpr Index kOutputs = 1;
  static constexpr Tasks kTasks = Tasks::added;

  LeastSquares(Index n, Index m) : LeastSquares(n, Draw(10).uniforms(m, 0, 1)) {}
  LeastSquares(Index n, std::vector<double> x) : inputs_(std::move(x)), places_(n), signs_(n) {
    for (Index i = 0; i < n; ++i) {
      places_[i] = -1 + static_cast<double>(i) * 2 / static_cast<double>(n - 1);
      signs_[i] = places_[i] > 0 ? 1 : places_[i] < 0 ? -1 : 0;
    }
  }

  Index count() const { return 1; }
  Index inputs() const { return inputs_.size(); }
  double step() const { return 1e-2; }
  const double* point(Index) const { return inputs_.data(); }
  std::vector<Part> groups() const { return {{"gradient", inputs_.size()}}; }

  std::span<const double> places() const { return places_; }
  std::span<const double> signs() const { return signs_; }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    S sum = 0.0;
    for (Index i = 0; i < places_.size(); ++i) sum += half_square(x, places_[i], signs_[i]);
    y[0] = sum;
  }

  /// One summand; t and s may be of another type than S.
  template <class S, class T>
  S half_square(const S* x, const T& t, const T& s) const {
    S residual = s - x[0];
    T power = t;
    for (Index j = 1; j < inputs_.size(); ++j) {
      residual -= x[j] * power;
      power *= t;
    }
    return 0.5 * (residual * residual);
  }

 private:
  std::vector<double> inputs_, places_, signs_;
};

}  // namespace bench
