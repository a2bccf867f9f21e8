// gnuplot, run once on a script.
#pragma once

#include <string>
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

}  // namespace chainrule::detail
