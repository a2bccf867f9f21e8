// A verb of the tool: its options and what it does. One file a verb.
#pragma once

#include <memory>

#include "cli/arguments.hpp"

namespace chainrule::cli {

/// Exit codes of the tool.
enum Exit : int { kSuccess = 0, kCheckFailed = 1, kBadInput = 2 };

class Verb {
 public:
  virtual ~Verb() = default;
  virtual const char* name() const = 0;
  /// One line for the list of verbs.
  virtual const char* summary() const = 0;
  /// Examples and notes below the options.
  virtual const char* notes() const { return ""; }
  virtual Takes takes() const { return Takes::program_and_pairs; }
  virtual void declare(CLI::App& options) = 0;
  /// Throws Error for bad input; gives an exit code otherwise.
  virtual int run(const Arguments& arguments) = 0;
};

std::unique_ptr<Verb> make_eval();
std::unique_ptr<Verb> make_grad();
std::unique_ptr<Verb> make_hess();
std::unique_ptr<Verb> make_jac();
std::unique_ptr<Verb> make_hvp();
std::unique_ptr<Verb> make_diff();
std::unique_ptr<Verb> make_check();
std::unique_ptr<Verb> make_draw();
std::unique_ptr<Verb> make_plot();
std::unique_ptr<Verb> make_compile();
std::unique_ptr<Verb> make_bench();
std::unique_ptr<Verb> make_save();
std::unique_ptr<Verb> make_show();
std::unique_ptr<Verb> make_make();
std::unique_ptr<Verb> make_train();
std::unique_ptr<Verb> make_predict();
std::unique_ptr<Verb> make_ops();
std::unique_ptr<Verb> make_version();

}  // namespace chainrule::cli
