// The classical Runge–Kutta method on a chain of n equations, in `steps` steps from t = 0 to 2:
//
//   y₀' = x₀      yᵢ' = xᵢ yᵢ₋₁      y(0) = 0
//
// GradBench's ode, after cmpad's an_ode. What is differentiated is the last element of y, by x.
// With h the step, yₙ₋₁ is 0 unless 4 · steps ≥ n: one step reaches four elements further.
#pragma once

#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

class RungeKutta {
 public:
  static constexpr Index kOutputs = 1;
  static constexpr Tasks kTasks = Tasks::added;

  RungeKutta(Index n, Index steps) : RungeKutta(Draw(13).uniforms(n, 0, 1), steps) {}
  RungeKutta(std::vector<double> x, Index steps) : steps_(steps), inputs_(std::move(x)) {}

  Index count() const { return 1; }
  Index inputs() const { return inputs_.size(); }
  /// Short: the result is a product of all inputs.
  double step() const { return 1e-6; }
  const double* point(Index) const { return inputs_.data(); }
  std::vector<Part> groups() const { return {{"gradient", inputs_.size()}}; }

  Index steps() const { return steps_; }
  double h() const { return 2.0 / static_cast<double>(steps_); }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    const std::vector<S> last = solve(x);
    y[0] = last.back();
  }

  /// y(2), all of it.
  template <class S>
  std::vector<S> solve(const S* x) const {
    const Index n = inputs_.size();
    const double width = h();
    std::vector<S> y(n, S(0.0)), probe(n), k1(n), k2(n), k3(n), k4(n);
    for (Index s = 0; s < steps_; ++s) {
      slope(x, y.data(), k1.data());
      for (Index i = 0; i < n; ++i) probe[i] = y[i] + (width / 2) * k1[i];
      slope(x, probe.data(), k2.data());
      for (Index i = 0; i < n; ++i) probe[i] = y[i] + (width / 2) * k2[i];
      slope(x, probe.data(), k3.data());
      for (Index i = 0; i < n; ++i) probe[i] = y[i] + width * k3[i];
      slope(x, probe.data(), k4.data());
      for (Index i = 0; i < n; ++i) {
        y[i] += (width / 6) * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
      }
    }
    return y;
  }

 private:
  template <class S>
  void slope(const S* x, const S* y, S* out) const {
    out[0] = x[0];
    for (Index i = 1; i < inputs_.size(); ++i) out[i] = x[i] * y[i - 1];
  }

  Index steps_;
  std::vector<double> inputs_;
};

}  // namespace bench
