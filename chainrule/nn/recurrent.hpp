// LSTM: long short-term memory over a sequence. Hochreiter & Schmidhuber 1997, with the forget gate
// of Gers, Schmidhuber & Cummins 2000:
//
//   i, f, g, o = Wx xₜ + Wh hₜ₋₁ + b         (the four gates, one under the other in the weights)
//   cₜ = σ(f) cₜ₋₁ + σ(i) tanh(g)
//   hₜ = σ(o) tanh(cₜ)
//
// A whole sequence is one operation: the products with x are one for all steps; a step is the
// product with h and one pass over the gates; and so is its derivative.
#pragma once

#include "chainrule/nn/module.hpp"

namespace chainrule::nn {

/// What an LSTM carries from step to step: h and c, (batch, hidden) each.
struct LSTMState {
  Tensor h, c;
};
struct LSTMOutput {
  Tensor outputs;   ///< h of every step: (time, batch, hidden)
  LSTMState state;  ///< after the last one
};

/// The operation: x (time, batch, in), states (batch, hidden), weights (4 hidden, in) and
/// (4 hidden, hidden), bias (4 hidden,). Gives h and c, (2, time + 1, batch, hidden), beginning
/// with the state before the first step. Throws Error that names the shapes.
Tensor lstm(const Tensor& x, const LSTMState& first, const Tensor& weight_x, const Tensor& weight_h,
            const Tensor& bias, Location at = Location::here());
/// The same step by step, in elementary operations: what lstm() is checked against, and what its
/// derivatives of higher order are taken of.
Tensor lstm_by_steps(const Tensor& x, const LSTMState& first, const Tensor& weight_x,
                     const Tensor& weight_h, const Tensor& bias);

/// Parameters: weight_ih (4 hidden, in), weight_hh (4 hidden, hidden), bias (4 hidden,). Weights
/// begin uniform on ±1/√hidden, the bias with zeros, and with ones for the forget gate
/// (Jozefowicz, Zaremba & Sutskever 2015).
class LSTM : public Module {
 public:
  LSTM(std::int64_t in, std::int64_t hidden, Random& random, Precision element = f64);

  /// x (time, batch, in), from zeros or from a state.
  LSTMOutput operator()(const Tensor& x) const;
  LSTMOutput operator()(const Tensor& x, const LSTMState& first) const;
  void parts(Parts& part) override;
  std::int64_t inputs() const { return weight_ih.value().shape()[1]; }
  std::int64_t hidden() const { return weight_hh.value().shape()[1]; }

  Parameter weight_ih, weight_hh, bias;
};

}  // namespace chainrule::nn
