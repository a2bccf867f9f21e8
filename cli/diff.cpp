// chainrule diff: the derivative of a program, as a program.

#include "chainrule/expr/diff.hpp"
#include "chainrule/base/whole_file.hpp"
#include "cli/input.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Diff : public Verb {
 public:
  const char* name() const override { return "diff"; }
  const char* summary() const override { return "the derivative of a program, as a program"; }
  const char* notes() const override {
    return "  chainrule diff '3*x**2 - 4*x + 5' --wrt x\n"
           "  chainrule diff 'x**3*y' --order 2\n"
           "  chainrule diff 'sin(x)/x' --latex\n"
           "\n"
           "By one name the result is an expression. By several (all names, if --wrt is left out) "
           "it has an\n"
           "assignment for each, d_NAME, and with --order 2 d2_A_B for each pair, once; the last "
           "is the\n"
           "program's value, and eval --all shows every one. Where a comment says `# where x > "
           "0`, the\n"
           "derivative is that of the program there; without one, wherever the program has one.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    wrt_option_ = options.add_option("--wrt", wrt_, "differentiate by these names only, as in a,b")
                      ->type_name("NAMES");
    options.add_option("--order", order_, "2 for second derivatives; higher by one name only")
        ->type_name("N");
    auto* latex = options.add_flag("--latex", latex_, "write LaTeX");
    options.add_flag("--c++", cxx_, "write a C++ function")->excludes(latex);
    options.add_flag("--steps", steps_, "name the rules and simplifications, as comments");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    input_.read(arguments);
    if (!arguments.others.empty()) {
      fail("diff", "a derivative is of formulas: " + expr::in_quotes(arguments.others.front()) +
                       " has no use; chainrule grad computes with values");
    }
    const expr::Differentiation what{
        .wrt = places_of(input_.program(), wrt_option_->count() > 0 ? &wrt_ : nullptr, "--wrt"),
        .order = order_,
        .notation = latex_ ? expr::Notation::latex
                    : cxx_ ? expr::Notation::cxx
                           : expr::Notation::program,
        .steps = steps_ ? expr::Steps::shown : expr::Steps::hidden};
    write_whole_file(out_, expr::diff(input_.program(), what));
    return kSuccess;
  }

 private:
  ProgramInput input_;
  CLI::Option* wrt_option_ = nullptr;
  std::string wrt_;
  int order_ = 1;
  bool latex_ = false;
  bool cxx_ = false;
  bool steps_ = false;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_diff() { return std::make_unique<Diff>(); }

}  // namespace chainrule::cli
