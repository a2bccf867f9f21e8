// Swaptions: rows are paths, which read their normal numbers.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/swaption.hpp"

namespace bench::suite {

/// (rates and volatilities, normals) ↦ a path's value, its deltas and its vegas.
inline Function path_of(const Swaptions& problem) {
  return chainrule::value_and_grad(chainrule::record(
      [problem](const Scalars& x, const Scalars& z) {
        Scalars rates(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(problem.rates()));
        return problem.path_value(rates.data(), at(x, problem.rates()), z.data());
      },
      std::vector<double>(problem.point(0), problem.point(0) + problem.inputs()),
      std::vector<double>(problem.path(0), problem.path(0) + problem.steps())));
}

class CompiledSwaptions {
 public:
  explicit CompiledSwaptions(const Swaptions& problem)
      : problem_(problem),
        sums_(1 + problem.inputs()),
        path_(kernels_.make([&] { return path_of(problem); })) {}

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, unsigned threads) {
    const Source sources[] = {Source::shared({problem_.point(0), problem_.inputs()}),
                              Source::rows(problem_.normals(), problem_.steps())};
    const Sink sinks[] = {Sink::sum(sums_)};
    path_.run(sources, sinks, problem_.count(), threads);
    std::copy(sums_.begin() + 1, sums_.end(), gradient.begin());
    return sums_[0];
  }

 private:
  const Swaptions& problem_;
  std::vector<double> sums_;
  Kernels kernels_;
  Kernel path_;
};

}  // namespace bench::suite
