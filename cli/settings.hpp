// Settings: options whose values a file keeps, so that a run that goes on from it has them again.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace chainrule::cli {

class Settings {
 public:
  using Value = std::variant<std::string*, std::int64_t*, std::uint64_t*, double*>;
  /// Whether one that goes on may have another value.
  enum class On { resume_same, resume_any };

  /// An option --NAME. The text below it is `about`.
  template <class T>
  void declare(CLI::App& options, const char* name, T& value, const char* type, const char* about,
               On on_resume = On::resume_same) {
    CLI::Option* option = options.add_option("--" + std::string(name), value, about);
    entries_.push_back({name, option->type_name(type), &value, on_resume});
  }
  /// Whether it is given on the command line.
  bool is_given(std::string_view name) const;

  /// All values, as JSON.
  std::string text() const;
  /// Those that are not given become those of a text(). Throws Error that names `path` for one that
  /// is given and differs, and for a text that is none.
  void resume(const std::string& text, const std::string& path);

 private:
  struct Entry {
    std::string name;
    CLI::Option* option;
    Value value;
    On on_resume;
  };
  std::vector<Entry> entries_;
};

}  // namespace chainrule::cli
