// What the problems of the suite share: choices, log Σ exp, and seeded numbers.
//
// A problem is a list of tasks of one shape. It has count() tasks, each of inputs() numbers and
// kOutputs results; point(t) is the inputs of task t, evaluate(t, x, y) computes its results over
// any scalar type S, and step() is a step for central differences. What is asked for is the
// derivative of each task's results (kTasks == Tasks::apart) or of their sum over the tasks
// (Tasks::added), which then share their inputs. groups() names the parts of the derivative, in
// which errors are measured.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace bench {

using Index = std::size_t;

enum class Tasks { apart, added };

/// A part of the derivative: `size` numbers.
struct Part {
  std::string name;
  Index size;
};

/// Whether S keeps choices in its graph here and now, as chainrule does while a Function is
/// recorded. Elsewhere a choice is a branch.
template <class S>
bool choices_are_kept([[maybe_unused]] const S& x) {
  if constexpr (requires { keeps_choices(x); }) {
    return keeps_choices(x);
  } else {
    return false;
  }
}

template <class S>
S larger(const S& a, const S& b) {
  if constexpr (requires { select(a < b, b, a); }) {
    if (choices_are_kept(a)) return select(a < b, b, a);
  }
  return a < b ? b : a;
}

template <class S>
S smaller(const S& a, const S& b) {
  if constexpr (requires { select(b < a, b, a); }) {
    if (choices_are_kept(a)) return select(b < a, b, a);
  }
  return b < a ? b : a;
}

/// x, through which no derivative passes.
template <class S>
S detached(const S& x) {
  if constexpr (requires { stop_gradient(x); }) {
    return stop_gradient(x);
  } else if constexpr (requires { x.val(); }) {
    return S(x.val());
  } else if constexpr (requires { x.value(); }) {
    return S(x.value());
  } else {
    return x;
  }
}

/// log Σ exp(xᵢ), shifted by the largest, whose derivative cancels: it is left out, since what
/// remains of it is the rounding of n terms.
template <class S>
S log_sum_of_exp(const S* x, Index n) {
  using std::exp, std::log;
  S largest = x[0];
  for (Index i = 1; i < n; ++i) largest = larger(largest, x[i]);
  largest = detached(largest);
  S sum = 0.0;
  for (Index i = 0; i < n; ++i) sum += exp(x[i] - largest);
  return log(sum) + largest;
}

/// Numbers from a seed: the same on every machine that has the same standard library.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  double uniform(double from, double to) {
    return std::uniform_real_distribution<double>(from, to)(random_);
  }
  double normal() { return normal_(random_); }
  Index below(Index n) { return static_cast<Index>(random_() % n); }
  std::vector<double> uniforms(Index n, double from, double to) {
    std::vector<double> x(n);
    for (double& value : x) value = uniform(from, to);
    return x;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
};

}  // namespace bench
