// What the reader says: expectations in words.
#include <cstdio>

#include "chainrule/expr/error.hpp"
#include "chainrule/expr/parse.hpp"
#include "chainrule/expr/reader_internal.hpp"

namespace chainrule::expr {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
}

unsigned code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 2) return (byte(0) & 0x1FU) << 6 | (byte(1) & 0x3FU);
  if (character.size() == 3)
    return (byte(0) & 0xFU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
  return (byte(0) & 7U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 |
         (byte(3) & 0x3FU);
}

struct Lookalike {
  unsigned code;
  const char* instead;
};
constexpr Lookalike kLookalikes[] = {
    {0x2212, "-"},  {0x2013, "-"}, {0x2014, "-"}, {0xD7, "*"},    {0xB7, "*"},
    {0x22C5, "*"},  {0xF7, "/"},   {0x2215, "/"}, {0x2264, "<="}, {0x2265, ">="},
    {0x2260, "!="}, {0xB2, "^2"},  {0xB3, "^3"},  {0x3C0, "pi"},  {0xA0, "a plain space"},
};

std::string described(std::string_view character) {
  const unsigned code = code_point(character);
  char text[32];
  std::snprintf(text, sizeof text, "U+%04X", code);
  std::string description = in_quotes(character) + " (" + text + ")";
  for (const auto& [lookalike, instead] : kLookalikes) {
    if (code == lookalike) description += ", which is written " + std::string(instead);
  }
  return description;
}

}  // namespace

void Reader::fail_at(const char* at, std::string_view facts) const {
  fail_syntax(source_, origin_, offset_of(at), facts);
}

std::string Reader::place_of_offset(std::size_t offset) const {
  const Place place = place_of(source_, offset);
  const std::string column = "column " + std::to_string(place.column);
  return place.line == 1 && source_.find('\n') >= source_.size()
             ? column
             : "line " + std::to_string(place.line) + ", " + column;
}

std::string_view Reader::callee_of(std::uint32_t offset) const {
  std::size_t end = offset;
  while (end < source_.size() && is_word(source_[end])) ++end;
  return source_.substr(offset, end - offset);
}

// A word, or a single character.
std::string_view Reader::token_at(const char* at) const {
  const std::size_t offset = offset_of(at);
  if (is_word(*at)) return callee_of(static_cast<std::uint32_t>(offset));
  return source_.substr(offset, std::max<std::size_t>(1, character_length(source_, offset)));
}

std::string Reader::found(const char* at) const {
  if (at == end()) return "the end of the program";
  if (*at == '\n' || *at == '\r' || *at == '#') return "the end of the line";
  const std::string_view token = token_at(at);
  return token.size() > 1 && !is_word(token.front()) ? described(token) : in_quotes(token);
}

void Reader::fail_operand(const char* at) const {
  if (at != end() && *at == ')' && !pending_.empty() && pending_.back().role == Role::call &&
      operands_.size() == pending_.back().operands_below) {
    const std::string_view name = callee_of(pending_.back().offset);
    fail_at(at, std::string(name) + "() needs an argument");
  }
  std::string facts = "expected a number, a name, a function or '('";
  if (any_ || !operands_.empty() || !pending_.empty() || at == end() || !is_word(*at)) {
    facts += ", found " + found(at);
  }
  if (at != end() && *at == '=') facts += "; an assignment is NAME = EXPRESSION";
  fail_at(at, facts);
}

void Reader::fail_open(const char* at) const {
  // What may stand before the place where it was noticed is blank.
  while (at != end() && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) ++at;
  const Pending& open = pending_.back();
  const bool choice = open.role == Role::question;
  std::string facts = choice ? "expected an operator or the ':' of the '?'"
                             : "expected an operator or the ')' of the '('";
  facts += " at " + place_of_offset(choice || open.role == Role::parenthesis
                                        ? open.offset
                                        : source_.find('(', open.offset));
  fail_at(at, facts + ", found " + found(at));
}

void Reader::fail_end_of_statement(const char* at) const {
  while (at != end() && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
  const char c = at == end() ? '\0' : *at;
  if (c == '=') {
    fail_at(at, "only a name at the beginning of a statement is assigned; '==' compares");
  }
  std::string facts = "expected an operator or the end of the statement, found " + found(at);
  if (c == '(' || is_word(c)) facts += "; a product needs its '*', a new statement a ';'";
  if (c == '&' || c == '|') facts += "; logic is written && and ||";
  fail_at(at, facts);
}

}  // namespace chainrule::expr
