// Runs a Case: verifies, then times.
#pragma once

#include "bench/suite/results.hpp"

namespace bench::suite {

/// How long a contestant is run: at least so many runs and so many seconds, but no more than `most`
/// seconds once three runs are done.
struct Effort {
  int runs = 10;
  double seconds = 0.5;
  double most = 8;
};

/// The derivatives of every contestant are within this of the hand-written one:
/// |a − b| / (|b| + 10⁻³ max |b|), part by part of the derivative.
inline constexpr double kTolerance = 1e-9;
/// And that one of central differences, which keep no more digits than this of a sum over all
/// points where the step must be short.
inline constexpr double kDifferencesTolerance = 1e-8;

/// The row of a Case. A contestant that is wrong is a failure of the row, which then has no
/// figures.
Row measure(const Family& family, const Size& size, const Effort& effort);

}  // namespace bench::suite
