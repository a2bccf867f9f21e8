// The command line after the verb, sorted: the program, name=value pairs, options.
//
// A program may begin with '-', and an option library would take it for an option. So the line is
// sorted here first, by what the verb declares: what is exactly an option is one, the first other
// argument is the program, the rest are pairs. Only the options go to CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

namespace chainrule::cli {

struct Arguments {
  std::optional<std::string> program;
  std::vector<std::string> others;   ///< name=value pairs, or what else the verb takes
  std::vector<std::string> options;  ///< as --name=value, for CLI11
};

/// What a verb takes besides options.
enum class Takes { program_and_pairs, words, nothing };

/// Throws Error for an argument that has no place.
Arguments sort_arguments(const CLI::App& verb, Takes takes, const std::vector<std::string>& line);

}  // namespace chainrule::cli
