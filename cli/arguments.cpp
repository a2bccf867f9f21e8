#include "cli/arguments.hpp"

#include "chainrule/base/error.hpp"
#include "chainrule/expr/error.hpp"

namespace chainrule::cli {
namespace {

using expr::in_quotes;

// "--wrt" of "--wrt=a,b"; an argument without it is itself.
std::string_view name_part(std::string_view argument) {
  return argument.starts_with("--") ? argument.substr(0, argument.find('=')) : argument;
}

const CLI::Option* find_option(const CLI::App& verb, std::string_view argument) {
  if (argument.size() < 2 || argument[0] != '-') return nullptr;
  const std::string name(name_part(argument));
  for (const CLI::Option* option : verb.get_options()) {
    if (option->check_name(name)) return option;
  }
  return nullptr;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string canonical(const CLI::Option& option) {
  return option.get_lnames().empty() ? "-" + option.get_snames().front()
                                     : "--" + option.get_lnames().front();
}

bool names_a_file(std::string_view argument) {
  return argument == "-f" || name_part(argument) == "--file";
}

[[noreturn]] void fail_misplaced(const CLI::App& verb, const Arguments& found,
                                 const std::string& argument) {
  const std::string verb_name = verb.get_name();
  if (argument.starts_with('-')) {
    fail(verb_name,
         "there is no option " + in_quotes(argument) + "; see chainrule " + verb_name + " --help");
  }
  if (found.program) {
    fail(verb_name, "unexpected argument " + in_quotes(argument) + ": the program is " +
                        in_quotes(*found.program) + ", and a value is written NAME=NUMBER");
  }
  fail(verb_name,
       "unexpected argument " + in_quotes(argument) + ": a value is written NAME=NUMBER");
}

}  // namespace

Arguments sort_arguments(const CLI::App& verb, Takes takes, const std::vector<std::string>& line) {
  Arguments sorted;
  bool has_file = false;
  for (const std::string& argument : line) has_file = has_file || names_a_file(argument);
  bool forced = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const std::string& argument = line[i];
    if (forced) {
      if (sorted.program) fail_misplaced(verb, sorted, argument);
      sorted.program = argument;
      forced = false;
    } else if (argument == "--" && takes == Takes::program_and_pairs) {
      forced = true;
    } else if (const CLI::Option* option = find_option(verb, argument)) {
      const bool has_value = name_part(argument).size() < argument.size();
      std::string text = canonical(*option);
      if (takes_value(*option)) {
        if (!has_value && i + 1 == line.size()) {
          fail(verb.get_name(),
               argument + " needs a value; see chainrule " + verb.get_name() + " --help");
        }
        text += '=' + (has_value ? argument.substr(name_part(argument).size() + 1) : line[++i]);
      } else if (has_value) {
        fail(verb.get_name(), in_quotes(name_part(argument)) + " takes no value");
      }
      sorted.options.push_back(text);
    } else if (takes == Takes::program_and_pairs && !sorted.program && !has_file) {
      sorted.program = argument;
    } else if (takes == Takes::words && (!argument.starts_with('-') || argument == "-")) {
      sorted.others.push_back(argument);
    } else if (takes == Takes::program_and_pairs && !argument.starts_with('-') &&
               argument.find('=') != std::string::npos) {
      sorted.others.push_back(argument);
    } else {
      fail_misplaced(verb, sorted, argument);
    }
  }
  if (forced) fail(verb.get_name(), "expected a program after --");
  return sorted;
}

}  // namespace chainrule::cli
