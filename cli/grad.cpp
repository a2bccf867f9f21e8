// chainrule grad: value, gradient, Hessian.

#include <span>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/expr/record.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tape/tape.hpp"
#include "cli/input.hpp"
#include "cli/number.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

// A node with its adjoint.
struct Line {
  std::string name;
  Scalar node;
  double gradient = 0;
};

struct Derivatives {
  Scalar result;
  std::vector<Line> wrt;
  std::vector<Line> assigned;
  std::vector<double> hessian;  ///< row-major over wrt
};

void fill_gradients(const Scalar& result, std::vector<Line>& lines) {
  if (result.is_number()) return;
  std::vector<Scalar> nodes;
  for (const Line& line : lines) {
    if (!line.node.is_number()) nodes.push_back(line.node);
  }
  const std::vector<double> slopes = gradient(result, nodes);
  std::size_t next = 0;
  for (Line& line : lines) {
    if (!line.node.is_number()) line.gradient = slopes[next++];
  }
}

class Grad : public Verb {
 public:
  const char* name() const override { return "grad"; }
  const char* summary() const override {
    return "value and gradient of a program, and its Hessian";
  }
  const char* notes() const override {
    return "  chainrule grad 'a**3/5 + relu(b**2)' a=1.5 b=-4\n"
           "  chainrule grad 'n = x*w + b; tanh(n)' x=2 w=-3 b=6.5 --all --json\n"
           "  chainrule grad -f price.cr --data options.csv -o greeks.csv --wrt spot,vol "
           "rate=0.02\n"
           "\n"
           "With --data the result has the columns of FILE, value, d_NAME for each name "
           "differentiated,\n"
           "and with --order 2 d2_A_B for each pair of them.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    wrt_option_ = options.add_option("--wrt", wrt_, "differentiate by these names only, as in a,b")
                      ->type_name("NAMES");
    options.add_option("--order", order_, "2 adds the Hessian")->type_name("1|2");
    options.add_flag("--all", all_, "every assigned name as well");
    options.add_flag("--json", json_, "print JSON, 17 significant digits");
    options
        .add_option("--data", data_,
                    "differentiate on every row of a CSV file; columns bind to names")
        ->type_name("FILE");
    options.add_option("--threads", threads_, "of --data; 1 if not given")->type_name("N");
    options.add_option("--backend", backend_, "of --data; the digits are the same with each")
        ->type_name(kBackends);
    options.add_flag("--relaxed", relaxed_,
                     "of --data: faster, within a few units in the last place");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    if (order_ != 1 && order_ != 2) fail("grad", "--order is 1 or 2");
    input_.read(arguments);
    const std::vector<std::size_t> wrt =
        places_of(input_.program(), wrt_option_->count() > 0 ? &wrt_ : nullptr, "--wrt");
    if (order_ == 2) require_hessian_size(wrt.size());
    if (!data_.empty()) {
      if (json_ || all_) fail("grad", "--data writes a table: --json and --all do not go with it");
      if (!backend_.empty()) backend_called(backend_);
      require_threads(threads_);
      run_table(input_, {.data = data_,
                         .out = out_,
                         .wanted = {.wrt = wrt, .slopes = true, .curvatures = order_ == 2},
                         .threads = threads_,
                         .backend = backend_,
                         .arithmetic = relaxed_ ? Arithmetic::relaxed : Arithmetic::strict});
      return kSuccess;
    }
    if (threads_ != 1 || !backend_.empty() || relaxed_) {
      fail("grad", "--threads, --backend and --relaxed are for the rows of --data");
    }
    const Frame frame = Tape::active().frame();
    const Derivatives found = differentiate(wrt, input_.values());
    write_whole_file(out_, json_ ? as_json(found) : as_text(found));
    return kSuccess;
  }

 private:
  Derivatives differentiate(const std::vector<std::size_t>& wrt,
                            const std::vector<double>& values) const {
    const expr::Program& program = input_.program();
    std::vector<Scalar> inputs;
    for (std::size_t i = 0; i < values.size(); ++i)
      inputs.push_back(variable(values[i], program.names()[i]));
    expr::Recording recording(program);
    Derivatives found;
    found.result = recording(inputs);
    for (const std::size_t i : wrt) found.wrt.push_back({program.names()[i], inputs[i]});
    if (all_) {
      for (const expr::Assignment& assignment : program.assignments()) {
        found.assigned.push_back({assignment.name, recording[assignment.slot]});
      }
    }
    fill_gradients(found.result, found.wrt);
    fill_gradients(found.result, found.assigned);
    if (order_ == 2) {
      std::vector<Scalar> nodes;
      for (const Line& line : found.wrt) nodes.push_back(line.node);
      found.hessian = found.result.is_number() ? std::vector<double>(wrt.size() * wrt.size())
                                               : hessian(found.result, nodes);
    }
    return found;
  }

  static std::string note_of(const Scalar& result, const Line& line) {
    if (line.gradient != 0) return "";
    if (result.is_number() || line.node.is_number()) return "independent";
    switch (reach(result, line.node)) {
      case Reach::independent: return "independent";
      case Reach::cut: return "cut";
      case Reach::reached: return "";
    }
    return "";
  }

  static std::string table_of(const Scalar& result, const std::vector<Line>& lines) {
    // Each note costs a sweep.
    const bool notes = lines.size() * Tape::active().size() < 100'000'000;
    std::vector<std::vector<std::string>> rows = {{"name", "value", "gradient", ""}};
    for (const Line& line : lines) {
      rows.push_back({line.name, shortest(line.node.value()), shortest(line.gradient),
                      notes ? note_of(result, line) : ""});
    }
    return aligned(rows);
  }

  std::string as_text(const Derivatives& found) const {
    std::string text = aligned({{"value", shortest(found.result.value())}});
    if (!found.wrt.empty()) text += '\n' + table_of(found.result, found.wrt);
    if (!found.assigned.empty()) text += '\n' + table_of(found.result, found.assigned);
    if (order_ < 2 || found.wrt.empty()) return text;
    std::vector<std::vector<std::string>> rows = {{"hessian"}};
    for (const Line& line : found.wrt) rows[0].push_back(line.name);
    for (std::size_t i = 0; i < found.wrt.size(); ++i) {
      rows.push_back({found.wrt[i].name});
      for (const double entry : row_of(found, i)) rows.back().push_back(shortest(entry));
    }
    return text + '\n' + aligned(rows);
  }

  std::string as_json(const Derivatives& found) const {
    using Members = std::vector<std::pair<std::string, std::string>>;
    Members gradients, nodes, rows;
    for (const Line& line : found.wrt)
      gradients.emplace_back(line.name, json_number(line.gradient));
    Members members = {{"value", json_number(found.result.value())},
                       {"gradient", json_object(gradients)}};
    if (order_ == 2) {
      for (std::size_t i = 0; i < found.wrt.size(); ++i) {
        Members row;
        for (std::size_t j = 0; j < found.wrt.size(); ++j) {
          row.emplace_back(found.wrt[j].name, json_number(row_of(found, i)[j]));
        }
        rows.emplace_back(found.wrt[i].name, json_object(row));
      }
      members.emplace_back("hessian", json_object(rows));
    }
    if (all_) {
      for (const Line& line : found.assigned) {
        nodes.emplace_back(line.name, json_object({{"value", json_number(line.node.value())},
                                                   {"grad", json_number(line.gradient)}}));
      }
      members.emplace_back("nodes", json_object(nodes));
    }
    return json_object(members) + '\n';
  }

  static std::span<const double> row_of(const Derivatives& found, std::size_t i) {
    return std::span(found.hessian).subspan(i * found.wrt.size(), found.wrt.size());
  }

  ProgramInput input_;
  CLI::Option* wrt_option_ = nullptr;
  std::string wrt_;
  int order_ = 1;
  bool all_ = false;
  bool json_ = false;
  std::string data_;
  unsigned threads_ = 1;
  std::string backend_;
  bool relaxed_ = false;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_grad() { return std::make_unique<Grad>(); }

}  // namespace chainrule::cli
