// Where in the user's source an operation was written.
#pragma once

namespace chainrule {

/// A place in the source. As a default argument, Location::here() names the caller's line.
/// (clang 14 has no std::source_location; the builtins work in both compilers.)
struct Location {
  const char* file = nullptr;
  int line = 0;

  static constexpr Location here(const char* file = __builtin_FILE(),
                                 int line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

}  // namespace chainrule
