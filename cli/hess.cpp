// chainrule hess: the second derivatives of a program.

#include "chainrule/base/whole_file.hpp"
#include "chainrule/tape/sweep.hpp"
#include "cli/number.hpp"
#include "cli/recorded.hpp"
#include "cli/report.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Hess : public Verb {
 public:
  const char* name() const override { return "hess"; }
  const char* summary() const override { return "the matrix of second derivatives"; }
  const char* notes() const override {
    return "  chainrule hess 'x**2 * y + sin(y)' x=3 y=2\n"
           "  chainrule hess 'x**2 * y + sin(y)' x=3 y=2 --wrt x --json\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    wrt_option_ = options.add_option("--wrt", wrt_, "differentiate by these names only, as in a,b")
                      ->type_name("NAMES");
    options.add_flag("--json", json_, "print JSON, 17 significant digits");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    input_.read(arguments);
    const std::string* list = wrt_option_->count() > 0 ? &wrt_ : nullptr;
    require_hessian_size(places_of(input_.program(), list, "--wrt").size());
    const Recorded recorded(input_);
    const std::vector<Named> wrt = recorded.inputs(list, "--wrt");
    const std::vector<double> entries = hessian(recorded.result(), nodes_of(wrt));
    write_whole_file(
        out_, json_ ? json_object({{"value", json_number(recorded.result().value())},
                                   {"hessian", matrix_as_json(wrt, wrt, entries)}}) +
                          '\n'
                    : aligned({{"value", shortest(recorded.result().value())}}) +
                          (wrt.empty() ? "" : '\n' + matrix_as_text("hessian", wrt, wrt, entries)));
    return kSuccess;
  }

 private:
  ProgramInput input_;
  CLI::Option* wrt_option_ = nullptr;
  std::string wrt_;
  bool json_ = false;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_hess() { return std::make_unique<Hess>(); }

}  // namespace chainrule::cli
