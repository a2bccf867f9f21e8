// Gradient descent as the evals `particle` and `saddle` define it (Pearlmutter & Siskind 2008),
// over any scalar type: it can be differentiated through.
//
// The width starts at 10⁻⁵, is doubled after ten steps that went down and halved after one that did
// not. The end is a gradient, or a step, no longer than 10⁻⁵.
#pragma once

#include <vector>

namespace bench::gradbench {

template <class S>
S square_of(const std::vector<S>& x) {
  S sum = 0.0;
  for (const S& part : x) sum += part * part;
  return sum;
}

/// The place to which f goes down from x; `slope` gives its gradient.
template <class S, class F, class Slope>
std::vector<S> argmin(const F& f, const Slope& slope, std::vector<S> x) {
  constexpr double kLeast = 1e-5;
  constexpr int kStepsToDouble = 10;
  double width = 1e-5;
  S at = f(x);
  std::vector<S> down = slope(x);
  for (int steps = 0; !(square_of(down) <= kLeast * kLeast);) {
    if (steps == kStepsToDouble) {
      width *= 2;
      steps = 0;
      continue;
    }
    std::vector<S> next(x), way(x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      way[i] = width * down[i];
      next[i] = x[i] - way[i];
    }
    if (square_of(way) <= kLeast * kLeast) break;
    const S there = f(next);
    if (there < at) {
      x = next;
      at = there;
      down = slope(x);
      ++steps;
    } else {
      width /= 2;
      steps = 0;
    }
  }
  return x;
}

}  // namespace bench::gradbench
