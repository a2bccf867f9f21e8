// Determinant: one row. Equal minors are found and computed once by the optimiser, before the
// derivative is taken as after it.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/det.hpp"

namespace bench::suite {

class CompiledDeterminant {
 public:
  explicit CompiledDeterminant(const Determinant& problem)
      : problem_(problem), out_(1 + problem.inputs()), kernel_(kernels_.make([&] {
          const Function f = chainrule::record(
              [&](const Scalars& x) {
                Scalar y;
                problem.evaluate(0, x.data(), &y);
                return y;
              },
              chainrule::shape(problem.inputs()));
          return chainrule::value_and_grad(Function(chainrule::optimise(f.trace())));
        })) {}

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient) {
    kernel_.evaluate({problem_.point(0), problem_.inputs()}, out_);
    std::copy(out_.begin() + 1, out_.end(), gradient.begin());
    return out_[0];
  }

 private:
  const Determinant& problem_;
  std::vector<double> out_;
  Kernels kernels_;
  Kernel kernel_;
};

}  // namespace bench::suite
