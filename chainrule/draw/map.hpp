// Maps: functions of two variables as coloured areas, with points over them; drawn by gnuplot, as
// plots are.
//
// Areas are polygons, not pixels: an edge is as smooth as its function, at any size.
#pragma once

#include "chainrule/draw/levels.hpp"
#include "chainrule/draw/plot.hpp"

namespace chainrule {

/// One of several that share the plane between them.
struct Region {
  std::string label;
  /// By how much it leads, on a grid: it is where this is above 0, and the more above the more
  /// surely.
  Field lead;
  Points points;  ///< those that belong to it, wherever they lie
};

struct RegionMap {
  std::string title;
  std::string x_label, y_label;
  std::string legend;           ///< what the regions are
  std::vector<Region> regions;  ///< their grids over the same rectangle
  /// Leads from which on it is drawn in stronger colours, in order; 0 is the first.
  std::vector<double> steps = {0.0};
};

struct SurfaceMap {
  std::string title;
  std::string x_label, y_label, z_label;
  Field surface;
  Points points;                ///< where the surface is known
  std::vector<double> heights;  ///< of the points
};

inline constexpr PlotOptions kMapOptions = {.width = 640, .height = 500};

/// The bytes of a map: SVG, PNG or PDF. Throws Error for a map of nothing, and as plots do.
std::string render(const RegionMap& map, PlotFormat format,
                   const PlotOptions& options = kMapOptions);
std::string render(const SurfaceMap& map, PlotFormat format,
                   const PlotOptions& options = kMapOptions);

}  // namespace chainrule
