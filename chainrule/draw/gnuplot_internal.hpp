// gnuplot, run once on a script, and what scripts for it are made of.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "chainrule/draw/plot.hpp"

namespace chainrule::detail {

/// Commands, and the data for each '-' in the last of them.
struct GnuplotStep {
  std::string commands;
  std::vector<Points> data;
};

/// What gnuplot writes to its standard output. Throws Error if it is missing, refuses, or takes
/// more than half a minute.
std::string run_gnuplot(const std::vector<GnuplotStep>& steps);

/// Okabe and Ito's colours, told apart by all eyes.
inline constexpr std::array<std::string_view, 7> kColours = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8a6d00"};

/// A text that gnuplot takes as it is, cut where it grows long.
std::string in_script(std::string_view text);
/// The command that begins a picture: of so many points of 1/72 inch (SVG: px), or of the columns
/// and rows of a text.
std::string terminal_command(PlotFormat format, int width, int height, const PlotOptions& options);
/// Axes, ticks and grid.
std::string axes_commands();

}  // namespace chainrule::detail
