#include "chainrule/expr/error.hpp"

#include <algorithm>

namespace chainrule::expr {
namespace {

constexpr std::size_t kShown = 100;  // characters of a line
constexpr std::size_t kBefore = 60;  // of them before the place, where the line is longer
constexpr std::size_t kFacts = 4096;
constexpr std::string_view kCut = "...";

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::size_t step(std::string_view source, std::size_t offset) {
  return std::max<std::size_t>(1, character_length(source, offset));
}

struct Line {
  std::size_t begin;
  std::size_t end;
};

Line line_around(std::string_view source, std::size_t offset) {
  const std::size_t before = offset == 0 ? std::string_view::npos : source.rfind('\n', offset - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  std::size_t end = std::min(source.find('\n', offset), source.size());
  if (end > begin && end > offset && source[end - 1] == '\r') --end;
  return {begin, end};
}

}  // namespace

Place place_of(std::string_view source, std::size_t offset) {
  offset = std::min(offset, source.size());
  const Line line = line_around(source, offset);
  Place place{offset, 1, 1};
  place.line += static_cast<std::size_t>(
      std::count(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(line.begin), '\n'));
  std::size_t at = line.begin;
  while (at < offset) {
    at += step(source, at);
    if (at <= offset) ++place.column;
  }
  return place;
}

std::string excerpt(std::string_view source, const Place& place) {
  const Line line = line_around(source, place.offset);
  // Walk back to where the window begins, then forward to where it ends.
  std::size_t begin = place.offset;
  std::size_t before = 0;
  while (begin > line.begin && before < kShown) {
    --begin;
    while (begin > line.begin && continues(source[begin])) --begin;
    ++before;
  }
  std::size_t end = place.offset;
  std::size_t after = 0;
  for (; end < line.end && after < kShown; ++after) end += step(source, end);

  std::string_view head, tail;
  if (before + after > kShown || begin > line.begin || end < line.end) {
    const std::size_t room = kShown - 2 * kCut.size();
    const std::size_t keep_before =
        std::min(before, std::max(kBefore, room - std::min(after, room)));
    const std::size_t keep_after = std::min(after, room - std::min(keep_before, room));
    for (; before > keep_before; --before) begin += step(source, begin);
    end = place.offset;
    for (after = 0; after < keep_after; ++after) end += step(source, end);
    if (begin > line.begin) head = kCut;
    if (end < line.end) tail = kCut;
  }
  std::string text = "  ";
  text += head;
  std::size_t column = head.size();
  for (std::size_t at = begin; at < std::min(end, line.end); at += step(source, at)) {
    if (at < place.offset) ++column;
    append_shown(text, source, at);
  }
  text += tail;
  text += "\n  ";
  text.append(column, ' ');
  text += '^';
  return text;
}

void fail_syntax(std::string_view source, std::string_view origin, std::size_t offset,
                 std::string_view facts) {
  const Place place = place_of(source, offset);
  std::string text;
  if (!origin.empty()) {
    text = std::string(origin.substr(0, kFacts)) + ':' + std::to_string(place.line) + ':' +
           std::to_string(place.column) + ": ";
  } else if (source.find('\n') < source.size()) {
    text = "line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": ";
  } else {
    text = "column " + std::to_string(place.column) + ": ";
  }
  text += facts.substr(0, kFacts);
  const Line line = line_around(source, place.offset);
  if (line.begin != line.end) text.append("\n").append(excerpt(source, place));
  throw SyntaxError(text, place);
}

}  // namespace chainrule::expr
