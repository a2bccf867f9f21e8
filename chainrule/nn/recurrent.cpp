#include "chainrule/nn/recurrent.hpp"

#include <cmath>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/move.hpp"

namespace chainrule::nn {

namespace {

// One pass each over the gates and states of a step.
const auto& next_c() {
  static const auto pass =
      map<4>([](auto i, auto f, auto g, auto c) { return sigmoid(f) * c + sigmoid(i) * tanh(g); });
  return pass;
}
const auto& next_h() {
  static const auto pass = map<2>([](auto o, auto c) { return sigmoid(o) * tanh(c); });
  return pass;
}

}  // namespace

Tensor lstm_by_steps(const Tensor& x, const LSTMState& first, const Tensor& weight_x,
                     const Tensor& weight_h, const Tensor& bias) {
  const std::int64_t hidden = weight_h.shape()[1];
  const Tensor driven = matmul(x, transpose(weight_x)) + bias;  // (time, batch, 4 hidden)
  const Tensor weight = transpose(weight_h);
  std::vector<Tensor> h = {first.h}, c = {first.c};
  for (std::int64_t t = 0; t < x.shape()[0]; ++t) {
    const Tensor gates = pick(driven, 0, t) + matmul(h.back(), weight);
    const auto gate = [&](std::int64_t k) {
      return slice(gates, -1, {k * hidden, (k + 1) * hidden});
    };
    c.push_back(next_c()(gate(0), gate(1), gate(2), c.back()));
    h.push_back(next_h()(gate(3), c.back()));
  }
  return stack({stack(h), stack(c)});
}

// ---- the module -------------------------------------------------------------------------------

LSTM::LSTM(std::int64_t in, std::int64_t hidden, Random& random, Precision element) {
  if (in < 1 || hidden < 1) {
    fail("lstm", "from " + std::to_string(in) + " to " + std::to_string(hidden) +
                     " numbers: at least one is needed on both sides");
  }
  const double most = 1.0 / std::sqrt(static_cast<double>(hidden));
  weight_ih = Parameter(random.uniform({4 * hidden, in}, -most, most, element));
  weight_hh = Parameter(random.uniform({4 * hidden, hidden}, -most, most, element));
  std::vector<double> first(static_cast<std::size_t>(4 * hidden), 0.0);
  for (std::int64_t k = hidden; k < 2 * hidden; ++k) first[static_cast<std::size_t>(k)] = 1.0;
  bias = Parameter(cast(tensor(first), element));
}

LSTMOutput LSTM::operator()(const Tensor& x) const {
  if (x.rank() != 3) {
    fail("lstm", "a sequence of shape " + to_string(x.shape()) + ": it is (time, batch, in)");
  }
  const Tensor none = zeros({x.shape()[1], hidden()}, weight_hh.value().element());
  return (*this)(x, {none, none});
}

LSTMOutput LSTM::operator()(const Tensor& x, const LSTMState& first) const {
  const Tensor states = lstm(x, first, weight_ih, weight_hh, bias);
  const Tensor h = pick(states, 0, 0), c = pick(states, 0, 1);
  return {slice(h, 0, {1}), {pick(h, 0, -1), pick(c, 0, -1)}};
}

void LSTM::parts(Parts& part) {
  part("weight_ih", weight_ih);
  part("weight_hh", weight_hh);
  part("bias", bias);
}

}  // namespace chainrule::nn
