// How long something takes, for tests of how cost grows: only ratios of two measurements in one
// run are compared, with room for a busy machine.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>

namespace chainrule::test {

/// The shortest of three runs of f, in seconds.
template <class F>
double seconds_of(F f) {
  double shortest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    shortest = std::min(shortest, taken.count());
  }
  return shortest;
}

}  // namespace chainrule::test
