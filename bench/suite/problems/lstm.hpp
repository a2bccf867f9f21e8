// A long short-term memory that predicts the next character of a text, with diagonal weights:
// ADBench's LSTM. l layers of b units; the gates of a unit read nothing but the unit's own input x
// and hidden state h:
//
//   forget = σ(x w_f + b_f)   in = σ(h w_i + b_i)   out = σ(x w_o + b_o)   change = tanh(h w_c +
//   b_c) c ← c · forget + in · change        h ← out · tanh(c)
//
//   loss = −Σ_t Σ_i gold_i (y_i − log(2 + Σ_j exp(y_j))) / (b (steps))      y = h w_out + b_out
//
// Inputs: for each layer 4 b weights and 4 b biases (forget, in, out, change), then b input
// weights, b output weights, b output biases. The state at the start and the text are data.
#pragma once

#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

class Lstm {
 public:
  static constexpr Index kOutputs = 1;
  static constexpr Tasks kTasks = Tasks::added;

  /// A text of `characters`, 14 bits each as published.
  Lstm(Index layers, Index characters, Index bits = 14)
      : layers_(layers), characters_(characters), bits_(bits) {
    Draw draw(8);
    inputs_ = draw.uniforms(layers * 8 * bits + 3 * bits, 0, 1);
    state_ = draw.uniforms(layers * 2 * bits, 0, 1);
    text_.resize(characters * bits);
    for (double& bit : text_) bit = static_cast<double>(draw.below(2));
  }
  Lstm(Index layers, Index bits, std::vector<double> inputs, std::vector<double> state,
       std::vector<double> text)
      : layers_(layers),
        characters_(text.size() / bits),
        bits_(bits),
        inputs_(std::move(inputs)),
        state_(std::move(state)),
        text_(std::move(text)) {}

  Index count() const { return 1; }
  Index inputs() const { return inputs_.size(); }
  double step() const { return 1e-4; }
  const double* point(Index) const { return inputs_.data(); }
  std::vector<Part> groups() const {
    return {{"layers", layers_ * 8 * bits_}, {"ends", 3 * bits_}};
  }

  Index layers() const { return layers_; }
  Index characters() const { return characters_; }
  Index bits() const { return bits_; }
  /// Of each layer b hidden numbers and b of the cell.
  std::span<const double> state() const { return state_; }
  std::span<const double> text() const { return text_; }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    const S* extra = x + layers_ * 8 * bits_;
    std::vector<S> state(state_.begin(), state_.end()), predicted(bits_);
    S total = 0.0;
    for (Index t = 0; t + 1 < characters_; ++t) {
      for (Index i = 0; i < bits_; ++i) {
        predicted[i] =
            unit_step(x + i, bits_, extra + i, state.data() + i, bits_, text_[t * bits_ + i]);
      }
      total += step_gain(predicted.data(), &text_[(t + 1) * bits_]);
    }
    y[0] = -(total * scale());
  }

  /// −loss is this times the sum of the steps' gains.
  double scale() const { return 1 / static_cast<double>(bits_ * (characters_ - 1)); }

  // ---- the parts
  // ---------------------------------------------------------------------------------

  template <class S>
  static S sigmoid_of(const S& x) {
    using std::exp;
    return 1.0 / (1.0 + exp(-x));
  }

  /// One unit through all layers for one character: gives its prediction, and moves its state on.
  /// Weights of one unit stand `stride` apart, and its state likewise. `input` may be of another
  /// type than S.
  template <class S, class X>
  S unit_step(const S* weights, Index stride, const S* extra, S* state, Index state_stride,
              const X& input) const {
    using std::tanh;
    S x = input * extra[0];
    for (Index l = 0; l < layers_; ++l) {
      const S* w = weights + l * 8 * stride;
      const S* b = w + 4 * stride;
      S& hidden = state[2 * l * state_stride];
      S& cell = state[(2 * l + 1) * state_stride];
      const S forget = sigmoid_of<S>(x * w[0] + b[0]);
      const S in = sigmoid_of<S>(hidden * w[stride] + b[stride]);
      const S out = sigmoid_of<S>(x * w[2 * stride] + b[2 * stride]);
      const S change = tanh(hidden * w[3 * stride] + b[3 * stride]);
      cell = cell * forget + in * change;
      hidden = out * tanh(cell);
      x = hidden;
    }
    return x * extra[stride] + extra[2 * stride];
  }

  /// Σ_i gold_i (y_i − log(2 + Σ_j exp(y_j))). `gold` may be of another type than S.
  template <class S, class X>
  S step_gain(const S* predicted, const X* gold) const {
    using std::exp, std::log;
    S sum = 2.0;
    for (Index i = 0; i < bits_; ++i) sum += exp(predicted[i]);
    const S norm = log(sum);
    S gain = 0.0;
    for (Index i = 0; i < bits_; ++i) gain += gold[i] * (predicted[i] - norm);
    return gain;
  }

 private:
  Index layers_, characters_, bits_;
  std::vector<double> inputs_, state_, text_;
};

}  // namespace bench
