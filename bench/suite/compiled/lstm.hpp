// LSTM: rows are the units, which read nothing of each other but in the loss, and the characters of
// a row a loop. Forwards each unit gives its predictions, and keeps what its pullback reads; the
// loss of every step is then differentiated, a row a step; backwards the pullback takes the
// adjoints of all predictions of a unit.
//
// Number j of unit i stands at j w + i, whatever it is, where w is the number of units rounded up
// to whole vectors: so kernels read and write it where it stands. The units that there are not
// compute with zeros, and nobody reads what.
#pragma once

#include <algorithm>

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/lstm.hpp"
#include "chainrule/transform/loop.hpp"
#include "chainrule/transform/split.hpp"

namespace bench::suite {

class CompiledLstm {
 public:
  explicit CompiledLstm(const Lstm& problem)
      : problem_(problem),
        b_(problem.bits()),
        steps_(problem.characters() - 1),
        w_((b_ + kVector - 1) / kVector * kVector),
        weights_(8 * problem.layers()),
        state_(2 * problem.layers()),
        stages_(chainrule::split(units(), 4)),
        forward_(kernels_.make([&] { return stages_.early; })),
        loss_(kernels_.make([&] { return loss(); })),
        backward_(kernels_.make([&] { return stages_.late; })),
        inputs_((weights_ + 3) * w_),
        states_(state_ * w_),
        text_(steps_ * w_),
        predictions_(steps_ * w_),
        prediction_bars_(steps_ * w_),
        kept_(stages_.kept * w_),
        gradient_((weights_ + 3) * w_) {
    widen(problem.state(), states_);
    widen(problem.text().first(steps_ * b_), text_);
  }

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, unsigned threads) {
    const std::span<const double> inputs(problem_.point(0), problem_.inputs());
    widen(inputs, inputs_);
    const std::span<const double> all(inputs_);
    forward_.run(
        std::vector{columns_of(all.first(weights_ * w_), w_), columns_of(all.last(3 * w_), w_),
                    columns_of(states_, w_), columns_of(text_, w_)},
        std::vector{to_columns(predictions_, steps_, w_), to_columns(kept_, stages_.kept, w_)}, w_,
        threads);

    double value = 0;
    Source predicted = Source::rows(predictions_, w_);
    Sink bars = Sink::rows(prediction_bars_, w_);
    bars.count = b_;
    loss_.run(std::vector{predicted, Source::rows(problem_.text().subspan(b_), b_)},
              std::vector{Sink::sum({&value, 1}), bars}, steps_, threads);

    const std::span<double> found(gradient_);
    backward_.run(std::vector{columns_of(kept_, w_), columns_of(prediction_bars_, w_)},
                  std::vector{to_columns(found.first(weights_ * w_), weights_, w_),
                              to_columns(found.last(3 * w_), 3, w_)},
                  w_, threads);
    for (Index j = 0; j < weights_ + 3; ++j) {
      std::copy_n(&gradient_[j * w_], b_, &gradient[j * b_]);
    }
    return value;
  }

 private:
  static constexpr Index kVector = 8;

  void widen(std::span<const double> numbers, std::span<double> to) const {
    for (Index j = 0; j * b_ < numbers.size(); ++j) {
      std::copy_n(&numbers[j * b_], b_, &to[j * w_]);
    }
  }

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
  /// (predictions, gold) ↦ a step's part of the loss and its gradient by the predictions.
  Function loss() const {
    return chainrule::value_and_grad(chainrule::record(
        [this](const Scalars& predictions, const Scalars& gold) {
          return -(problem_.step_gain(predictions.data(), gold.data()) * problem_.scale());
        },
        chainrule::shape(b_), chainrule::shape(b_)));
  }
  /// With the adjoints of its predictions: a unit's predictions, then the adjoints of its weights
  /// and ends.
  Function units() const {
    return chainrule::record(
        [this](const Scalars& w, const Scalars& e, const Scalars& s, const Scalars& text,
               const Scalars& bars) {
          Scalars by(w);
          append(by, e);
          Scalars out = predictions_of(w, e, s, text);
          append(out, chainrule::recorded_vjp(out, bars, by));
          return out;
        },
        chainrule::shape(weights_), chainrule::shape(3), chainrule::shape(state_),
        chainrule::shape(steps_), chainrule::shape(steps_));
  }

  const Lstm& problem_;
  const Index b_, steps_, w_, weights_, state_;  ///< the last two: numbers a unit
  Kernels kernels_;
  chainrule::Split stages_;
  Kernel forward_, loss_, backward_;
  std::vector<double> inputs_, states_, text_, predictions_, prediction_bars_, kept_, gradient_;
};

}  // namespace bench::suite
