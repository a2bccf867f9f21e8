// chainrule eval: the value of a program.

#include "chainrule/base/error.hpp"
#include "chainrule/base/whole_file.hpp"
#include "cli/input.hpp"
#include "cli/number.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Eval : public Verb {
 public:
  const char* name() const override { return "eval"; }
  const char* summary() const override { return "the value of a program"; }
  const char* notes() const override {
    return "  chainrule eval '(1 + 1/n)^n' n=1000\n"
           "  chainrule eval 'sqrt(x^2 + y^2)' --data points.csv -o lengths.csv\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    options.add_flag("--all", all_, "every assigned name as well");
    options.add_flag("--json", json_, "print JSON, 17 significant digits");
    options
        .add_option("--data", data_, "evaluate on every row of a CSV file; columns bind to names")
        ->type_name("FILE");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    input_.read(arguments);
    if (!data_.empty()) {
      if (json_ || all_) fail("eval", "--data writes a table: --json and --all do not go with it");
      run_table(input_, {.data = data_, .out = out_});
      return kSuccess;
    }
    const std::vector<double> values = input_.values();
    expr::Evaluator evaluate(input_.program());
    const double value = evaluate(values);
    write_whole_file(out_, json_ ? as_json(value, evaluate) : as_text(value, evaluate));
    return kSuccess;
  }

 private:
  std::string as_text(double value, const expr::Evaluator& evaluator) const {
    if (!all_) return shortest(value) + '\n';
    std::vector<std::vector<std::string>> rows = {{"name", "value"}};
    for (const expr::Assignment& assignment : input_.program().assignments()) {
      rows.push_back({assignment.name, shortest(evaluator[assignment.slot])});
    }
    return aligned({{"value", shortest(value)}}) + '\n' + aligned(rows);
  }

  std::string as_json(double value, const expr::Evaluator& evaluator) const {
    std::vector<std::pair<std::string, std::string>> members = {{"value", json_number(value)}};
    if (all_) {
      std::vector<std::pair<std::string, std::string>> nodes;
      for (const expr::Assignment& assignment : input_.program().assignments()) {
        nodes.emplace_back(assignment.name,
                           json_object({{"value", json_number(evaluator[assignment.slot])}}));
      }
      members.emplace_back("nodes", json_object(nodes));
    }
    return json_object(members) + '\n';
  }

  ProgramInput input_;
  bool all_ = false;
  bool json_ = false;
  std::string data_;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_eval() { return std::make_unique<Eval>(); }

}  // namespace chainrule::cli
