// Optimisers: SGD, Adam, AdamW, RMSProp.
//
// A rule is a formula of numbers, p' and the new state from p, the gradient g and the state; it is
// compiled once and runs over each parameter in a single pass. In strict arithmetic, so that every
// processor finds the same digits: a run that is resumed from state() goes on bit for bit.
//
//   nn::Adam adam(net.parameters(), {.rate = 1e-3});
//   for (…) {
//     const Frame frame = Tape::active().frame();
//     adam.step(cross_entropy(net(x), y));
//   }
#pragma once

#include <limits>

#include "chainrule/nn/module.hpp"
#include "chainrule/tape/tape.hpp"

namespace chainrule::nn {

/// Bounds on gradients, applied before a step: on each number, then on the length of all of them
/// together. Infinite: none.
struct Clip {
  double value = std::numeric_limits<double>::infinity();
  double norm = std::numeric_limits<double>::infinity();
};
/// √Σ g² over all gradients, in double precision.
double norm_of(std::span<const Tensor> gradients);
/// Scales all by most/norm where their norm is larger than `most`. Returns the norm before.
double clip_norm(std::span<Tensor> gradients, double most);
/// Every number into [−most, most].
void clip_value(std::span<Tensor> gradients, double most);

class Optimiser {
 public:
  virtual ~Optimiser() = default;

  std::span<const ParameterRef> parameters() const { return parameters_; }
  /// One step by these gradients, one for each parameter. Throws Error for other counts or types,
  /// and for a parameter whose owner is gone.
  void step(std::span<const Tensor> gradients);
  /// Differentiates the loss by the parameters, takes a step and returns the loss.
  double step(const Tensor& loss);
  /// The same of loss(), in a frame of its own.
  template <class Loss>
  requires requires(const Loss& loss) {
    { loss() } -> std::convertible_to<Tensor>;
  }
  double step(const Loss& loss) {
    std::vector<Tensor> gradients;
    double value = 0;
    {
      const Frame frame = Tape::active().frame();
      value = differentiate(loss(), gradients);
    }
    step(gradients);
    return value;
  }
  /// Steps taken.
  std::int64_t steps() const { return steps_; }

  /// All that a later step depends on, the numbers of the parameters aside.
  StateDict state() const;
  /// Throws Error unless it is the state of such an optimiser of such parameters.
  void load_state(std::span<const NamedTensor> state);

  double rate;  ///< of learning; may be changed between steps
  Clip clip;

 protected:
  /// Of how many tensors the state of a parameter consists is said by their names.
  Optimiser(std::span<const ParameterRef> parameters, double first_rate,
            std::vector<std::string_view> state_names);
  Optimiser(const Optimiser&) = default;
  Optimiser& operator=(const Optimiser&) = default;

  /// The rule's Function: of an array of `settings`, of p, g and the state; gives p' and the new
  /// state. Made once a rule.
  bool has_state() const { return !state_names_.empty(); }
  class Rule;
  virtual const Rule& rule() const = 0;
  /// The settings of step number steps() (1, 2, …).
  virtual std::vector<double> settings() const = 0;

 private:
  double differentiate(const Tensor& loss, std::vector<Tensor>& gradients) const;
  void require_fit(std::span<const Tensor> gradients) const;

  std::vector<ParameterRef> parameters_;
  std::vector<std::string_view> state_names_;
  std::vector<Tensor> states_;  ///< of parameter k at k · (number of names)
  std::int64_t steps_ = 0;
};

/// How SGD uses its velocity: as the step, or (Nesterov 1983, in the form of Sutskever et al. 2013)
/// as a look ahead of it.
enum class Momentum : std::uint8_t { classical, nesterov };

struct SGDOptions {
  double rate = 0.01;
  double momentum = 0;
  double weight_decay = 0;  ///< λ: adds λ p to the gradient
  Momentum kind = Momentum::classical;
};
/// u ← μ u + g,  p ← p − rate·u;  Nesterov: p ← p − rate·(g + μ u).
class SGD final : public Optimiser {
 public:
  explicit SGD(std::span<const ParameterRef> parameters, const SGDOptions& options = {});
  SGDOptions options;  ///< its rate is the first one; without momentum no velocity is kept

 private:
  const Rule& rule() const override;
  std::vector<double> settings() const override;
};

struct AdamOptions {
  double rate = 1e-3;
  double decay1 = 0.9, decay2 = 0.999;  ///< β₁, β₂
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< λ: adds λ p to the gradient
};
/// m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,
/// p ← p − rate · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε).   Kingma & Ba 2015, algorithm 1.
class Adam : public Optimiser {
 public:
  explicit Adam(std::span<const ParameterRef> parameters, const AdamOptions& options = {});
  AdamOptions options;

 protected:
  std::vector<double> settings() const override;

 private:
  const Rule& rule() const final;
};

struct AdamWOptions {
  double rate = 1e-3;
  double decay1 = 0.9, decay2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  ///< λ: takes rate·λ p from p
};
/// Adam with weight decay apart from the gradient: p ← p − rate·λ p, and then Adam's step.
/// Loshchilov & Hutter 2019, algorithm 2, the rate in the place of η.
class AdamW final : public Adam {
 public:
  explicit AdamW(std::span<const ParameterRef> parameters, const AdamWOptions& options = {});

 private:
  std::vector<double> settings() const override;
};

struct RMSPropOptions {
  double rate = 0.01;
  double decay = 0.99;  ///< α
  double epsilon = 1e-8;
  double momentum = 0;
  double weight_decay = 0;  ///< adds λ p to the gradient
};
/// v ← α v + (1 − α) g²,  u ← μ u + g/(√v + ε),  p ← p − rate·u.   Hinton 2012, lecture 6e.
class RMSProp final : public Optimiser {
 public:
  explicit RMSProp(std::span<const ParameterRef> parameters, const RMSPropOptions& options = {});
  RMSPropOptions options;

 private:
  const Rule& rule() const override;
  std::vector<double> settings() const override;
};

}  // namespace chainrule::nn
