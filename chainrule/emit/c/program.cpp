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

const Loop& loop_of(const Graph& graph, std::uint32_t block) {
  const Block& called = *graph.calls()[graph.nodes()[block].operand[0]].block;
  const auto* const loop = dynamic_cast<const Loop*>(&called);
  if (loop == nullptr) refuse(called);
  return *loop;
}

// What a Loop gives stands in the formula as inputs; one without steps hands on its first carry.
// Nesting is the user's own, so following it may recurse.
CLoop to_c_loop(const Loop& loop, const OptimiseOptions& passes) {
  const Trace body = optimise(loop.body().trace(), passes);
  CLoop made{in_comment(body.name),     loop.shape(), loop.direction(), 0, 0, {}, {},
             to_c_program(body, passes)};
  const std::vector<bool> needed = needed_nodes(body);
  for (const Vertex input : body.inputs) made.reads.push_back(needed[input.index]);
  return made;
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

CProgram to_c_program(const Trace& trace, const OptimiseOptions& passes) {
  const Graph& graph = trace.graph;
  const std::vector<bool> needed = needed_nodes(trace);
  CProgram program;
  std::vector<StepId> step(graph.size());
  std::vector<bool> is_input(graph.size());
  program.inputs = static_cast<std::uint32_t>(trace.inputs.size());
  for (std::uint32_t k = 0; k < program.inputs; ++k) {
    is_input[trace.inputs[k].index] = true;
    step[trace.inputs[k].index] = program.formula.input(k);
  }
  std::uint32_t next_result = program.inputs;
  std::vector<std::uint32_t> first_result(graph.size());  // by block
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (!needed[v] || is_input[v]) continue;
    const GraphNode& node = graph.nodes()[v];
    switch (node.kind) {
      case VertexKind::placeholder: break;
      case VertexKind::output: {
        const std::uint32_t block = node.operand[0], which = node.operand[1];
        const Loop& loop = loop_of(graph, block);
        const std::vector<Vertex>& operands =
            graph.calls()[graph.nodes()[block].operand[0]].operands;
        step[v] = loop.shape().steps > 0 ? program.formula.input(first_result[block] + which)
                  : which < loop.shape().carried ? step[operands[which].index]
                                                 : program.formula.number(0.0);
        break;
      }
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
      case VertexKind::block: {
        const Loop& loop = loop_of(graph, v);
        if (loop.shape().steps == 0) break;
        CLoop made = to_c_loop(loop, passes);
        made.before = static_cast<std::uint32_t>(program.formula.size());
        made.first_result = first_result[v] = next_result;
        next_result += static_cast<std::uint32_t>(loop.outputs());
        for (const Vertex x : graph.calls()[node.operand[0]].operands) {
          made.operands.push_back(step[x.index]);
        }
        program.loops.push_back(std::move(made));
        break;
      }
    }
  }
  for (const Vertex v : trace.outputs) program.outputs.push_back(step[v.index]);
  for (const Guard& guard : trace.guards) {
    program.checks.push_back(
        {step[guard.node.index], guard.expected, place_of(graph, guard.at), 0});
  }
  program.labels.resize(program.formula.size());
  for (const Graph::Label& label : graph.labels()) {
    if (!needed[label.node.index] || is_input[label.node.index]) continue;
    std::string& own = program.labels[step[label.node.index].index];
    if (own.empty()) own = in_comment(label.text);
  }
  return program;
}

std::vector<std::string> number_checks(CProgram& program) {
  std::vector<std::string> places;
  std::vector<CProgram*> waiting = {&program};
  while (!waiting.empty()) {
    CProgram& next = *waiting.back();
    waiting.pop_back();
    for (CCheck& check : next.checks) {
      places.push_back(check.place);
      if (&next != &program) places.back() += check.place.empty() ? "in a loop" : ", in a loop";
      check.number = static_cast<std::uint32_t>(places.size());
    }
    for (std::size_t k = next.loops.size(); k-- > 0;) waiting.push_back(&next.loops[k].body);
  }
  return places;
}

}  // namespace chainrule::detail
