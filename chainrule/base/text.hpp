// Numbers as text, and the characters of a text.
#pragma once

#include <string>
#include <string_view>

namespace chainrule {

/// The shortest decimal text that reads back as the same double; nan, inf, -inf.
std::string shortest(double value);

/// The bytes of the UTF-8 character that begins at `offset`; 0 if none does.
std::size_t character_length(std::string_view text, std::size_t offset);

/// Appends the character that begins at `offset` as it is shown in a message, in one column: a tab
/// as a blank, other control characters and bytes that are no text as '?'.
void append_shown(std::string& out, std::string_view text, std::size_t offset);

/// 'name', cut to 60 characters, each as it is shown in a message.
std::string in_quotes(std::string_view name);

}  // namespace chainrule
