// Strings and numbers of the text form.
#pragma once

#include <string>
#include <string_view>

#include "chainrule/base/text.hpp"

namespace chainrule::detail {

/// In quotes; quotes, backslashes, controls and bytes that are not UTF-8 escaped.
void append_quoted(std::string& out, std::string_view text);
/// What stood between the quotes, escapes undone; they are right, by the grammar.
std::string unescaped(std::string_view text);

/// Decimal and shortest, inf, -inf, nan, or nan:0x and its bits where they are not the usual ones.
void append_number(std::string& out, double number);

/// At most 60 characters of it, without controls: to be shown in a message.
std::string shown(std::string_view text);

}  // namespace chainrule::detail
