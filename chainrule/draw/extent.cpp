#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "chainrule/draw/extent_internal.hpp"

namespace chainrule::detail {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
// Beyond it heights overflow.
constexpr double kTooLarge = 1e300;

bool counts(double y) { return std::fabs(y) < kTooLarge; }

}  // namespace

Extent whole_extent(const Points& points) {
  Extent extent{kInf, -kInf};
  for (const double y : points.y) {
    if (!counts(y)) continue;
    extent.low = std::min(extent.low, y);
    extent.high = std::max(extent.high, y);
  }
  return extent;
}

Extent core_extent(const Points& points) {
  // Each value weighs as much as the part of x that it stands for.
  std::vector<std::pair<double, double>> values;
  double total = 0;
  const std::size_t n = points.y.size();
  for (std::size_t p = 0; p < n; ++p) {
    if (!counts(points.y[p])) continue;
    const double weight = points.x[std::min(p + 1, n - 1)] - points.x[p == 0 ? 0 : p - 1];
    values.emplace_back(points.y[p], weight);
    total += weight;
  }
  const Extent whole = whole_extent(points);
  if (values.empty() || !(total > 0)) return whole;
  std::sort(values.begin(), values.end());
  Extent core{whole.low, whole.high};
  double below = 0;
  for (const auto& [y, weight] : values) {
    if (below <= 0.05 * total) core.low = y;
    if (below <= 0.95 * total) core.high = y;
    below += weight;
  }
  const double margin = 0.3 * core.height();
  if (!(margin > 0)) return whole;
  return {std::max(core.low - margin, whole.low), std::min(core.high + margin, whole.high)};
}

Extent shown_extent(const Points& points) {
  const bool gaps =
      std::any_of(points.y.begin(), points.y.end(), [](double y) { return !counts(y); });
  return gaps ? core_extent(points) : whole_extent(points);
}

Extent united(const Extent& a, const Extent& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

}  // namespace chainrule::detail
