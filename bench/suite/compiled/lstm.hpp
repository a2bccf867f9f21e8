// LSTM: rows are the units, which read nothing of each other but in the loss, and the characters of
// a row a loop. Forwards each unit gives its predictions; the loss of every step is then
// differentiated, a row a step; backwards the units' pullback takes the adjoints of all their
// predictions.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/lstm.hpp"
#include "chainrule/transform/loop.hpp"

namespace bench::suite {

class CompiledLstm {
 public:
  explicit CompiledLstm(const Lstm& problem)
      : problem_(problem),
        b_(problem.bits()),
        steps_(problem.characters() - 1),
        weights_(8 * problem.layers()),
        state_(2 * problem.layers()),
        predictions_(steps_ * b_),
        prediction_bars_(steps_ * b_),
        forward_(kernels_.make([&] { return predict(); })),
        loss_(kernels_.make([&] { return loss(); })),
        backward_(kernels_.make([&] { return backward(); })) {}

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, unsigned threads) {
    const std::span<const double> inputs(problem_.point(0), problem_.inputs());
    // Number j of unit i stands at j b + i, whatever it is.
    std::vector<Source> sources = {
        columns_of(inputs.first(weights_ * b_), b_), columns_of(inputs.last(3 * b_), b_),
        columns_of(problem_.state(), b_), columns_of(problem_.text().first(steps_ * b_), b_)};
    forward_.run(sources, std::vector{to_columns(predictions_, steps_, b_)}, b_, threads);

    double value = 0;
    loss_.run(
        std::vector{Source::rows(predictions_, b_), Source::rows(problem_.text().subspan(b_), b_)},
        std::vector{Sink::sum({&value, 1}), Sink::rows(prediction_bars_, b_)}, steps_, threads);

    sources.push_back(columns_of(prediction_bars_, b_));
    backward_.run(sources,
                  std::vector{to_columns(gradient.first(weights_ * b_), weights_, b_),
                              to_columns(gradient.last(3 * b_), 3, b_)},
                  b_, threads);
    return value;
  }

 private:
  /// A unit's predictions of all characters.
  Scalars predictions_of(const Scalars& weights, const Scalars& ends, const Scalars& state,
                         const Scalars& text) const {
    return chainrule::scan(
               [this, weights, ends](const Scalars& before, const Scalar& character) {
                 Scalars after(before);
                 const Scalar prediction =
                     problem_.unit_step(weights.data(), 1, ends.data(), after.data(), 1, character);
                 return std::pair(after, prediction);
               },
               state, text)
        .ys;
  }
  Function predict() const {
    return chainrule::record([this](const Scalars& w, const Scalars& e, const Scalars& s,
                                    const Scalars& text) { return predictions_of(w, e, s, text); },
                             chainrule::shape(weights_), chainrule::shape(3),
                             chainrule::shape(state_), chainrule::shape(steps_));
  }
  /// (predictions, gold) ↦ a step's part of the loss and its gradient by the predictions.
  Function loss() const {
    return chainrule::value_and_grad(chainrule::record(
        [this](const Scalars& predictions, const Scalars& gold) {
          return -(problem_.step_gain(predictions.data(), gold.data()) * problem_.scale());
        },
        chainrule::shape(b_), chainrule::shape(b_)));
  }
  /// With the adjoints of a unit's predictions, those of its weights and ends.
  Function backward() const {
    return chainrule::record(
        [this](const Scalars& w, const Scalars& e, const Scalars& s, const Scalars& text,
               const Scalars& bars) {
          Scalars by(w);
          append(by, e);
          return chainrule::recorded_vjp(predictions_of(w, e, s, text), bars, by);
        },
        chainrule::shape(weights_), chainrule::shape(3), chainrule::shape(state_),
        chainrule::shape(steps_), chainrule::shape(steps_));
  }

  const Lstm& problem_;
  const Index b_, steps_, weights_, state_;  ///< the last two: numbers a unit
  std::vector<double> predictions_, prediction_bars_;
  Kernels kernels_;
  Kernel forward_, loss_, backward_;
};

}  // namespace bench::suite
