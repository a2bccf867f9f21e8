// Runge–Kutta: the states of all steps are kept; backwards, each step is taken again and its
// adjoint beside it. With k̄ the adjoint of a slope k = x ∘ shift(probe):
//   x̄ += k̄ ∘ shift(probe)        probē += shiftᵀ(k̄ ∘ x)
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const RungeKutta& problem, const double* inputs, Values values) {
  problem.evaluate(0, inputs, values.data());
}
std::vector<double> solve(const RungeKutta& problem) { return problem.solve(problem.point(0)); }

namespace {

class Reverse {
 public:
  explicit Reverse(const RungeKutta& problem)
      : n_(problem.inputs()), x_(problem.point(0)), h_(problem.h()), work_(8 * n_) {}

  /// y one step on; the slopes are left in k(1) … k(4).
  void step(double* __restrict__ y) {
    slopes(y);
    const double *k1 = k(1), *k2 = k(2), *k3 = k(3), *k4 = k(4);
    for (Index i = 0; i < n_; ++i) y[i] += h_ / 6 * (k1[i] + 2 * (k2[i] + k3[i]) + k4[i]);
  }

  /// Pulls the adjoint of the next state back to that of y, and adds to x̄.
  void pull(const double* y, double* __restrict__ bar, double* __restrict__ x_bar) {
    slopes(y);
    double* __restrict__ pulled = work(5);  // of a slope
    double* __restrict__ above = work(6);   // x shifted: what a probe hands to the slope above it
    const double h = h_;
    // k̄₄ = h/6 ȳ;  each later probe hands its share to the slope before it.
    for (Index i = 0; i < n_; ++i) pulled[i] = h / 6 * bar[i];
    std::fill(above, above + n_, 0.0);
    add_slope(pulled, y, k(3), h, x_bar, above);
    for (Index i = 0; i < n_; ++i) pulled[i] = h / 3 * bar[i] + h * above[i];
    double* __restrict__ total = work(7);
    std::copy(above, above + n_, total);
    add_slope(pulled, y, k(2), h / 2, x_bar, above);
    for (Index i = 0; i < n_; ++i) {
      pulled[i] = h / 3 * bar[i] + h / 2 * above[i];
      total[i] += above[i];
    }
    add_slope(pulled, y, k(1), h / 2, x_bar, above);
    for (Index i = 0; i < n_; ++i) {
      pulled[i] = h / 6 * bar[i] + h / 2 * above[i];
      total[i] += above[i];
    }
    add_slope(pulled, y, k(1), 0, x_bar, above);
    for (Index i = 0; i < n_; ++i) bar[i] += total[i] + above[i];
  }

 private:
  double* work(Index i) { return &work_[i * n_]; }
  double* k(Index i) { return work(i - 1); }

  void slope(const double* __restrict__ y, double* __restrict__ out) const {
    out[0] = x_[0];
    for (Index i = 1; i < n_; ++i) out[i] = x_[i] * y[i - 1];
  }
  void slopes(const double* y) {
    double* __restrict__ probe = work(4);
    slope(y, k(1));
    for (Index s = 1; s <= 3; ++s) {
      const double reach = s == 3 ? h_ : h_ / 2;
      const double* before = k(s);
      for (Index i = 0; i < n_; ++i) probe[i] = y[i] + reach * before[i];
      slope(probe, k(s + 1));
    }
  }
  /// The adjoint of k = x ∘ shift(y + reach · before): x̄, and in `above` that of the probe.
  void add_slope(const double* __restrict__ pulled, const double* __restrict__ y,
                 const double* __restrict__ before, double reach, double* __restrict__ x_bar,
                 double* __restrict__ above) const {
    x_bar[0] += pulled[0];
    for (Index i = 1; i < n_; ++i) {
      x_bar[i] += pulled[i] * (y[i - 1] + reach * before[i - 1]);
      above[i - 1] = x_[i] * pulled[i];
    }
    above[n_ - 1] = 0;
  }

  Index n_;
  const double* x_;
  double h_;
  std::vector<double> work_;
};

}  // namespace

void derive(const RungeKutta& problem, Values values, Derivatives derivatives) {
  const Index n = problem.inputs(), steps = problem.steps();
  Reverse reverse(problem);
  std::vector<double> states((steps + 1) * n, 0.0), bar(n, 0.0);
  for (Index s = 0; s < steps; ++s) {
    double* next = &states[(s + 1) * n];
    std::copy(&states[s * n], &states[s * n] + n, next);
    reverse.step(next);
  }
  values[0] = states[(steps + 1) * n - 1];
  std::fill(derivatives.begin(), derivatives.end(), 0.0);
  bar[n - 1] = 1;
  for (Index s = steps; s-- > 0;) reverse.pull(&states[s * n], bar.data(), derivatives.data());
}

}  // namespace bench::manual
