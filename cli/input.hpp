// What most verbs read: a program, from the command line or a file, and values for its names.
#pragma once

#include <map>

#include "chainrule/expr/parse.hpp"
#include "cli/arguments.hpp"

namespace chainrule::cli {

/// A whole file, or the standard input for "-". Throws Error, also beyond `largest` bytes.
std::string read_file(const std::string& path, std::size_t largest);

class ProgramInput {
 public:
  /// Declares -f.
  void declare(CLI::App& options);

  /// Reads the program and the name=value pairs. Throws for two programs or none, for pairs that
  /// are malformed or doubled, and for names that the program does not have.
  void read(const Arguments& arguments);

  const expr::Program& program() const { return program_; }
  bool from_standard_input() const { return file_ == "-"; }

  /// The value given for a name, if any.
  const double* value_of(const std::string& name) const;

  /// The values of the program's names, in its order. Throws Error for those that have none.
  std::vector<double> values() const;

  /// Throws Error if any of the names that `has_value` denies has no value.
  template <class F>
  void require_values(F has_value) const {
    std::vector<std::string> missing;
    for (const std::string& name : program_.names()) {
      if (!has_value(name)) missing.push_back(name);
    }
    if (!missing.empty()) fail_missing(missing);
  }

 private:
  void read_pair(const std::string& pair);
  void check_used(const std::string& name, const std::string& pair) const;
  [[noreturn]] static void fail_missing(const std::vector<std::string>& names);

  std::string file_;
  expr::Program program_;
  std::map<std::string, double, std::less<>> given_;
};

/// The names of a list "a,b", each among the program's names and none twice; all of them if the
/// list is null. Their places among program.names(). Throws Error.
std::vector<std::size_t> places_of(const expr::Program& program, const std::string* list,
                                   const char* option);

/// Throws Error if that many names are too many for a Hessian: it has the square of it in numbers.
void require_hessian_size(std::size_t names);

/// "a, b, c", cut where it grows long.
std::string listed(std::span<const std::string> names);

}  // namespace chainrule::cli
