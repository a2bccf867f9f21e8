// A portfolio of swaptions under the LIBOR market model, by Monte Carlo: Giles & Glasserman,
// "Smoking adjoints" (Risk 2006). N forward rates at quarterly dates move in M steps to the
// exercise date; 15 swaptions of five lengths and three swap rates are then paid. A path reads M
// normal numbers z.
//
//   v = Σ_{k=n+1..i} δλ_{k−n−1} L_k / (1 + δL_k)       L_i ← L_i exp(δλ v + λ (√δ zₙ − ½ δλ)),
//                                                       with λ = λ_{i−n−1},   i = n+1 … N−1
//
//   payoff = 100 Σ_s max(0, 1 − B_s − r_s S_s) / Π_{n<M} (1 + δLₙ)
//
// where B_s discounts from the exercise date to the swap's end and S_s is its annuity. Inputs: the
// rates at the start L and the volatilities λ, whose derivatives are the deltas and the vegas,
// summed over the paths.
#pragma once

#include <algorithm>
#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

class Swaptions {
 public:
  static constexpr Index kOutputs = 1;
  static constexpr Tasks kTasks = Tasks::added;
  static constexpr Index kLongest = 40;  ///< quarters that the longest swap lasts
  static constexpr Index kLengths[] = {4, 8, 20, 28, 40};
  static constexpr double kSwapRates[] = {0.045, 0.05, 0.055};
  static constexpr double kDelta = 0.25;

  Swaptions(Index steps, Index paths)
      : steps_(steps), rates_(steps + kLongest), normals_(steps * paths) {
    Draw draw(15);
    inputs_.assign(rates_, 0.05);
    inputs_.insert(inputs_.end(), rates_, 0.2);
    for (double& x : inputs_) x *= draw.uniform(0.9, 1.1);
    for (double& z : normals_) z = draw.normal();
  }

  Index count() const { return normals_.size() / steps_; }
  Index inputs() const { return inputs_.size(); }
  /// Short, lest a swaption go in or out of the money.
  double step() const { return 1e-8; }
  const double* point(Index) const { return inputs_.data(); }
  std::vector<Part> groups() const { return {{"deltas", rates_}, {"vegas", rates_}}; }

  Index steps() const { return steps_; }
  Index rates() const { return rates_; }
  std::span<const double> normals() const { return normals_; }
  const double* path(Index t) const { return &normals_[t * steps_]; }

  template <class S>
  void evaluate(Index t, const S* x, S* y) const {
    std::vector<S> rates(x, x + rates_);
    y[0] = path_value(rates.data(), x + rates_, path(t));
  }

  /// One path, in place on the rates; the normals may be of another type than S.
  template <class S, class Z>
  S path_value(S* rates, const S* volatilities, const Z* z) const {
    using std::exp;
    for (Index n = 0; n < steps_; ++n) {
      const Z shock = std::sqrt(kDelta) * z[n];
      S drift = 0.0;
      for (Index i = n + 1; i < rates_; ++i) {
        const S& volatility = volatilities[i - n - 1];
        const S scaled = kDelta * volatility;
        drift += scaled * rates[i] / (1.0 + kDelta * rates[i]);
        rates[i] *= exp(scaled * drift + volatility * (shock - 0.5 * scaled));
      }
    }
    return portfolio(rates);
  }

  template <class S>
  S portfolio(const S* rates) const {
    S bond = 1.0, annuity = 0.0, payoff = 0.0;
    Index length = 0;
    for (Index n = steps_; n < rates_; ++n) {
      bond = bond / (1.0 + kDelta * rates[n]);
      annuity += kDelta * bond;
      if (n + 1 - steps_ != kLengths[length]) continue;
      for (const double rate : kSwapRates) {
        payoff += larger<S>(1.0 - bond - rate * annuity, S(0.0));
      }
      ++length;
    }
    payoff *= 100.0;
    for (Index n = 0; n < steps_; ++n) payoff = payoff / (1.0 + kDelta * rates[n]);
    return payoff;
  }

 private:
  Index steps_, rates_;
  std::vector<double> inputs_, normals_;
};

}  // namespace bench
