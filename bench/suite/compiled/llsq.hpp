// Least squares: rows are the places (t, s).
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/llsq.hpp"

namespace bench::suite {

class CompiledLeastSquares {
 public:
  explicit CompiledLeastSquares(const LeastSquares& problem)
      : problem_(problem), sums_(1 + problem.inputs()), summand_(kernels_.make([&] {
          return chainrule::value_and_grad(chainrule::record(
              [&](const Scalars& x, const Scalar& t, const Scalar& s) {
                return problem.half_square(x.data(), t, s);
              },
              chainrule::shape(problem.inputs()), 0.0, 0.0));
        })) {}

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, unsigned threads) {
    const Source sources[] = {Source::shared({problem_.point(0), problem_.inputs()}),
                              Source::rows(problem_.places(), 1),
                              Source::rows(problem_.signs(), 1)};
    const Sink sinks[] = {Sink::sum(sums_)};
    summand_.run(sources, sinks, problem_.places().size(), threads);
    std::copy(sums_.begin() + 1, sums_.end(), gradient.begin());
    return sums_[0];
  }

 private:
  const LeastSquares& problem_;
  std::vector<double> sums_;
  Kernels kernels_;
  Kernel summand_;
};

}  // namespace bench::suite
