// chainrule jac: the first derivatives of several values of a program.

#include "chainrule/base/whole_file.hpp"
#include "chainrule/transform/derive.hpp"
#include "cli/number.hpp"
#include "cli/recorded.hpp"
#include "cli/report.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Jac : public Verb {
 public:
  const char* name() const override { return "jac"; }
  const char* summary() const override {
    return "the matrix of first derivatives of several values";
  }
  const char* notes() const override {
    return "  chainrule jac 'u = x*cos(t); v = x*sin(t)' x=2 t=0.5\n"
           "  chainrule jac 'u = x*cos(t); v = x*sin(t); u + v' x=2 t=0.5 --of v --wrt t\n"
           "\n"
           "Rows are the assigned names, or the program's value where there are none.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    of_option_ = options.add_option("--of", of_, "differentiate these assigned names, as in u,v")
                     ->type_name("NAMES");
    wrt_option_ = options.add_option("--wrt", wrt_, "differentiate by these names only, as in a,b")
                      ->type_name("NAMES");
    options.add_flag("--json", json_, "print JSON, 17 significant digits");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    input_.read(arguments);
    const Recorded recorded(input_);
    const std::vector<Named> of = recorded.outputs(of_option_->count() > 0 ? &of_ : nullptr);
    const std::vector<Named> wrt =
        recorded.inputs(wrt_option_->count() > 0 ? &wrt_ : nullptr, "--wrt");
    const std::vector<Scalar> ys = nodes_of(of), xs = nodes_of(wrt);
    const Dense<double> slopes = jacobian(std::span<const Scalar>(ys), std::span<const Scalar>(xs));
    write_whole_file(out_, json_ ? as_json(of, wrt, slopes.entries)
                                 : values_as_text(of) + '\n' +
                                       matrix_as_text("jacobian", of, wrt, slopes.entries));
    return kSuccess;
  }

 private:
  static std::string values_as_text(const std::vector<Named>& of) {
    std::vector<std::vector<std::string>> rows = {{"name", "value"}};
    for (const Named& one : of) rows.push_back({one.name, shortest(one.node.value())});
    return aligned(rows);
  }

  static std::string as_json(const std::vector<Named>& of, const std::vector<Named>& wrt,
                             std::span<const double> entries) {
    std::vector<std::pair<std::string, std::string>> values;
    for (const Named& one : of) values.emplace_back(one.name, json_number(one.node.value()));
    return json_object(
               {{"values", json_object(values)}, {"jacobian", matrix_as_json(of, wrt, entries)}}) +
           '\n';
  }

  ProgramInput input_;
  CLI::Option* of_option_ = nullptr;
  CLI::Option* wrt_option_ = nullptr;
  std::string of_, wrt_;
  bool json_ = false;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_jac() { return std::make_unique<Jac>(); }

}  // namespace chainrule::cli
