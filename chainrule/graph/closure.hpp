// Closure: code that is run again inside of a block, with whatever Scalars it captured.
//
// The code is run once when the block is made, on an inner tape, which tells what it captured. From
// then on the captures are inputs of the block like its arguments, and wherever the code runs
// again, they have the values (or stand for the nodes) that the block is given.
#pragma once

#include <utility>

#include "chainrule/graph/function.hpp"
#include "chainrule/tape/arrival.hpp"
#include "chainrule/tape/inner.hpp"

namespace chainrule {

class Closure {
 public:
  /// Runs the code once with these arguments. Throws what it throws.
  Closure(std::shared_ptr<const Callable> code, std::span<const Scalar> arguments);

  std::size_t arguments() const { return arguments_; }
  std::size_t outputs() const { return outputs_; }
  /// What the run gave when the block was made.
  const std::vector<double>& first_results() const { return first_results_; }
  const std::vector<Scalar>& captured() const { return captured_; }
  /// Arguments and captures.
  std::size_t inputs() const { return arguments_ + captured_.size(); }
  /// The operands of a block that runs this code: the arguments, and what it captured.
  std::vector<Scalar> operands(std::span<const Scalar> arguments) const;

  /// A run on a tape of its own at x, the values of the inputs.
  class Run {
   public:
    Run(const Closure& closure, std::span<const double> x);
    const std::vector<Scalar>& inputs() const { return inputs_; }
    const std::vector<Scalar>& outputs() const { return outputs_; }

   private:
    Inner inner_;
    std::vector<Scalar> inputs_, outputs_;
  };

  /// A run on the active tape, where x are the inputs. What it computes hangs on x alone.
  std::vector<Scalar> record(std::span<const Scalar> x) const;

 private:
  void run(std::span<const Scalar> in, std::vector<Scalar>& out) const;

  std::shared_ptr<const Callable> code_;
  std::size_t arguments_;
  std::size_t outputs_ = 0;
  std::vector<Scalar> captured_;
  std::vector<double> first_results_;
};

namespace detail {

/// Σⱼ z̄ⱼ ∂outⱼ/∂x and Σₖ ∂out/∂xₖ ẋₖ for outputs that hang on x alone, recorded. Entries that
/// nothing arrives at stay as they are; of inputs that are the same node the first gets all.
void pull_to_inputs(std::span<const Scalar> outputs, std::span<const Arrival> zbar,
                    std::span<const Scalar> x, std::span<Arrival> xbar);
void push_from_inputs(std::span<const Scalar> outputs, std::span<const Scalar> x,
                      std::span<const Arrival> xdot, std::span<Arrival> zdot);

// A value of this shape, filled with `flat`.
template <class Shape>
auto in_shape(const Shape& shape, std::span<const Scalar> flat) {
  std::size_t k = 0;
  return map_reals_to<Scalar>(shape, [&](const auto&) { return flat[k++]; });
}

template <class Value>
std::vector<Scalar> flat_scalars(const Value& value) {
  std::vector<Scalar> all;
  each_real(value, [&](const auto& number) { all.push_back(number); });
  return all;
}

// f on arguments of these shapes. The first run tells the shape of the result.
template <class F, class Shapes, class Result>
class ShapedCode final : public Callable {
 public:
  ShapedCode(F f, Shapes shapes, Result* first)
      : f_(std::move(f)), shapes_(std::move(shapes)), first_(first) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    const Result result = std::apply(f_, in_shape(shapes_, in));
    if (first_ != nullptr) *std::exchange(first_, nullptr) = result;
    each_real(result, [&](const auto& number) { out.push_back(number); });
  }

 private:
  F f_;
  Shapes shapes_;
  mutable Result* first_;  // taken in the first run, before anybody else has this
};

}  // namespace detail

}  // namespace chainrule
