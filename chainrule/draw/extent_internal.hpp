// How high a curve is.
#pragma once

#include "chainrule/draw/plot.hpp"

namespace chainrule::detail {

struct Extent {
  double low, high;  ///< low > high: nothing is finite
  bool empty() const { return !(low <= high); }
  double height() const { return high - low; }
};

/// From the lowest to the highest finite value.
Extent whole_extent(const Points& points);
/// Where nine tenths of it lie, as x goes, and three tenths of that height more on either side;
/// never beyond the whole. The whole where nine tenths are level.
Extent core_extent(const Points& points);
/// What a plot shows: the core if the curve has gaps, so that poles do not press the rest flat;
/// else the whole.
Extent shown_extent(const Points& points);

Extent united(const Extent& a, const Extent& b);

}  // namespace chainrule::detail
