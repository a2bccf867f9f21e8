// Numbers as text: what a user may write, and what the tool prints.
#pragma once

#include <string>
#include <string_view>

#include "chainrule/nn/number.hpp"

namespace chainrule::cli {

using nn::read_number;
using nn::refusal;

/// Appends the shortest decimal that reads back as the same double; nan, inf and -inf as words.
void append_number(std::string& out, double number);
std::string shortest(double number);

/// A number to `digits` significant digits.
std::string short_number(double number, int digits);

/// 17 significant digits; "nan", "inf" and "-inf" in quotation marks: JSON has no such numbers.
std::string json_number(double number);

}  // namespace chainrule::cli
