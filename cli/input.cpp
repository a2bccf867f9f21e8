#include "cli/input.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "chainrule/base/error.hpp"
#include "chainrule/op/op.hpp"
#include "cli/number.hpp"

namespace chainrule::cli {

using expr::in_quotes;

std::string read_file(const std::string& path, std::size_t largest) {
  const std::string shown = path == "-" ? "the standard input" : path;
  const int file = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const auto refuse = [&] {
    const std::string reason = std::generic_category().message(errno);
    fail("read", shown + " cannot be read: " + reason);
  };
  if (file < 0) refuse();
  std::string text;
  char buffer[1 << 16];
  while (text.size() <= largest) {
    const ssize_t got = read(file, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse();
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  if (file != STDIN_FILENO) close(file);
  if (text.size() > largest) {
    fail("read", shown + " has more than " + std::to_string(largest) + " bytes, the limit");
  }
  return text;
}

std::string listed(std::span<const std::string> names) {
  constexpr std::size_t kMost = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    if (i > 0) text += ", ";
    text += names[i].size() <= 60 ? names[i] : names[i].substr(0, 60) + "...";
  }
  if (names.size() > kMost) text += " and " + std::to_string(names.size() - kMost) + " more";
  return text;
}

void ProgramInput::declare(CLI::App& options) {
  options.add_option("-f,--file", file_, "read the program from FILE; - is the standard input")
      ->type_name("FILE");
}

void ProgramInput::read(const Arguments& arguments) {
  if (arguments.program && !file_.empty()) {
    fail("read",
         "two programs: " + in_quotes(*arguments.program) + " and the file " + in_quotes(file_));
  }
  if (!file_.empty()) {
    program_ = expr::parse(read_file(file_, expr::kLargestSource), file_ == "-" ? "stdin" : file_);
  } else if (arguments.program) {
    program_ = expr::parse(*arguments.program);
  } else {
    fail("read",
         "there is no program: write it in quotation marks after the verb, or name a file with -f");
  }
  for (const std::string& pair : arguments.others) read_pair(pair);
}

void ProgramInput::read_pair(const std::string& pair) {
  const std::size_t equals = pair.find('=');
  const std::string name = pair.substr(0, equals);
  const std::string text = pair.substr(equals + 1);
  if (!expr::is_name(name)) {
    fail("values", in_quotes(pair) +
                       ": a value is written NAME=NUMBER, and a name has letters, digits and _");
  }
  const std::optional<double> number = read_number(text);
  if (!number) fail("values", "the value of " + in_quotes(name) + ": " + refusal(text));
  check_used(name, pair);
  if (!given_.emplace(name, *number).second) fail("values", in_quotes(name) + " is given twice");
}

void ProgramInput::check_used(const std::string& name, const std::string& pair) const {
  const auto names = program_.names();
  if (std::ranges::find(names, name) != names.end()) return;
  if (expr::is_reserved(name)) {
    fail("values", in_quotes(name) + " is a constant of the language and takes no value");
  }
  const auto assigned = program_.assignments();
  if (std::ranges::find(assigned, name, &expr::Assignment::name) != assigned.end()) {
    fail("values", in_quotes(pair) + ": the program assigns " + in_quotes(name) + " itself");
  }
  fail("values",
       in_quotes(pair) + " is not used: the program " +
           (names.empty() ? std::string("has no names") : "has the names " + listed(names)));
}

void ProgramInput::fail_missing(const std::vector<std::string>& names) {
  std::string facts =
      "no value for " + listed(names) + ": add " + listed({&names[0], 1}) + "=NUMBER";
  if (find_op(names[0]) != nullptr) facts += " (as a function it is written " + names[0] + "(...))";
  fail("values", facts);
}

const double* ProgramInput::value_of(const std::string& name) const {
  const auto entry = given_.find(name);
  return entry == given_.end() ? nullptr : &entry->second;
}

std::vector<double> ProgramInput::values() const {
  require_values([this](const std::string& name) { return value_of(name) != nullptr; });
  std::vector<double> values;
  for (const std::string& name : program_.names()) values.push_back(*value_of(name));
  return values;
}

void require_hessian_size(std::size_t names) {
  constexpr std::size_t kMost = 2000;
  if (names > kMost) {
    fail("--order", "the Hessian by " + std::to_string(names) + " names: the limit is " +
                        std::to_string(kMost) + "; choose some with --wrt");
  }
}

std::vector<std::size_t> places_of(const expr::Program& program, const std::string* list,
                                   const char* option) {
  std::vector<std::size_t> places;
  const auto names = program.names();
  if (list == nullptr) {
    for (std::size_t i = 0; i < names.size(); ++i) places.push_back(i);
    return places;
  }
  std::map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < names.size(); ++i) by_name.emplace(names[i], i);
  std::vector<bool> taken(names.size());
  for (std::size_t begin = 0; begin <= list->size();) {
    const std::size_t end = std::min(list->find(',', begin), list->size());
    const std::string name = list->substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) fail(option, std::string(option) + " takes names, as in a,b");
    const auto entry = by_name.find(name);
    if (entry == by_name.end()) {
      const auto assigned = program.assignments();
      const bool is_assigned =
          std::ranges::find(assigned, name, &expr::Assignment::name) != assigned.end();
      fail(option, std::string(option) + ": " + in_quotes(name) +
                       (is_assigned ? " is assigned by the program; --all shows its gradient"
                                    : " is no name of the program, which has " +
                                          (names.empty() ? "none" : listed(names))));
    }
    if (taken[entry->second])
      fail(option, std::string(option) + " names " + in_quotes(name) + " twice");
    taken[entry->second] = true;
    places.push_back(entry->second);
  }
  return places;
}

}  // namespace chainrule::cli
