// Numbers as text: what a user may write, and what the tool prints.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chainrule::cli {

/// Reads a whole text as a number: decimal, nan, inf, -inf, with a sign and blanks around it.
/// Empty if it is none, or is beyond the largest double.
std::optional<double> read_number(std::string_view text);

/// Why read_number refused: "'1e999' is too large" or "'abc' is no number".
std::string refusal(std::string_view text);

/// Appends the shortest decimal that reads back as the same double; nan, inf and -inf as words.
void append_number(std::string& out, double number);
std::string shortest(double number);

/// A number to `digits` significant digits.
std::string short_number(double number, int digits);

/// 17 significant digits; "nan", "inf" and "-inf" in quotation marks: JSON has no such numbers.
std::string json_number(double number);

}  // namespace chainrule::cli
