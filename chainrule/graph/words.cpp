#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>

#include "chainrule/graph/words_internal.hpp"

namespace chainrule::detail {
namespace {

constexpr char kHex[] = "0123456789abcdef";

unsigned hex_digit(char c) {
  return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

void append_byte(std::string& out, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  out.append("\\x").append(1, kHex[value >> 4]).append(1, kHex[value & 15]);
}

bool is_control(std::string_view text, std::size_t at, std::size_t length) {
  const auto c = static_cast<unsigned char>(text[at]);
  if (length == 1) return c < ' ' || c == 0x7F;
  return c == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text, at);
    const char c = text[at];
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (length == 0) {
      append_byte(out, c);
    } else if (is_control(text, at, length)) {
      for (std::size_t i = 0; i < length; ++i) append_byte(out, text[at + i]);
    } else {
      out.append(text, at, length);
    }
    at += length == 0 ? 1 : length;
  }
  out += '"';
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    switch (text[++at]) {
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case 'x':
        out += static_cast<char>(hex_digit(text[at + 1]) << 4 | hex_digit(text[at + 2]));
        at += 2;
        break;
      default: out += text[at]; break;
    }
  }
  return out;
}

void append_number(std::string& out, double number) {
  char text[40];
  if (number == number) {
    out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
    return;
  }
  const auto bits = std::bit_cast<std::uint64_t>(number);
  out += "nan";
  if (bits == std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN())) return;
  out += ":0x";
  for (int shift = 60; shift >= 0; shift -= 4) out += kHex[bits >> shift & 15];
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string out;
  std::size_t at = 0;
  for (std::size_t count = 0; at < text.size() && count < kShown; ++count) {
    const std::size_t length = character_length(text, at);
    if (length == 0 || is_control(text, at, length)) {
      out += '?';
    } else {
      out.append(text, at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return at < text.size() ? out + "..." : out;
}

}  // namespace chainrule::detail
