// chainrule hvp: the Hessian times a direction, at the cost of a few gradients.

#include <algorithm>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/expr/error.hpp"
#include "chainrule/tape/sweep.hpp"
#include "cli/number.hpp"
#include "cli/recorded.hpp"
#include "cli/report.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Hvp : public Verb {
 public:
  const char* name() const override { return "hvp"; }
  const char* summary() const override { return "second derivatives times a direction"; }
  const char* notes() const override {
    return "  chainrule hvp 'x**2 * y + sin(y)' x=3 y=2 --along x=1,y=0.5\n"
           "\n"
           "Names that --along leaves out have no part in the direction.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    options.add_option("--along", along_, "the direction, as in a=1,b=0.5")
        ->type_name("NAME=NUMBER,...")
        ->required();
    options.add_flag("--json", json_, "print JSON, 17 significant digits");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    input_.read(arguments);
    const std::vector<double> direction = read_direction();
    const Recorded recorded(input_);
    const std::vector<Named> names = recorded.inputs(nullptr, "--wrt");
    const std::vector<double> product =
        chainrule::hvp(recorded.result(), nodes_of(names), direction);
    std::vector<std::vector<std::string>> rows = {{"name", "direction", "product"}};
    std::vector<std::pair<std::string, std::string>> members;
    for (std::size_t k = 0; k < names.size(); ++k) {
      rows.push_back({names[k].name, shortest(direction[k]), shortest(product[k])});
      members.emplace_back(names[k].name, json_number(product[k]));
    }
    const double value = recorded.result().value();
    write_whole_file(
        out_,
        json_
            ? json_object({{"value", json_number(value)}, {"product", json_object(members)}}) + '\n'
            : aligned({{"value", shortest(value)}}) + '\n' + aligned(rows));
    return kSuccess;
  }

 private:
  std::vector<double> read_direction() const {
    const auto names = input_.program().names();
    std::vector<double> direction(names.size());
    std::vector<bool> given(names.size());
    for (std::size_t from = 0; from <= along_.size();) {
      const std::size_t comma = std::min(along_.find(',', from), along_.size());
      const std::string pair = along_.substr(from, comma - from);
      const std::size_t equals = pair.find('=');
      const std::string name = pair.substr(0, equals);
      const auto at = std::find(names.begin(), names.end(), name);
      if (equals == std::string::npos) {
        fail("hvp", "--along " + expr::in_quotes(pair) + ": a part is written NAME=NUMBER");
      }
      if (at == names.end()) fail("hvp", "--along: the program has no " + expr::in_quotes(name));
      const auto k = static_cast<std::size_t>(at - names.begin());
      const std::optional<double> number = read_number(pair.substr(equals + 1));
      if (!number)
        fail("hvp", "--along " + expr::in_quotes(name) + ": " + refusal(pair.substr(equals + 1)));
      if (given[k]) fail("hvp", "--along: " + expr::in_quotes(name) + " is given twice");
      given[k] = true;
      direction[k] = *number;
      from = comma + 1;
    }
    return direction;
  }

  ProgramInput input_;
  std::string along_;
  bool json_ = false;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_hvp() { return std::make_unique<Hvp>(); }

}  // namespace chainrule::cli
