#include "chainrule/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace chainrule {

std::string shortest(double value) {
  if (std::isnan(value)) return "nan";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
std::size_t character_length(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t i) {
    return offset + i < text.size() ? static_cast<unsigned char>(text[offset + i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

void append_shown(std::string& out, std::string_view text, std::size_t offset) {
  const std::size_t length = character_length(text, offset);
  const auto c = static_cast<unsigned char>(text[offset]);
  if (length == 0 || c == 0x7F ||
      (length == 2 && c == 0xC2 && static_cast<unsigned char>(text[offset + 1]) < 0xA0)) {
    out += '?';
  } else if (c == '\t' || c == '\r') {
    out += ' ';
  } else if (c < ' ') {
    out += '?';
  } else {
    out += text.substr(offset, length);
  }
}

std::string in_quotes(std::string_view name) {
  constexpr std::size_t kMost = 60;
  std::string text = "'";
  std::size_t count = 0, at = 0;
  for (; at < name.size() && count < kMost; ++count) {
    append_shown(text, name, at);
    at += std::max<std::size_t>(1, character_length(name, at));
  }
  if (at < name.size()) text += "...";
  return text += '\'';
}

}  // namespace chainrule
