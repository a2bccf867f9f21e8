// Numbers that a person wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chainrule::nn {

/// Reads a whole text as a number: decimal, nan, inf, -inf, with a sign and blanks around it.
/// Empty if it is none, or is beyond the largest double.
std::optional<double> read_number(std::string_view text);

/// Why read_number refused: "'1e999' is too large" or "'abc' is no number".
std::string refusal(std::string_view text);

}  // namespace chainrule::nn
