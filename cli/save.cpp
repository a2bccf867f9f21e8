// chainrule save: a program, recorded and kept in a file as a Function.

#include "chainrule/graph/save.hpp"
#include "chainrule/expr/function.hpp"
#include "chainrule/transform/functions.hpp"
#include "cli/input.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Save : public Verb {
 public:
  const char* name() const override { return "save"; }
  const char* summary() const override { return "keep a program as a recorded function in a file"; }
  const char* notes() const override {
    return "  chainrule save 'x**2 * y + sin(y)' -o f.crt\n"
           "  chainrule save 'x**2 * y + sin(y)' -o f.crb --gradient\n"
           "\n"
           "A file that ends in .crt is text, any other is binary. `chainrule show` reads both.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    options.add_flag("--gradient", gradient_, "the value, and then its derivative by every name");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE")
        ->required();
  }

  int run(const Arguments& arguments) override {
    input_.read(arguments);
    if (!arguments.others.empty()) fail("save", "a function is kept without values of its names");
    const Function f = expr::to_function(input_.program());
    save((gradient_ ? value_and_grad(f, kEveryArgument) : f).trace(), out_);
    return kSuccess;
  }

 private:
  ProgramInput input_;
  bool gradient_ = false;
  std::string out_;
};

}  // namespace

std::unique_ptr<Verb> make_save() { return std::make_unique<Save>(); }

}  // namespace chainrule::cli
