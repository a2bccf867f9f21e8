// Points at which the laws are asked, drawn from each row's domain; the same on every machine.
#pragma once

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

}  // namespace chainrule::laws
