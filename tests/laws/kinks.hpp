// The published values at kinks and singular points, and the reason for each choice
// (docs/kinks.md).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "tests/laws/reading.hpp"

namespace chainrule::laws {

/// What a row answers at a point where calculus leaves a choice. An entry without a number is
/// `none`.
struct Kink {
  Op op;
  Point x;
  double value;
  std::array<std::optional<double>, 3> partials;
  const char* reason;
};

std::span<const Kink> kinks();

/// The table as a page of Markdown.
std::string kink_table();

}  // namespace chainrule::laws
