// LSTM: the gates of every step are kept, and the adjoints of hidden and cell run backwards in
// time. With p = exp(y)/(2 + Σ exp(y)) and G = Σ gold:   ȳ = −scale (gold − G p)
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const Lstm& problem, const double* inputs, Values values) {
  problem.evaluate(0, inputs, values.data());
}

namespace {

/// What a unit kept of one step.
struct Unit {
  double x, hidden, cell, forget, in, out, change, bent;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

void derive(const Lstm& problem, Values values, Derivatives derivatives) {
  const Index layers = problem.layers(), b = problem.bits(), steps = problem.characters() - 1;
  const double* weights = problem.point(0);
  const double* ends = weights + layers * 8 * b;
  std::fill(derivatives.begin(), derivatives.end(), 0.0);
  double* d_weights = derivatives.data();
  double* d_ends = d_weights + layers * 8 * b;

  std::vector<double> state(problem.state().begin(), problem.state().end());
  std::vector<Unit> units(steps * layers * b);
  std::vector<double> pulled(steps * b), last(steps * b), input(b), terms(b);
  double total = 0;
  for (Index t = 0; t < steps; ++t) {
    const double* text = &problem.text()[t * b];
    for (Index i = 0; i < b; ++i) input[i] = text[i] * ends[i];
    for (Index l = 0; l < layers; ++l) {
      const double* w = weights + l * 8 * b;
      const double* bias = w + 4 * b;
      double *hidden = &state[2 * l * b], *cell = hidden + b;
      Unit* unit = &units[(t * layers + l) * b];
      for (Index i = 0; i < b; ++i) {
        Unit& u = unit[i];
        u.x = input[i];
        u.hidden = hidden[i];
        u.cell = cell[i];
        u.forget = sigmoid(u.x * w[i] + bias[i]);
        u.in = sigmoid(u.hidden * w[b + i] + bias[b + i]);
        u.out = sigmoid(u.x * w[2 * b + i] + bias[2 * b + i]);
        u.change = std::tanh(u.hidden * w[3 * b + i] + bias[3 * b + i]);
        cell[i] = u.cell * u.forget + u.in * u.change;
        u.bent = std::tanh(cell[i]);
        hidden[i] = input[i] = u.out * u.bent;
      }
    }
    const double* gold = text + b;
    double sum = 2, of_gold = 0, gain = 0;
    for (Index i = 0; i < b; ++i) {
      last[t * b + i] = input[i];
      const double y = input[i] * ends[b + i] + ends[2 * b + i];
      sum += terms[i] = std::exp(y);
      of_gold += gold[i];
      gain += gold[i] * y;
    }
    total += gain - of_gold * std::log(sum);
    const double share = of_gold / sum;
    for (Index i = 0; i < b; ++i) {
      pulled[t * b + i] = -problem.scale() * (gold[i] - share * terms[i]);
    }
  }
  values[0] = -total * problem.scale();

  std::vector<double> hidden_bar(layers * b, 0.0), cell_bar(layers * b, 0.0), x_bar(b);
  for (Index t = steps; t-- > 0;) {
    for (Index i = 0; i < b; ++i) {
      const double y_bar = pulled[t * b + i];
      d_ends[b + i] += y_bar * last[t * b + i];
      d_ends[2 * b + i] += y_bar;
      x_bar[i] = y_bar * ends[b + i];
    }
    for (Index l = layers; l-- > 0;) {
      const double* w = weights + l * 8 * b;
      double *d_w = d_weights + l * 8 * b, *d_bias = d_w + 4 * b;
      const Unit* unit = &units[(t * layers + l) * b];
      for (Index i = 0; i < b; ++i) {
        const Unit& u = unit[i];
        const double h = hidden_bar[l * b + i] + x_bar[i];
        const double c = cell_bar[l * b + i] + h * u.out * (1 - u.bent * u.bent);
        const double forget = c * u.cell * u.forget * (1 - u.forget);
        const double in = c * u.change * u.in * (1 - u.in);
        const double out = h * u.bent * u.out * (1 - u.out);
        const double change = c * u.in * (1 - u.change * u.change);
        cell_bar[l * b + i] = c * u.forget;
        hidden_bar[l * b + i] = in * w[b + i] + change * w[3 * b + i];
        x_bar[i] = forget * w[i] + out * w[2 * b + i];
        d_w[i] += forget * u.x;
        d_w[b + i] += in * u.hidden;
        d_w[2 * b + i] += out * u.x;
        d_w[3 * b + i] += change * u.hidden;
        d_bias[i] += forget;
        d_bias[b + i] += in;
        d_bias[2 * b + i] += out;
        d_bias[3 * b + i] += change;
      }
    }
    for (Index i = 0; i < b; ++i) d_ends[i] += x_bar[i] * problem.text()[t * b + i];
  }
}

}  // namespace bench::manual
