// The derivative by differences: the step is swept, the limit extrapolated, the error estimated.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace chainrule::laws {

struct Slope {
  double value = 0;
  double error = std::numeric_limits<double>::infinity();
  bool smooth = true;  ///< left, right and best slopes agree: no kink here

  bool conclusive(double size) const {
    return smooth && error <= 1e-7 * (std::fabs(value) + std::fabs(size));
  }
};

// Central differences of shrinking steps, extrapolated to step 0 (Ridders 1982; Richardson).
template <class F>
Slope ridders(F&& f, double x, double h) {
  constexpr int kRows = 9;
  constexpr double kShrink = 1.6;
  double table[kRows][kRows];
  Slope best;
  for (int i = 0; i < kRows; ++i, h /= kShrink) {
    const double above = x + h, below = x - h;
    table[0][i] = (f(above) - f(below)) / (above - below);
    double factor = 1;
    for (int j = 1; j <= i; ++j) {
      factor *= kShrink * kShrink;
      table[j][i] = table[j - 1][i] + (table[j - 1][i] - table[j - 1][i - 1]) / (factor - 1);
      const double error = std::max(std::fabs(table[j][i] - table[j - 1][i]),
                                    std::fabs(table[j][i] - table[j - 1][i - 1]));
      if (error < best.error) best.error = error, best.value = table[j][i];
    }
    if (i > 2 && std::fabs(table[i][i] - table[i - 1][i - 1]) > 4 * best.error) break;
  }
  return best;
}

// The derivative of f at x, the first step swept as well; `room` bounds it.
template <class F>
Slope slope_of(F&& f, double x, double room) {
  const double scale = std::max(std::fabs(x), 0.1);
  Slope best;
  for (const double fraction : {0.3, 0.03, 0.003}) {
    const Slope slope = ridders(f, x, std::min(fraction * scale, 0.4 * room));
    if (slope.error < best.error) best = slope;
  }
  const double h = std::min(1e-6 * scale, 0.4 * room), middle = f(x);
  const double right = (f(x + h) - middle) / h, left = (middle - f(x - h)) / h;
  const double noise = 1e-14 * std::fabs(middle) / h;
  const double near = 1e-3 * std::max({std::fabs(left), std::fabs(right), 1e-3}) + noise;
  best.smooth = std::isfinite(middle) && std::fabs(right - left) <= near &&
                std::fabs(best.value - (left + right) / 2) <= near;
  best.error += 1e-14 * std::fabs(middle) / std::min(0.003 * scale, 0.4 * room);
  return best;
}

}  // namespace chainrule::laws
