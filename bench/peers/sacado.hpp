// Sacado: its reverse mode, Sacado::Rad, on one global tape that the first operation after a sweep
// starts anew.
#pragma once

#include <Sacado_trad.hpp>

#include "bench/contest.hpp"

namespace bench {

template <class Problem>
class WithSacado : public Contestant {
 public:
  using Real = Sacado::Rad::ADvar<double>;

  explicit WithSacado(const Problem& problem) : problem_(problem), x_(problem.inputs()) {}

  void record(Index t) override {
    Real::Gradcomp(0);  // forgets
    const auto point = problem_.point(t);
    for (Index i = 0; i < x_.size(); ++i) x_[i] = point[i];
    problem_.evaluate(t, x_.data(), y_);
  }

  void reverse(std::span<double> jacobian) override {
    for (Index o = 0; o < Problem::kOutputs; ++o) {
      // Weights for every output: what an earlier sweep was seeded with would stay otherwise.
      double weights[Problem::kOutputs] = {};
      weights[o] = 1;
      Real* outputs[Problem::kOutputs];
      for (Index i = 0; i < Problem::kOutputs; ++i) outputs[i] = &y_[i];
      Real::Weighted_Gradcomp(Problem::kOutputs, outputs, weights);
      for (Index i = 0; i < x_.size(); ++i) jacobian[o * x_.size() + i] = x_[i].adj();
    }
  }

 private:
  const Problem& problem_;
  std::vector<Real> x_;
  Real y_[Problem::kOutputs];
};

}  // namespace bench
