// Errors of the language: what was expected, where, and the line with a caret under the place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"

namespace chainrule::expr {

/// A place in a source text. Lines and columns count from 1; a column is a character, not a byte.
struct Place {
  std::size_t offset = 0;  ///< in bytes
  std::size_t line = 1;
  std::size_t column = 1;
};

/// A mistake in a program. what() is one line that names the place, then (at most 100 characters
/// of) the source line, then a caret.
class SyntaxError : public Error {
 public:
  SyntaxError(const std::string& text, Place place) : Error(text), place_(place) {}
  const Place& place() const noexcept { return place_; }

 private:
  Place place_;
};

/// The place of a byte of the source. Linear in the offset.
Place place_of(std::string_view source, std::size_t offset);

/// The line round `place`, at most 100 characters of it, and a caret below the place.
std::string excerpt(std::string_view source, const Place& place);

using chainrule::in_quotes;

/// Throws SyntaxError for the place `offset` of `source`; `origin` is a file's name or empty.
[[noreturn]] void fail_syntax(std::string_view source, std::string_view origin, std::size_t offset,
                              std::string_view facts);

}  // namespace chainrule::expr
