// ADOL-C: records on a numbered tape of its own. Every task is recorded anew, as with the others: a
// replay would keep the data, which are no inputs, of the task that was recorded.
#pragma once

#include <adolc/adolc.h>

#include "bench/contest.hpp"

namespace bench {

inline constexpr short kProbe = 1, kTag = 2;

template <class Problem>
class WithAdolc : public Contestant {
 public:
  explicit WithAdolc(const Problem& problem)
      : problem_(problem), n_(static_cast<int>(problem.inputs())), x_(problem.inputs()) {
    // Buffers that hold the whole tape, so that none of it goes to a file: a first recording tells
    // how long it is.
    trace(kProbe, 0);
    std::size_t counts[STAT_SIZE];
    tapestats(kProbe, counts);
    operations_ = room(counts[NUM_OPERATIONS]);
    locations_ = room(counts[NUM_LOCATIONS]);
    values_ = room(counts[NUM_VALUES]);
    taylors_ = room(counts[TAY_STACK_SIZE]);
    trace(kTag, 0);
    for (int o = 0; o < kOutputs; ++o) weights_[o][o] = 1.0;
    for (int o = 0; o < kOutputs; ++o) weight_rows_[o] = weights_[o];
  }

  // A tape keeps the buffer sizes that it began with, as long as it lives.
  ~WithAdolc() override {
    removeTape(kProbe, ADOLC_REMOVE_COMPLETELY);
    removeTape(kTag, ADOLC_REMOVE_COMPLETELY);
  }

  void record(Index t) override { trace(kTag, t); }

  void reverse(std::span<double> jacobian) override {
    if constexpr (kOutputs == 1) {
      fos_reverse(kTag, 1, n_, weights_[0], jacobian.data());
    } else {
      double* rows[kOutputs];
      for (Index o = 0; o < Problem::kOutputs; ++o) rows[o] = &jacobian[o * x_.size()];
      fov_reverse(kTag, kOutputs, n_, kOutputs, weight_rows_, rows);
    }
  }

 private:
  static constexpr int kOutputs = static_cast<int>(Problem::kOutputs);

  static unsigned room(std::size_t count) {
    return static_cast<unsigned>(count + count / 8 + 1024);
  }

  void trace(short tag, Index t) {
    const auto point = problem_.point(t);
    if (tag == kProbe) {
      trace_on(tag, 1);
    } else {
      trace_on(tag, 1, operations_, locations_, values_, taylors_);
    }
    for (Index i = 0; i < x_.size(); ++i) x_[i] <<= point[i];
    adouble y[Problem::kOutputs];
    problem_.evaluate(t, x_.data(), y);
    for (Index o = 0; o < Problem::kOutputs; ++o) y[o] >>= y_[o];
    trace_off();
  }

  const Problem& problem_;
  const int n_;
  std::vector<adouble> x_;
  double y_[Problem::kOutputs] = {};
  double weights_[Problem::kOutputs][Problem::kOutputs] = {};
  double* weight_rows_[Problem::kOutputs] = {};
  unsigned operations_ = 0, locations_ = 0, values_ = 0, taylors_ = 0;
};

}  // namespace bench
