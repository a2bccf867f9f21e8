// chainrule show: what a saved Function takes, gives, computes and takes for granted.

#include <algorithm>
#include <map>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/block/linalg_words.hpp"
#include "chainrule/expr/error.hpp"
#include "chainrule/graph/function.hpp"
#include "chainrule/graph/save.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/tape/block.hpp"
#include "cli/number.hpp"
#include "cli/report.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

class Show : public Verb {
 public:
  const char* name() const override { return "show"; }
  const char* summary() const override { return "a saved function: its nodes, guards and values"; }
  const char* notes() const override {
    return "  chainrule show f.crt\n"
           "  chainrule show f.crb x=3 y=2        # evaluates it as well\n"
           "  chainrule show f.crb --text         # all nodes, in the text form\n";
  }
  Takes takes() const override { return Takes::words; }

  void declare(CLI::App& options) override {
    options.add_flag("--text", text_, "print the text form, which can be read back");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    if (arguments.others.empty()) fail("show", "which file? chainrule show FILE [NAME=NUMBER ...]");
    register_linalg_blocks();
    const Trace trace = load(arguments.others.front());
    const std::span<const std::string> pairs = std::span(arguments.others).subspan(1);
    if (text_ && !pairs.empty())
      fail("show", "--text prints the function: values do not go with it");
    if (text_) {
      write_whole_file(out_, print(trace));
      return kSuccess;
    }
    std::string report = summary_of(trace);
    if (!pairs.empty()) report += '\n' + values_of(trace, pairs);
    // Names may hold anything: what would speak to a terminal is not passed on.
    std::ranges::replace_if(
        report, [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7F; }, '?');
    write_whole_file(out_, report);
    return kSuccess;
  }

 private:
  static std::string operation_of(const Graph& graph, const GraphNode& node) {
    switch (node.kind) {
      case VertexKind::placeholder: return "placeholder";
      case VertexKind::variable: return "variable";
      case VertexKind::constant: return "constant";
      case VertexKind::operation: return std::string(info(node.op).name);
      case VertexKind::block: return std::string(graph.calls()[node.operand[0]].block->name());
      case VertexKind::output: return "";
    }
    return "";
  }

  static std::string summary_of(const Trace& trace) {
    const Graph& graph = trace.graph;
    const std::vector<std::string> names = graph.names();
    Rows rows;
    if (!trace.name.empty()) rows.push_back({"name", trace.name});
    for (const Group& group : trace.arguments)
      rows.push_back({"input", group.name, to_string(group.type)});
    for (const Group& group : trace.results)
      rows.push_back({"output", group.name, to_string(group.type)});
    rows.push_back({"nodes", std::to_string(graph.size())});
    std::string text = aligned(rows);
    std::map<std::string, std::size_t> counts;
    for (const GraphNode& node : graph.nodes()) ++counts[operation_of(graph, node)];
    counts.erase("");
    std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
    std::ranges::stable_sort(order, std::greater<>(), &std::pair<std::string, std::size_t>::second);
    rows = {{"operation", "count"}};
    for (const auto& [operation, count] : order) rows.push_back({operation, std::to_string(count)});
    text += '\n' + aligned(rows);
    if (trace.guards.empty()) return text + "\nno guards: it holds for all inputs\n";
    rows = {{"guard", "holds", "at"}};
    for (const Guard& guard : trace.guards) {
      const SourceLine at = guard.at;
      rows.push_back({names[guard.node.index], shortest(guard.expected),
                      at.file == 0 ? "" : graph.files()[at.file] + ":" + std::to_string(at.line)});
    }
    return text + '\n' + aligned(rows);
  }

  // x, or x[0], x[1], … as the arguments say.
  static std::vector<std::string> input_names(const Trace& trace) {
    std::vector<std::string> names;
    for (const Group& group : trace.arguments) {
      for (std::uint32_t k = 0; k < group.count; ++k) {
        const bool is_one = group.type.shape.empty();
        names.push_back(is_one ? group.name : group.name + "[" + std::to_string(k) + "]");
      }
    }
    return names;
  }

  static std::string values_of(const Trace& trace, std::span<const std::string> pairs) {
    const Function f(trace);
    const std::vector<std::string> names = input_names(trace);
    std::vector<double> in(trace.inputs.size());
    std::vector<bool> given(trace.inputs.size());
    for (const std::string& pair : pairs) {
      const std::size_t equals = std::min(pair.rfind('='), pair.size());
      const std::string name = pair.substr(0, equals);
      const auto at = std::ranges::find(names, name);
      if (equals == pair.size() || at == names.end()) {
        fail("show",
             expr::in_quotes(pair) + ": a value is written NAME=NUMBER, and NAME is an input");
      }
      const auto k = static_cast<std::size_t>(at - names.begin());
      const std::optional<double> number = read_number(pair.substr(equals + 1));
      if (!number) fail("show", expr::in_quotes(name) + ": " + refusal(pair.substr(equals + 1)));
      if (given[k]) fail("show", expr::in_quotes(name) + " is given twice");
      given[k] = true;
      in[k] = *number;
    }
    std::string missing;
    for (std::size_t k = 0; k < given.size(); ++k) {
      if (!given[k]) missing += (missing.empty() ? "" : ", ") + names[k];
    }
    if (!missing.empty()) fail("show", "no value for " + missing.substr(0, 200));
    const std::vector<double> out = f(std::span<const double>(in));
    Rows rows = {{"output", "value"}};
    for (const Group& group : trace.results) {
      for (std::uint32_t k = 0; k < group.count; ++k) {
        const bool is_one = group.type.shape.empty();
        rows.push_back({is_one ? group.name : group.name + "[" + std::to_string(k) + "]",
                        shortest(out[group.first + k])});
      }
    }
    return aligned(rows);
  }

  bool text_ = false;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_show() { return std::make_unique<Show>(); }

}  // namespace chainrule::cli
