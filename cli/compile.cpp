// chainrule compile: a program and its derivative as C.

#include "chainrule/base/whole_file.hpp"
#include "chainrule/emit/c/emit_c.hpp"
#include "chainrule/expr/function.hpp"
#include "cli/input.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Compile : public Verb {
 public:
  const char* name() const override { return "compile"; }
  const char* summary() const override { return "a program and its gradient as a C file"; }
  const char* notes() const override {
    return "  chainrule compile 'x**2 * y + sin(y)' -o f.c\n"
           "  chainrule compile 'x**2 * y + sin(y)' -o f.c --wrt y --name slope --hessian\n"
           "\n"
           "The file is C99 and complete in itself. It has NAME_value(x, y) and NAME_gradient(x, "
           "y, g), "
           "and its\n"
           "head says which number of x is which name. FILE.h declares them; on the standard "
           "output, "
           "`-o -`,\n"
           "comes the C alone.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    wrt_option_ = options.add_option("--wrt", wrt_, "differentiate by these names only, as in a,b")
                      ->type_name("NAMES");
    options.add_option("--name", c_.name, "begins the name of every function, f if not given")
        ->type_name("NAME");
    options.add_flag("--hessian", hessian_, "write NAME_hessian(x, y, g, H) as well");
    options.add_flag("--strict", strict_, "the digits of eval and grad, at some cost in speed");
    options.add_option("-o,--output", out_, "write the C to FILE, whole or not at all")
        ->type_name("FILE")
        ->required();
    options.add_option("--header", header_, "write the header to FILE, not beside the C")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    input_.read(arguments);
    if (!arguments.others.empty()) {
      fail("compile", "a program becomes C without values of its names: " +
                          expr::in_quotes(arguments.others.front()) + " has no use");
    }
    c_.by = places_of(input_.program(), wrt_option_->count() > 0 ? &wrt_ : nullptr, "--wrt");
    c_.parts = {CPart::value, CPart::gradient};
    if (hessian_) {
      require_hessian_size(c_.by.size());
      c_.parts.push_back(CPart::hessian);
    }
    if (strict_) c_.arithmetic = Arithmetic::strict;
    const CSource c = emit_c(expr::to_function(input_.program()), c_);
    if (out_ == "-" && header_.empty()) {
      write_whole_file(out_, c.source);
    } else {
      save_c(c, out_, header_);
    }
    return kSuccess;
  }

 private:
  ProgramInput input_;
  CLI::Option* wrt_option_ = nullptr;
  std::string wrt_, out_, header_;
  EmitCOptions c_;
  bool hessian_ = false, strict_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_compile() { return std::make_unique<Compile>(); }

}  // namespace chainrule::cli
