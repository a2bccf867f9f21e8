// chainrule as a contestant.
#pragma once

#include "bench/contest.hpp"
#include "chainrule/chainrule.hpp"

namespace bench {

template <class Problem>
class WithChainrule : public Contestant {
 public:
  explicit WithChainrule(const Problem& problem) : problem_(problem), x_(problem.inputs()) {}

  void record(Index t) override {
    frame_.rewind();
    const auto point = problem_.point(t);
    for (Index i = 0; i < x_.size(); ++i) x_[i] = chainrule::variable(point[i]);
    problem_.evaluate(t, x_.data(), y_);
  }

  void reverse(std::span<double> jacobian) override {
    for (Index o = 0; o < Problem::kOutputs; ++o) {
      chainrule::gradient(y_[o], x_, jacobian.subspan(o * x_.size(), x_.size()));
    }
  }

  Size size() const override {
    const chainrule::TapeBytes bytes = tape_.bytes();
    return {tape_.size() - x_.size(), bytes.rows + bytes.numbers, bytes.adjoints};
  }

 private:
  const Problem& problem_;
  chainrule::Tape& tape_ = chainrule::Tape::active();
  chainrule::Frame frame_ = tape_.frame();
  std::vector<chainrule::Scalar> x_;
  chainrule::Scalar y_[Problem::kOutputs];
};

}  // namespace bench
