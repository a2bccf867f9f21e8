// Runge–Kutta: rows are the elements. In one step element i reads the four before it, so a row is a
// window over x and y; backwards it reads the adjoints of the four after it. Windows overlap: rows
// are 1 apart.
//
// The first element's slope is x₀ · 1: an element before it that is 1 and stays 1, since its own x
// is 0, makes all rows alike.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/ode.hpp"

namespace bench::suite {

class CompiledRungeKutta {
 public:
  explicit CompiledRungeKutta(const RungeKutta& problem)
      : problem_(problem),
        n_(problem.inputs()),
        x_(n_ + 2 * kReach),
        states_((problem.steps() + 1) * (n_ + 2 * kReach)),
        bar_(2 * (n_ + kReach)),
        step_bar_(n_),
        forward_(kernels_.make([&] { return forward(); })),
        backward_(kernels_.make([&] { return backward(); })) {
    std::copy(problem.point(0), problem.point(0) + n_, x_.begin() + kReach);
    for (Index s = 0; s <= problem.steps(); ++s) state(s)[kReach - 1] = 1;
  }

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient) {
    for (Index s = 0; s < problem_.steps(); ++s) {
      const Source sources[] = {window(x_, 1), window({state(s), width()})};
      const Sink sinks[] = {Sink::rows({state(s + 1) + kReach, n_}, 1)};
      forward_.run(sources, sinks, n_);
    }
    std::fill(gradient.begin(), gradient.end(), 0.0);
    std::fill(bar_.begin(), bar_.end(), 0.0);
    std::span<double> bar = std::span(bar_).first(n_ + kReach),
                      next = std::span(bar_).last(n_ + kReach);
    bar[n_ - 1] = 1;
    for (Index s = problem_.steps(); s-- > 0;) {
      const Source sources[] = {window(x_, 1), window({state(s), width()}), window(bar)};
      const Sink sinks[] = {Sink::rows(next.first(n_), 1), Sink::rows(step_bar_, 1)};
      backward_.run(sources, sinks, n_);
      for (Index i = 0; i < n_; ++i) gradient[i] += step_bar_[i];
      std::swap(bar, next);
    }
    return state(problem_.steps())[kReach + n_ - 1];
  }

 private:
  static constexpr Index kReach = 4;

  Index width() const { return n_ + 2 * kReach; }
  double* state(Index s) { return &states_[s * width()]; }
  static Source window(std::span<const double> numbers, Index from = 0) {
    return columns_of(numbers.subspan(from), 1);
  }

  /// One step of elements `first`, `first` + 1, … as far as windows over x and y reach: x[j] and
  /// y[j] are those of element j − kReach + 1 and j − kReach.
  std::vector<Scalar> step(const Scalars& x, const Scalars& y, Index many) const {
    const double h = problem_.h();
    // k(m, i): the m-th slope of element i, which reads those before it.
    const auto x_of = [&](Index i) { return x[i - 1]; };
    std::vector<Scalars> k(kReach + 1, Scalars(kReach + many));
    for (Index m = 1; m <= kReach; ++m) {
      const double reach = m == kReach ? h : h / 2;
      for (Index i = m; i < kReach + many; ++i) {
        k[m][i] = x_of(i) * (m == 1 ? y[i - 1] : y[i - 1] + reach * k[m - 1][i - 1]);
      }
    }
    std::vector<Scalar> next;
    for (Index i = kReach; i < kReach + many; ++i) {
      next.push_back(y[i] + (h / 6) * (k[1][i] + 2.0 * k[2][i] + 2.0 * k[3][i] + k[4][i]));
    }
    return next;
  }
  Function forward() const {
    return chainrule::record(
        [this](const Scalars& x, const Scalars& y) { return step(x, y, 1)[0]; },
        chainrule::shape(kReach), chainrule::shape(kReach + 1));
  }
  /// (x, y, adjoints of this element and the four after it) ↦ the adjoints of y and x.
  Function backward() const {
    return chainrule::record(
        [this](const Scalars& x, const Scalars& y, const Scalars& bar) {
          const std::vector<Scalar> next = step(x, y, kReach + 1);
          return chainrule::recorded_vjp(next, bar, std::vector{y[kReach], x[kReach - 1]});
        },
        chainrule::shape(2 * kReach), chainrule::shape(2 * kReach + 1),
        chainrule::shape(kReach + 1));
  }

  const RungeKutta& problem_;
  const Index n_;
  std::vector<double> x_, states_, bar_, step_bar_;
  Kernels kernels_;
  Kernel forward_, backward_;
};

}  // namespace bench::suite
