// L-BFGS: minimises a smooth function by its gradient alone, with a model of its curvature made of
// the last few steps.
//
// The direction is −H g, H the inverse Hessian that `memory` pairs (s, y) of steps and changes of
// the gradient tell of (Nocedal & Wright 2006, algorithm 7.4). Along it a line search finds a step
// that satisfies the strong Wolfe conditions (algorithms 3.5 and 3.6, cubic interpolation):
//
//   f(x + αp) ≤ f(x) + c₁ α gᵀp   and   |g(x + αp)ᵀp| ≤ c₂ |gᵀp|
//
// A step costs O(memory · n) and some one or two evaluations; it needs no learning rate. Noise (a
// loss of another batch each time) defeats it.
#pragma once

#include <concepts>
#include <type_traits>

#include "chainrule/nn/module.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule::nn {

struct LBFGSOptions {
  std::size_t memory = 10;
  double gradient_tolerance = 1e-8;  ///< done where every |gᵢ| is at most this
  std::int64_t most_steps = 1000;
  double decrease = 1e-4;     ///< c₁
  double curvature = 0.9;     ///< c₂
  int most_evaluations = 40;  ///< in one line search
};

/// How a search ended; `running`: it has not.
enum class Outcome : std::uint8_t { running, converged, stalled, most_steps };
/// "converged", …
std::string_view name_of(Outcome outcome);

/// f(x), its gradient written to g: any callable that takes (std::span<const double> x,
/// std::span<double> g) and gives a double. Refers to the callable.
class Objective {
 public:
  template <class F>
  requires(!std::same_as<F, Objective>) Objective(const F& f)
      : of_(&f), call_([](const void* of, std::span<const double> x, std::span<double> g) {
          return static_cast<double>((*static_cast<const F*>(of))(x, g));
        }) {}
  double operator()(std::span<const double> x, std::span<double> g) const {
    return call_(of_, x, g);
  }

 private:
  const void* of_;
  double (*call_)(const void*, std::span<const double>, std::span<double>);
};

/// The search itself, over plain numbers, one step after another.
class LBFGSSearch {
 public:
  explicit LBFGSSearch(const LBFGSOptions& its_options = {}) : options(its_options) {}

  /// Moves x by one step. `stalled`: no step finds a lower value, as rounding errors are reached or
  /// the gradient is wrong; then x has not changed.
  Outcome step(const Objective& f, std::span<double> x);
  /// Steps until it has ended.
  Outcome minimise(const Objective& f, std::span<double> x);

  double value() const { return value_; }  ///< at x, after a step
  std::span<const double> gradient() const { return g_; }
  std::int64_t steps() const { return steps_; }
  std::int64_t evaluations() const { return evaluations_; }
  /// Forgets curvature and gradient: x is now another's.
  void restart();

  /// All that a later step depends on, x aside.
  StateDict state() const;
  void load_state(std::span<const NamedTensor> state);

  LBFGSOptions options;

 private:
  struct Pair {
    std::vector<double> s, y;
    double rho;  // 1/yᵀs
  };
  struct Trial {
    double alpha, value, slope;
  };
  std::vector<double> direction() const;
  Trial evaluate(const Objective& f, std::span<const double> x, std::span<const double> p,
                 double alpha);
  bool search_line(const Objective& f, std::span<const double> x, std::span<const double> p,
                   double first, Trial& found);
  bool zoom(const Objective& f, std::span<const double> x, std::span<const double> p,
            const Trial& start, Trial low, Trial high, int evaluations_left, Trial& found);
  void remember(std::span<const double> s, std::span<const double> y);

  std::vector<Pair> pairs_;  // the oldest first
  bool has_gradient_ = false;
  double value_ = 0;
  std::vector<double> g_;
  std::vector<double> trial_x_, trial_g_;
  std::int64_t steps_ = 0, evaluations_ = 0;
};

struct Minimum {
  std::vector<double> x;
  double value = 0;
  Outcome outcome = Outcome::running;
  std::int64_t steps = 0, evaluations = 0;
};

/// Minimises f from x; f is an Objective, or code on numbers that are recorded: it takes a
/// std::vector<Scalar> and gives a Scalar.
///
///   const auto found = nn::minimise([](const auto& x) {
///     return 100 * pow(x[1] - x[0] * x[0], 2) + pow(1 - x[0], 2); }, {-1.2, 1});
template <class F>
Minimum minimise(const F& f, std::vector<double> x, const LBFGSOptions& options = {}) {
  LBFGSSearch search(options);
  Minimum found;
  if constexpr (std::is_invocable_v<const F&, std::span<const double>, std::span<double>>) {
    found.outcome = search.minimise(f, x);
  } else {
    std::vector<Scalar> at(x.size());
    const auto recorded = [&](std::span<const double> numbers, std::span<double> g) {
      const Frame frame = Tape::active().frame();
      for (std::size_t k = 0; k < numbers.size(); ++k) at[k] = variable(numbers[k]);
      const Scalar y = f(at);
      chainrule::gradient(y, at, g);
      return y.value();
    };
    found.outcome = search.minimise(recorded, x);
  }
  found.x = std::move(x);
  found.value = search.value();
  found.steps = search.steps();
  found.evaluations = search.evaluations();
  return found;
}

/// The search over the parameters of a net. Numbers are searched in double precision.
class LBFGS {
 public:
  explicit LBFGS(std::span<const ParameterRef> parameters, const LBFGSOptions& options = {})
      : search_(options), parameters_(parameters.begin(), parameters.end()) {}

  /// One step by loss(), a Tensor of one element that is computed from the parameters, which it
  /// calls as often as it likes, each time in a frame of its own. Returns the loss after the step.
  template <class Loss>
  double step(const Loss& loss) {
    return take_step([&](std::span<const double> x, std::span<double> g) {
      assign(x);
      const Frame frame = Tape::active().frame();
      return differentiate(loss(), g);
    });
  }
  /// How the last step left the search.
  Outcome outcome() const { return outcome_; }

  StateDict state() const;
  void load_state(std::span<const NamedTensor> state);

 private:
  double take_step(const Objective& f);
  void assign(std::span<const double> x) const;
  void read_parameters();
  double differentiate(const Tensor& loss, std::span<double> g) const;

  LBFGSSearch search_;
  std::vector<ParameterRef> parameters_;
  std::vector<double> x_;  // the parameters hold it, rounded to their element type
  Outcome outcome_ = Outcome::running;
};

}  // namespace chainrule::nn
