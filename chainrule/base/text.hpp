// Numbers as text, and the characters of a text.
#pragma once

#include <string>
#include <string_view>

namespace chainrule {

/// The shortest decimal text that reads back as the same double; nan, inf, -inf.
std::string shortest(double value);

/// The bytes of the UTF-8 character that begins at `offset`; 0 if none does.
std::size_t character_length(std::string_view text, std::size_t offset);

}  // namespace chainrule
