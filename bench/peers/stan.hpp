// Stan Math: one global stack of virtual nodes.
#pragma once

#include <stan/math/rev/core.hpp>
#include <stan/math/rev/scal.hpp>

#include "bench/contest.hpp"

namespace bench {

template <class Problem>
class WithStan : public Contestant {
 public:
  using Real = stan::math::var;

  explicit WithStan(const Problem& problem) : problem_(problem), x_(problem.inputs()) {}
  ~WithStan() override { stan::math::recover_memory(); }

  void record(Index t) override {
    stan::math::recover_memory();
    const auto point = problem_.point(t);
    for (Index i = 0; i < x_.size(); ++i) x_[i] = point[i];
    problem_.evaluate(t, x_.data(), y_);
  }

  void reverse(std::span<double> jacobian) override {
    for (Index o = 0; o < Problem::kOutputs; ++o) {
      stan::math::set_zero_all_adjoints();
      stan::math::grad(y_[o].vi_);
      for (Index i = 0; i < x_.size(); ++i) jacobian[o * x_.size() + i] = x_[i].adj();
    }
  }

 private:
  const Problem& problem_;
  std::vector<Real> x_;
  Real y_[Problem::kOutputs];
};

}  // namespace bench
