// chainrule VERB 'PROGRAM' [name=value ...] [options]
//
// Finds the verb, sorts its arguments, runs it. Every mistake ends here as one message on the
// standard error and exit code 2; output is written only when all of it is known, or as a whole
// file.

#include <csignal>
#include <cstdio>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/expr/error.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

constexpr const char* kAbout =
    "Exact derivatives of formulas.\n"
    "\n"
    "  chainrule grad 'a**3/5 + relu(b**2)' a=1.5 b=-4\n"
    "  chainrule grad 'n = x*w + b; tanh(n)' x=2 w=-3 b=6.5 --all\n"
    "  chainrule grad -f price.cr --data options.csv -o greeks.csv rate=0.02\n";

constexpr const char* kLanguage =
    "The language: numbers, names, + - * / and ** or ^ for powers, comparisons (1 or 0), && || !,\n"
    "c ? a : b, every function that `chainrule ops` lists, pi, e, NAME = EXPRESSION, statements\n"
    "separated by ; or a newline, comments after #. The last statement is the result.\n"
    "Exit codes: 0 done, 1 a check failed, 2 bad usage or input.\n";

// "chainrule grad 'PROGRAM' [NAME=NUMBER ...] [OPTIONS]" instead of CLI11's own first line.
class HelpText : public CLI::Formatter {
 public:
  explicit HelpText(Takes takes) : takes_(takes) {}
  std::string make_usage(const CLI::App* app, std::string) const override {
    std::string usage = "Usage: chainrule " + app->get_name();
    if (takes_ == Takes::program_and_pairs) usage += " 'PROGRAM' [NAME=NUMBER ...]";
    if (takes_ == Takes::words) usage += " [NAME ...]";
    return usage + " [OPTIONS]\n";
  }

 private:
  Takes takes_;
};

std::vector<std::unique_ptr<Verb>> all_verbs() {
  std::vector<std::unique_ptr<Verb>> verbs;
  verbs.push_back(make_eval());
  verbs.push_back(make_grad());
  verbs.push_back(make_hess());
  verbs.push_back(make_jac());
  verbs.push_back(make_hvp());
  verbs.push_back(make_diff());
  verbs.push_back(make_check());
  verbs.push_back(make_draw());
  verbs.push_back(make_plot());
  verbs.push_back(make_compile());
  verbs.push_back(make_bench());
  verbs.push_back(make_save());
  verbs.push_back(make_show());
  verbs.push_back(make_make());
  verbs.push_back(make_train());
  verbs.push_back(make_predict());
  verbs.push_back(make_ops());
  verbs.push_back(make_version());
  return verbs;
}

std::string overview(const std::vector<std::unique_ptr<Verb>>& verbs) {
  std::string text = "Usage: chainrule VERB 'PROGRAM' [NAME=NUMBER ...] [OPTIONS]\n\n";
  text += kAbout;
  text += "\nVerbs (chainrule VERB --help says more):\n";
  for (const auto& verb : verbs) {
    text += "  " + std::string(verb->name());
    text.append(10 - std::string_view(verb->name()).size(), ' ');
    text += std::string(verb->summary()) + '\n';
  }
  return text + '\n' + kLanguage;
}

int run_verb(Verb& verb, const std::vector<std::string>& line) {
  CLI::App app(verb.summary(), verb.name());
  app.formatter(std::make_shared<HelpText>(verb.takes()));
  app.get_formatter()->column_width(30);
  app.set_help_flag("-h,--help", "print this help");
  app.footer(verb.notes());
  verb.declare(app);
  const Arguments arguments = sort_arguments(app, verb.takes(), line);
  try {
    std::vector<std::string> reversed(arguments.options.rbegin(), arguments.options.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    write_whole_file("-", app.help());
    return kSuccess;
  } catch (const CLI::ParseError& error) {
    fail(verb.name(), error.what());
  }
  return verb.run(arguments);
}

// The message of a library error without its "[where] ": the verb stands there instead.
std::string_view facts_of(std::string_view message) {
  if (!message.starts_with('[')) return message;
  const std::size_t close = message.find("] ");
  return close == std::string_view::npos ? message : message.substr(close + 2);
}

int complain(std::string_view verb, std::string_view message) {
  constexpr std::size_t kLongest = std::size_t{60} << 10;
  const std::string_view shown = facts_of(message).substr(0, kLongest);
  std::fprintf(stderr, "chainrule%s%.*s: %.*s\n", verb.empty() ? "" : " ",
               static_cast<int>(verb.size()), verb.data(), static_cast<int>(shown.size()),
               shown.data());
  return kBadInput;
}

extern "C" void clean_up_and_die(int signal) {
  remove_unfinished_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

int run(const std::vector<std::string>& line) {
  const auto verbs = all_verbs();
  if (line.empty()) {
    std::fputs(overview(verbs).c_str(), stderr);
    return kBadInput;
  }
  const std::string& word = line.front();
  if (word == "--help" || word == "-h" || word == "help") {
    write_whole_file("-", overview(verbs));
    return kSuccess;
  }
  const std::string name = word == "--version" ? "version" : word;
  for (const auto& verb : verbs) {
    if (verb->name() != name) continue;
    try {
      return run_verb(*verb, {line.begin() + 1, line.end()});
    } catch (const OutputClosed&) {
      return kSuccess;
    } catch (const std::bad_alloc&) {
      return complain(name, "out of memory");
    } catch (const std::exception& error) {
      return complain(name, error.what());
    }
  }
  std::string known;
  for (const auto& verb : verbs) known += (known.empty() ? "" : ", ") + std::string(verb->name());
  return complain("", "there is no verb " + expr::in_quotes(word) + "; the verbs are " + known);
}

}  // namespace
}  // namespace chainrule::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (std::signal(signal, chainrule::cli::clean_up_and_die) == SIG_IGN)
      std::signal(signal, SIG_IGN);
  }
  try {
    return chainrule::cli::run({argv + 1, argv + argc});
  } catch (const chainrule::OutputClosed&) {
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "chainrule: %s\n", error.what());
    return 2;
  }
}
