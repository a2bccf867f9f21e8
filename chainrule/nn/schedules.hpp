// Schedules: the learning rate as a function of the step, 0, 1, …; plain data, so that a checkpoint
// and a command line can hold one.
//
//   const nn::Schedule rate = nn::cosine(1e-3, 10'000).after_warm_up(500);
//   for (…; ++step) { adam.rate = rate(step); … }
#pragma once

#include <cstdint>

namespace chainrule::nn {

struct Schedule {
  enum class Kind : std::uint8_t { constant, stepped, exponential, cosine };

  /// The rate of that step.
  double operator()(std::int64_t step) const;
  /// The same, the step counted from the end of a warm-up of `steps` steps, in which the rate grows
  /// evenly: step k has (k + 1)/steps of the first rate.
  Schedule after_warm_up(std::int64_t steps) const;

  Kind kind = Kind::constant;
  double rate = 1e-3;       ///< the first
  double factor = 1.0;      ///< of stepped and exponential
  std::int64_t period = 1;  ///< of stepped: steps with one rate; of cosine: steps to the last rate
  double last = 0.0;        ///< of cosine
  std::int64_t warm_up = 0;
};

/// rate.
Schedule constant_rate(double rate);
/// rate · factor^⌊step/every⌋. Throws Error for every < 1.
Schedule stepped(double rate, std::int64_t every, double factor);
/// rate · factorˢᵗᵉᵖ.
Schedule exponential(double rate, double factor);
/// last + (rate − last)(1 + cos(π step/steps))/2, and `last` from then on. Loshchilov & Hutter
/// 2017, eq. 5, without restarts. Throws Error for steps < 1.
Schedule cosine(double rate, std::int64_t steps, double last = 0.0);

}  // namespace chainrule::nn
