// chainrule check: is the gradient the derivative of the program?

#include "chainrule/transform/check.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/expr/record.hpp"
#include "cli/input.hpp"
#include "cli/number.hpp"
#include "cli/report.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Check : public Verb {
 public:
  const char* name() const override { return "check"; }
  const char* summary() const override { return "the gradient against finite differences"; }
  const char* notes() const override {
    return "  chainrule check 'tanh(x*w + b)' x=2 w=-3 b=6.5\n"
           "\n"
           "Each derivative is compared with a central difference (the step is swept) and, where "
           "every\n"
           "operation has a complex continuation, with the complex step. The verdict is right, "
           "wrong,\n"
           "noisy (the differences are too rough to tell) or at a kink. The Taylor slopes are 1 "
           "without\n"
           "and 2 with the gradient's term. Exit code 1 if anything is wrong.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    wrt_option_ =
        options.add_option("--wrt", wrt_, "check these names only, as in a,b")->type_name("NAMES");
    options
        .add_option("--tolerance", tolerance_, "relative disagreement that is still right (1e-6)")
        ->type_name("NUMBER");
    options.add_flag("--json", json_, "print JSON, 17 significant digits");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    CheckOptions options;
    if (!tolerance_.empty()) {
      const std::optional<double> number = read_number(tolerance_);
      if (!number || !(*number > 0)) fail("check", "--tolerance takes a number above 0");
      options.tolerance = *number;
    }
    input_.read(arguments);
    const expr::Program& program = input_.program();
    const auto wrt = places_of(program, wrt_option_->count() > 0 ? &wrt_ : nullptr, "--wrt");
    if (wrt.empty()) fail("check", "the program has no names, and so no derivative to check");
    // Each name costs some dozens of evaluations: ten seconds at most.
    constexpr std::size_t kMostWork = 10'000'000;
    if (wrt.size() * program.instructions().size() > kMostWork) {
      fail("check", std::to_string(wrt.size()) + " names in " +
                        std::to_string(program.instructions().size()) +
                        " operations would take too long to check; choose some with --wrt");
    }
    const std::vector<double> values = input_.values();
    std::vector<double> at;
    for (const std::size_t i : wrt) at.push_back(values[i]);

    expr::Recording recording(program, expr::Labels::dropped);
    std::vector<Scalar> inputs(values.begin(), values.end());
    const auto function = [&](std::span<const Scalar> x) {
      for (std::size_t i = 0; i < wrt.size(); ++i) inputs[wrt[i]] = x[i];
      return recording(inputs);
    };
    const CheckReport report = check(function, at, options);
    std::vector<std::string> names;
    for (const std::size_t i : wrt) names.push_back(program.names()[i]);
    write_whole_file(out_, json_ ? as_json(report, names) : as_text(report, names, at));
    return report.verdict == Verdict::wrong ? kCheckFailed : kSuccess;
  }

 private:
  static std::string as_text(const CheckReport& report, const std::vector<std::string>& names,
                             const std::vector<double>& at) {
    std::vector<std::vector<std::string>> rows = {
        {"name", "value", "derivative", "difference", "complex step", "error", ""}};
    for (std::size_t i = 0; i < names.size(); ++i) {
      const ComponentCheck& c = report.components[i];
      std::string verdict = to_string(c.verdict);
      if (c.verdict == Verdict::kink) {
        verdict += ": " + shortest(c.left) + " to the left, " + shortest(c.right) + " to the right";
      }
      rows.push_back({names[i], shortest(at[i]), shortest(c.derivative), shortest(c.difference),
                      c.complex_step ? shortest(*c.complex_step) : "-", short_number(c.error, 2),
                      verdict});
    }
    std::string text = aligned({{"value", shortest(report.value)}}) + '\n' + aligned(rows) + '\n';
    if (report.taylor_slope_value && report.taylor_slope_gradient) {
      text += "Taylor slope " + short_number(*report.taylor_slope_value, 3) +
              " without the gradient, " + short_number(*report.taylor_slope_gradient, 3) +
              " with it\n";
    }
    text += "worst: " + names[report.worst] + '\n';
    return text + "verdict: " + to_string(report.verdict) + '\n';
  }

  static std::string as_json(const CheckReport& report, const std::vector<std::string>& names) {
    std::vector<std::pair<std::string, std::string>> components;
    const auto words = [](const char* text) {
      return std::string(1, '"').append(text).append("\"");
    };
    for (std::size_t i = 0; i < names.size(); ++i) {
      const ComponentCheck& c = report.components[i];
      components.emplace_back(
          names[i],
          json_object({{"derivative", json_number(c.derivative)},
                       {"difference", json_number(c.difference)},
                       {"difference_error", json_number(c.difference_error)},
                       {"step", json_number(c.step)},
                       {"complex_step", c.complex_step ? json_number(*c.complex_step) : "null"},
                       {"left", json_number(c.left)},
                       {"right", json_number(c.right)},
                       {"error", json_number(c.error)},
                       {"verdict", words(to_string(c.verdict))}}));
    }
    const auto slope = [](std::optional<double> s) { return s ? json_number(*s) : "null"; };
    return json_object({{"verdict", words(to_string(report.verdict))},
                        {"value", json_number(report.value)},
                        {"worst", words(names[report.worst].c_str())},
                        {"taylor_slope_value", slope(report.taylor_slope_value)},
                        {"taylor_slope_gradient", slope(report.taylor_slope_gradient)},
                        {"components", json_object(components)}}) +
           '\n';
  }

  ProgramInput input_;
  CLI::Option* wrt_option_ = nullptr;
  std::string wrt_;
  std::string tolerance_;
  bool json_ = false;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_check() { return std::make_unique<Check>(); }

}  // namespace chainrule::cli
