// LSTM: rows are the units of a step, and for the loss the steps. Forwards the states of all steps
// are kept; the loss of every step is then differentiated at once; backwards a step's pullback is
// run on the adjoints of its prediction and of the state that it left.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/lstm.hpp"

namespace bench::suite {

class CompiledLstm {
 public:
  explicit CompiledLstm(const Lstm& problem)
      : problem_(problem),
        b_(problem.bits()),
        steps_(problem.characters() - 1),
        weights_(8 * problem.layers()),
        state_(2 * problem.layers()),
        states_((steps_ + 1) * state_ * b_),
        predictions_(steps_ * b_),
        prediction_bars_(steps_ * b_),
        bars_(2 * state_ * b_),
        forward_(kernels_.make([&] { return forward(); })),
        loss_(kernels_.make([&] { return loss(); })),
        backward_(kernels_.make([&] { return backward(); })) {
    std::copy(problem.state().begin(), problem.state().end(), states_.begin());
  }

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, unsigned threads) {
    const std::span<const double> inputs(problem_.point(0), problem_.inputs());
    const Source weights = columns_of(inputs.first(weights_ * b_), b_);
    const Source ends = columns_of(inputs.last(3 * b_), b_);
    for (Index t = 0; t < steps_; ++t) {
      const Source sources[] = {weights, ends, columns_of(state(t), b_), text(t)};
      const Sink sinks[] = {to_columns(std::span(predictions_).subspan(t * b_, b_), 1, b_),
                            to_columns(state(t + 1), state_, b_)};
      forward_.run(sources, sinks, b_);
    }

    double value = 0;
    const Source loss_sources[] = {Source::rows(predictions_, b_),
                                   Source::rows(problem_.text().subspan(b_), b_)};
    const Sink loss_sinks[] = {Sink::sum({&value, 1}), Sink::rows(prediction_bars_, b_)};
    loss_.run(loss_sources, loss_sinks, steps_, threads);

    std::fill(gradient.begin(), gradient.end(), 0.0);
    std::fill(bars_.begin(), bars_.end(), 0.0);
    std::span<double> bar = std::span(bars_).first(state_ * b_);
    std::span<double> before = std::span(bars_).last(state_ * b_);
    for (Index t = steps_; t-- > 0;) {
      const Source sources[] = {
          weights,
          ends,
          columns_of(state(t), b_),
          text(t),
          Source::rows(std::span<const double>(prediction_bars_).subspan(t * b_, b_), 1),
          columns_of(bar, b_)};
      const Sink sinks[] = {
          to_columns(gradient.first(weights_ * b_), weights_, b_, Sink::Mode::add),
          to_columns(gradient.last(3 * b_), 3, b_, Sink::Mode::add),
          to_columns(before, state_, b_)};
      backward_.run(sources, sinks, b_);
      std::swap(bar, before);
    }
    return value;
  }

 private:
  std::span<double> state(Index t) { return {&states_[t * state_ * b_], state_ * b_}; }
  Source text(Index t) const { return Source::rows(problem_.text().subspan(t * b_, b_), 1); }

  /// (weights, ends, state, input of a unit) ↦ its prediction, and its state after the step.
  Scalars step(const Scalars& weights, const Scalars& ends, const Scalars& state,
               const Scalar& input) const {
    Scalars moved(state), out;
    out.push_back(problem_.unit_step(weights.data(), 1, ends.data(), moved.data(), 1, input));
    append(out, moved);
    return out;
  }
  Function forward() const {
    return chainrule::record([this](const Scalars& w, const Scalars& e, const Scalars& s,
                                    const Scalar& input) { return step(w, e, s, input); },
                             chainrule::shape(weights_), chainrule::shape(3),
                             chainrule::shape(state_), 0.0);
  }
  /// (predictions, gold) ↦ a step's part of the loss and its gradient by the predictions.
  Function loss() const {
    return chainrule::value_and_grad(chainrule::record(
        [this](const Scalars& predictions, const Scalars& gold) {
          return -(problem_.step_gain(predictions.data(), gold.data()) * problem_.scale());
        },
        chainrule::shape(b_), chainrule::shape(b_)));
  }
  /// With the adjoints of what a step gives, those of weights, ends and state.
  Function backward() const {
    return chainrule::record(
        [this](const Scalars& w, const Scalars& e, const Scalars& s, const Scalar& input,
               const Scalar& prediction_bar, const Scalars& state_bar) {
          Scalars by(w), bars{prediction_bar};
          append(by, e);
          append(by, s);
          append(bars, state_bar);
          return chainrule::recorded_vjp(step(w, e, s, input), bars, by);
        },
        chainrule::shape(weights_), chainrule::shape(3), chainrule::shape(state_), 0.0, 0.0,
        chainrule::shape(state_));
  }

  const Lstm& problem_;
  const Index b_, steps_, weights_, state_;  ///< the last two: numbers a unit
  std::vector<double> states_, predictions_, prediction_bars_, bars_;
  Kernels kernels_;
  Kernel forward_, loss_, backward_;
};

}  // namespace bench::suite
