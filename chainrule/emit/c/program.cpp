#include "chainrule/emit/c/program_internal.hpp"

#include "chainrule/base/error.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule::detail {
namespace {

std::vector<bool> needed_nodes(const Trace& trace) {
  std::vector<bool> needed(trace.graph.size());
  for (const Vertex v : trace.outputs) needed[v.index] = true;
  for (const Guard& guard : trace.guards) needed[guard.node.index] = true;
  for (std::size_t v = needed.size(); v-- > 0;) {
    if (!needed[v]) continue;
    trace.graph.each_operand({static_cast<std::uint32_t>(v)},
                             [&](Vertex x) { needed[x.index] = true; });
  }
  return needed;
}

[[noreturn]] void refuse(const Block& block) {
  const std::string words = block.words();
  fail("emit_c", "the block '" + shown(words.empty() ? block.name() : words) + "' has no C source");
}

std::string place_of(const Graph& graph, SourceLine at) {
  if (at.file == 0) return {};
  return in_comment(graph.files()[at.file]) + ":" + std::to_string(at.line);
}

}  // namespace

std::string in_comment(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string safe;
  for (const char c : text.substr(0, kLongest)) {
    const bool ends = c == '/' && !safe.empty() && safe.back() == '*';
    const bool begins = c == '*' && !safe.empty() && safe.back() == '/';
    const bool is_plain = c >= ' ' && c <= '~' && c != '\\' && c != '?';
    safe += is_plain && !ends && !begins ? c : '_';
  }
  return text.size() > kLongest ? safe + "..." : safe;
}

CProgram to_c_program(const Trace& trace) {
  const Graph& graph = trace.graph;
  const std::vector<bool> needed = needed_nodes(trace);
  CProgram program;
  std::vector<StepId> step(graph.size());
  std::vector<bool> is_input(graph.size());
  for (std::uint32_t k = 0; k < trace.inputs.size(); ++k) {
    is_input[trace.inputs[k].index] = true;
    step[trace.inputs[k].index] = program.formula.input(k);
  }
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (!needed[v] || is_input[v]) continue;
    const GraphNode& node = graph.nodes()[v];
    switch (node.kind) {
      case VertexKind::placeholder:
      case VertexKind::output: break;
      case VertexKind::variable:
      case VertexKind::constant:
        step[v] = program.formula.number(graph.numbers()[node.operand[0]]);
        break;
      case VertexKind::operation: {
        StepId x[3];
        std::size_t count = 0;
        graph.each_operand({v}, [&](Vertex operand) { x[count++] = step[operand.index]; });
        step[v] = program.formula.apply(node.op, {x, count});
        break;
      }
      case VertexKind::block: refuse(*graph.calls()[node.operand[0]].block);
    }
  }
  for (const Vertex v : trace.outputs) program.outputs.push_back(step[v.index]);
  for (const Guard& guard : trace.guards) {
    program.checks.push_back({step[guard.node.index], guard.expected, place_of(graph, guard.at)});
  }
  program.labels.resize(program.formula.size());
  for (const Graph::Label& label : graph.labels()) {
    if (!needed[label.node.index] || is_input[label.node.index]) continue;
    std::string& own = program.labels[step[label.node.index].index];
    if (own.empty()) own = in_comment(label.text);
  }
  return program;
}

}  // namespace chainrule::detail
