#include <charconv>
#include <cmath>
#include <cstdint>

#include "chainrule/draw/words_internal.hpp"
#include "chainrule/op/op.hpp"

namespace chainrule::detail {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";
constexpr std::string_view kEllipsis = "…";

struct Character {
  std::size_t bytes;
  char32_t code;  ///< U+FFFD where the bytes are no character
};

// One character of UTF-8. Shortest forms only, no surrogates: Unicode 15, table 3-7.
Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned head = byte(at);
  if (head < 0x80) return {1, head};
  const std::size_t length = head >= 0xF0 ? 4 : head >= 0xE0 ? 3 : 2;
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (head < 0xC2 || head > 0xF4 || at + length > text.size()) return {1, 0xFFFD};
  char32_t code = head & (0x7Fu >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(at + k) & 0xC0) != 0x80) return {1, 0xFFFD};
    code = code << 6 | (byte(at + k) & 0x3F);
  }
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (code < kSmallest[length] || code > 0x10FFFF || surrogate) return {1, 0xFFFD};
  return {length, code};
}

// Line and paragraph separators, marks and overrides of direction, and what XML does not allow.
bool is_unfit(char32_t code) {
  return (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069) || (code & 0xFFFE) == 0xFFFE ||
         (code >= 0xFDD0 && code <= 0xFDEF);
}

std::string without_exponent_padding(std::string text) {
  const std::size_t e = text.find('e');
  if (e == std::string::npos) return text;
  std::string exponent = text.substr(e + 1);
  const bool negative = exponent[0] == '-';
  exponent.erase(0, exponent.find_first_of("123456789"));
  return text.substr(0, e) + (negative ? "e-" : "e") + exponent;
}

// ×, ≤, …: how a sign of the table is drawn.
std::string drawn_glyph(const PictureNode& node) {
  constexpr std::string_view kDrawn[][2] = {{"*", "×"},  {"/", "÷"},  {"-", "−"}, {"**", "^"},
                                            {"<=", "≤"}, {">=", "≥"}, {"!=", "≠"}};
  for (const auto& [glyph, drawn] : kDrawn) {
    if (node.glyph == glyph) return std::string(drawn);
  }
  return shortened(node.glyph);
}

bool is_short_word(const PictureNode& node) {
  if (!node.labelled || width_of(node.name) > 12) return false;
  for (const char c : node.name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '_' && static_cast<unsigned char>(c) < 0x80) return false;
  }
  return true;
}

}  // namespace

std::string short_number(double value, std::string_view minus) {
  if (std::isnan(value)) return "nan";
  std::string sign = std::signbit(value) && value != 0 ? std::string(minus) : std::string();
  const double size = std::fabs(value);
  if (std::isinf(size)) return sign + "inf";
  char text[40];
  const bool whole = size < 1e6 && size == std::floor(size);
  char* const end =
      std::to_chars(text, text + sizeof text, size, std::chars_format::general, whole ? 6 : 5).ptr;
  return sign + without_exponent_padding({text, end});
}

std::string grouped(std::size_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string cleaned(std::string_view text) { return shortened(text, text.size()); }

std::string shortened(std::string_view text, std::size_t characters) {
  std::string clean;
  std::size_t count = 0, last = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character next = character_at(text, at);
    if (count++ == characters) {
      clean.resize(last);
      return clean.append(kEllipsis);
    }
    last = clean.size();
    if (next.code < 0x20 || (next.code >= 0x7F && next.code < 0xA0)) {
      clean += ' ';
    } else if (next.code == 0xFFFD || is_unfit(next.code)) {
      clean += kReplacement;
    } else {
      clean += text.substr(at, next.bytes);
    }
    at += next.bytes;
  }
  return clean;
}

std::string escaped_xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

std::string action_of(const Picture& picture, const PictureNode& node,
                      std::span<const PictureEdge> uses) {
  std::vector<std::string> terms;
  bool numbers = false;
  for (const PictureEdge& use : uses) {
    const PictureNode& operand = picture[use.from];
    const bool number = operand.kind == PictureKind::number;
    numbers = numbers || number;
    for (const unsigned position : use.positions) {
      if (terms.size() <= position) terms.resize(position + std::size_t{1});
      terms[position] = number ? short_number(operand.value, kMinus) : "";
    }
  }
  const std::string glyph = drawn_glyph(node);
  if (!numbers) return glyph;
  if (node.glyph != node.op && terms.size() == 2) {
    if (node.glyph == "**" && terms[0].empty()) return glyph + terms[1];
    return terms[0].empty() ? glyph + " " + terms[1] : terms[0] + " " + glyph;
  }
  std::string text = glyph + "(";
  for (std::size_t k = 0; k < terms.size(); ++k) {
    text += (k == 0 ? "" : ", ") + (terms[k].empty() ? "·" : terms[k]);
  }
  return text + ")";
}

std::string name_of(const PictureNode& node) {
  switch (node.kind) {
    case PictureKind::number: return short_number(node.value, kMinus);
    case PictureKind::more:
      if (node.hidden == 0) return std::string(kEllipsis);
      return std::string(kEllipsis) + " " + grouped(node.hidden) + " more " +
             (node.hidden == 1 ? "node" : "nodes");
    case PictureKind::variable:
    case PictureKind::constant:
    case PictureKind::placeholder:
    case PictureKind::operation: return shortened(node.name);
  }
  __builtin_unreachable();
}

std::string grad_caption(const Picture& picture, const PictureNode& node) {
  const PictureNode& y = picture.output();
  const bool is_derivative = y.grad && *y.grad == 1 && is_short_word(y) && is_short_word(node);
  return is_derivative ? "d" + cleaned(y.name) + "/d" + cleaned(node.name) : "grad";
}

std::string title_of(const Picture& picture) {
  if (picture.hidden == 0) return {};
  std::size_t shown = 0;
  for (const PictureNode& node : picture.nodes) {
    shown += node.kind != PictureKind::number && node.kind != PictureKind::more;
  }
  return grouped(shown) + " of " + grouped(shown + picture.hidden) + " nodes: those " +
         (picture.output().grad ? "with the largest adjoints that lead to " : "nearest to ") +
         name_of(picture.output());
}

bool is_input(const PictureNode& node) {
  return node.kind == PictureKind::variable || node.kind == PictureKind::constant ||
         node.kind == PictureKind::placeholder;
}

bool is_faulty(const PictureNode& node) {
  if (node.kind == PictureKind::more) return false;
  // An unfed placeholder has no value yet: that is no fault.
  const bool valued = node.kind != PictureKind::placeholder;
  return (valued && !std::isfinite(node.value)) || (node.grad && !std::isfinite(*node.grad));
}

bool carries_adjoint(const Picture& picture, const PictureEdge& edge) {
  const PictureNode& operand = picture[edge.from];
  const PictureNode& user = picture[edge.to];
  return operand.grad && *operand.grad != 0 && user.grad && *user.grad != 0 && edge.partial &&
         *edge.partial != 0;
}

}  // namespace chainrule::detail
