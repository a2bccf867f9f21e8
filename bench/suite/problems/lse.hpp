// log Σ exp(xᵢ) of n numbers, shifted by the largest. GradBench's lse.
#pragma once

#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

class LogSumExp {
 public:
  static constexpr Index kOutputs = 1;
  static constexpr Tasks kTasks = Tasks::added;

  explicit LogSumExp(Index n) : inputs_(Draw(9).uniforms(n, 0, 1)) {}
  explicit LogSumExp(std::vector<double> x) : inputs_(std::move(x)) {}

  Index count() const { return 1; }
  Index inputs() const { return inputs_.size(); }
  double step() const { return 1e-3; }
  const double* point(Index) const { return inputs_.data(); }
  std::vector<Part> groups() const { return {{"gradient", inputs_.size()}}; }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    y[0] = log_sum_of_exp(x, inputs_.size());
  }

 private:
  std::vector<double> inputs_;
};

}  // namespace bench
