// The problems of the small benchmarks, written once over a scalar type S: three of their own, and
// from the suite the mixture and the reprojection error.
//
// A problem is a list of tasks of one shape: count() of them, each with inputs() and kOutputs;
// point(t) is the inputs of task t, evaluate(t, x, y) computes its outputs from them, and step() is
// a step for central differences. A contestant records a task, sweeps once for each output, and
// forgets it. Data are synthetic, from a seed. The mixture and the reprojection error are those of
// ADBench (Šrajer, Kukelova & Fitzgibbon 2018).
#pragma once

#include <random>
#include <vector>

#include "bench/suite/problems/ba.hpp"
#include "bench/suite/problems/gmm.hpp"

namespace bench {

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

}  // namespace bench
