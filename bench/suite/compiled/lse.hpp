// log Σ exp: rows are elements. e = exp(x − m) and ∂e/∂x are computed together; the log of the sum
// hands 1/Σe back to each row.
#pragma once

#include <cmath>

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/lse.hpp"

namespace bench::suite {

class CompiledLogSumExp {
 public:
  explicit CompiledLogSumExp(const LogSumExp& problem)
      : problem_(problem), element_(kernels_.make([] {
          return chainrule::value_and_grad(chainrule::record(
              [](const Scalar& x, const Scalar& shift) { return exp(x - shift); }, 0.0, 0.0));
        })) {}

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, unsigned threads) const {
    const std::span<const double> x(problem_.point(0), problem_.inputs());
    const double largest = largest_of(x);
    double sum = 0;
    const Source sources[] = {Source::rows(x, 1), Source::shared({&largest, 1})};
    const Sink sinks[] = {Sink::sum({&sum, 1}), Sink::rows(gradient, 1)};
    element_.run(sources, sinks, x.size(), threads);
    const double inverse = 1 / sum;
    for (double& slope : gradient) slope *= inverse;
    return std::log(sum) + largest;
  }

 private:
  /// Eight at a time, lest each wait for the one before it.
  static double largest_of(std::span<const double> x) {
    constexpr Index kAtOnce = 8;
    double most[kAtOnce];
    for (double& each : most) each = x[0];
    Index i = 0;
    for (; i + kAtOnce <= x.size(); i += kAtOnce) {
      for (Index j = 0; j < kAtOnce; ++j) most[j] = most[j] < x[i + j] ? x[i + j] : most[j];
    }
    for (; i < x.size(); ++i) most[0] = most[0] < x[i] ? x[i] : most[0];
    double largest = most[0];
    for (const double each : most) largest = largest < each ? each : largest;
    return largest;
  }

  const LogSumExp& problem_;
  Kernels kernels_;
  Kernel element_;
};

}  // namespace bench::suite
