#include "chainrule/nn/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "chainrule/base/error.hpp"

namespace chainrule::nn {

double Schedule::operator()(std::int64_t step) const {
  if (step < warm_up) {
    Schedule plain = *this;
    plain.warm_up = 0;
    return plain(0) * static_cast<double>(step + 1) / static_cast<double>(warm_up);
  }
  const std::int64_t k = step - warm_up;
  switch (kind) {
    case Kind::constant: return rate;
    case Kind::stepped: return rate * std::pow(factor, static_cast<double>(k / period));
    case Kind::exponential: return rate * std::pow(factor, static_cast<double>(k));
    case Kind::cosine: {
      const double part = static_cast<double>(std::min(k, period)) / static_cast<double>(period);
      return last + (rate - last) * (0.5 * (1.0 + std::cos(std::numbers::pi * part)));
    }
  }
  __builtin_unreachable();
}

Schedule Schedule::after_warm_up(std::int64_t steps) const {
  Schedule later = *this;
  later.warm_up = steps;
  return later;
}

namespace {

std::int64_t at_least_one(std::int64_t steps, const char* where) {
  if (steps < 1) fail(where, std::to_string(steps) + " steps: at least one is needed");
  return steps;
}

}  // namespace

Schedule constant_rate(double rate) { return {.kind = Schedule::Kind::constant, .rate = rate}; }

Schedule stepped(double rate, std::int64_t every, double factor) {
  return {.kind = Schedule::Kind::stepped,
          .rate = rate,
          .factor = factor,
          .period = at_least_one(every, "stepped")};
}

Schedule exponential(double rate, double factor) {
  return {.kind = Schedule::Kind::exponential, .rate = rate, .factor = factor};
}

Schedule cosine(double rate, std::int64_t steps, double last) {
  return {.kind = Schedule::Kind::cosine,
          .rate = rate,
          .period = at_least_one(steps, "cosine"),
          .last = last};
}

}  // namespace chainrule::nn
