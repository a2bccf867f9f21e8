// Errors: one exception type with the facts, thrown from one place.
//
// A user's mistake throws; a bug of ours asserts. What an Error says is one line of the form
// "[where] what, expected, got", so that it reads well in a log and under a shell prompt.
#pragma once

#include <exception>
#include <iosfwd>
#include <string_view>

namespace chainrule {

/// Thrown for every mistake that a caller can make. what() is one line: "[where] facts".
/// (Not std::runtime_error: that would bring all of <string> into every user's file.)
class Error : public std::exception {
 public:
  explicit Error(std::string_view line);
  Error(const Error& other) noexcept;
  Error& operator=(const Error& other) noexcept;
  ~Error() override;

  const char* what() const noexcept override;
  /// Adds to the end of the line what those know who pass the error on. Copies keep theirs.
  void add(std::string_view facts);

 private:
  struct Text;
  Text* text_;  // shared by copies
};

/// A handle that cannot be used here: it is stale (its frame was rewound), or belongs to another
/// tape or another thread's tape, or is a placeholder that has no value yet.
class HandleError : public Error {
 public:
  using Error::Error;
};

/// Throws Error("[where] facts"). Every throw of the library passes fail() or fail_handle(): the
/// place for a breakpoint.
[[noreturn]] void fail(std::string_view where, std::string_view facts);
[[noreturn]] void fail_handle(std::string_view where, std::string_view facts);

}  // namespace chainrule
