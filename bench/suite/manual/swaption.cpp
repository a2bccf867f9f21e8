// Swaptions: the rates and drifts of every step of a path are kept; the adjoint of the rates runs
// back through the payoff and then through the steps (Giles & Glasserman 2006).
//
// With e = exp(s v + λ (shock − ½ s)), s = δλ, g = L̄' L e:
//   L̄ = L̄' e + v̄ s/(1 + δL)²      v̄ += g s      s̄ = g (v − ½ λ) + v̄ L/(1 + δL)
//   λ̄ += g (shock − ½ s) + δ s̄
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const Swaptions& problem, const double* inputs, Values values) {
  double sum = 0;
  for (Index t = 0; t < problem.count(); ++t) {
    double value;
    problem.evaluate(t, inputs, &value);
    sum += value;
  }
  values[0] = sum;
}

void derive(const Swaptions& problem, Values values, Derivatives derivatives) {
  constexpr double kDelta = Swaptions::kDelta;
  const double root = std::sqrt(kDelta);
  const Index rates = problem.rates(), steps = problem.steps();
  const double* volatilities = problem.point(0) + rates;
  std::fill(derivatives.begin(), derivatives.end(), 0.0);
  double* deltas = derivatives.data();
  double* vegas = deltas + rates;

  std::vector<double> states((steps + 1) * rates), drifts(steps * rates), inverses(steps * rates);
  std::vector<double> bar(rates), discounts(rates), bonds(rates + 1), bond_bars(rates + 1);
  std::copy(problem.point(0), problem.point(0) + rates, states.begin());
  double sum = 0;
  for (Index t = 0; t < problem.count(); ++t) {
    const double* z = problem.path(t);
    for (Index n = 0; n < steps; ++n) {
      const double* before = &states[n * rates];
      double* after = &states[(n + 1) * rates];
      std::copy(before, before + n + 1, after);
      const double shock = root * z[n];
      double drift = 0;
      for (Index i = n + 1; i < rates; ++i) {
        const double volatility = volatilities[i - n - 1], scaled = kDelta * volatility;
        const double inverse = 1 / (1 + kDelta * before[i]);
        drift += scaled * before[i] * inverse;
        inverses[n * rates + i] = inverse;
        drifts[n * rates + i] = drift;
        after[i] = before[i] * std::exp(scaled * drift + volatility * (shock - 0.5 * scaled));
      }
    }

    const double* final_rates = &states[steps * rates];
    double bond = 1, annuity = 0, payoff = 0, annuity_bar = 0;
    std::fill(bond_bars.begin(), bond_bars.end(), 0.0);
    // The annuity to a swap's end takes part in every bond before it: its adjoint by swap length.
    double annuity_bars[std::size(Swaptions::kLengths)] = {};
    Index length = 0;
    bonds[steps] = 1;
    for (Index n = steps; n < rates; ++n) {
      discounts[n] = 1 / (1 + kDelta * final_rates[n]);
      bond *= discounts[n];
      bonds[n + 1] = bond;
      annuity += kDelta * bond;
      if (n + 1 - steps != Swaptions::kLengths[length]) continue;
      for (const double rate : Swaptions::kSwapRates) {
        const double gain = 1 - bond - rate * annuity;
        if (gain < 0) continue;
        payoff += gain;
        bond_bars[n + 1] -= 1;
        annuity_bars[length] -= rate;
      }
      ++length;
    }
    payoff *= 100;
    double discount = 1;
    for (Index n = 0; n < steps; ++n) {
      discounts[n] = 1 / (1 + kDelta * final_rates[n]);
      discount *= discounts[n];
    }
    const double value = payoff * discount;
    sum += value;

    double bond_bar = 0;
    for (Index n = rates; n-- > steps;) {
      if (length > 0 && n + 1 - steps == Swaptions::kLengths[length - 1]) {
        annuity_bar += annuity_bars[--length];
      }
      bond_bar += bond_bars[n + 1] + kDelta * annuity_bar;
      bar[n] = -100 * discount * bond_bar * kDelta * bonds[n + 1] * discounts[n];
      bond_bar *= discounts[n];
    }
    for (Index n = 0; n < steps; ++n) bar[n] = -value * kDelta * discounts[n];

    for (Index n = steps; n-- > 0;) {
      const double* before = &states[n * rates];
      const double* after = &states[(n + 1) * rates];
      const double shock = root * z[n];
      double drift_bar = 0;
      for (Index i = rates; i-- > n + 1;) {
        const double volatility = volatilities[i - n - 1], scaled = kDelta * volatility;
        const double inverse = inverses[n * rates + i];
        const double g = bar[i] * after[i];
        drift_bar += g * scaled;
        const double scaled_bar =
            g * (drifts[n * rates + i] - 0.5 * volatility) + drift_bar * before[i] * inverse;
        vegas[i - n - 1] += g * (shock - 0.5 * scaled) + kDelta * scaled_bar;
        bar[i] = g / before[i] + drift_bar * scaled * inverse * inverse;
      }
    }
    for (Index i = 0; i < rates; ++i) deltas[i] += bar[i];
  }
  values[0] = sum;
}

}  // namespace bench::manual
