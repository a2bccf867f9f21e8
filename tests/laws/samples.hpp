// Points at which the laws are asked, drawn from each row's domain; the same on every machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/laws/reading.hpp"

namespace chainrule::laws {

/// What an operand is, as its domain says.
bool is_parameter(
    const Interval& domain);  ///< an order, an integer or a truth: it has no derivative
bool contains(const Interval& domain, double x);

/// Ordinary points inside the domain, sizes 1e-2 to 10, both signs where allowed.
std::vector<Point> ordinary_points(const OpInfo& row, int count);
/// Every combination of 0, ±1, ±2.5 and 1000 (and of NaN, ±∞, ±0, subnormal, huge: special_points).
std::vector<Point> simple_points(const OpInfo& row);
std::vector<Point> special_points(const OpInfo& row);

/// The size of f near x if it changes sign there, else 0: what errors are measured in near a zero.
template <class F>
double size_near_zero(F&& f, const Point& x, int arity) {
  double size = 0, least = f(x), most = least;
  for (std::size_t k = 0; k < static_cast<std::size_t>(arity); ++k) {
    for (const double factor : {0.95, 0.98, 1.02, 1.05}) {
      Point near = x;
      near[k] *= factor;
      const double v = f(near);
      if (!std::isfinite(v)) continue;
      least = std::min(least, v), most = std::max(most, v);
      size = std::max(size, std::fabs(v));
    }
  }
  return least < 0 && most > 0 ? size : 0;
}

}  // namespace chainrule::laws
