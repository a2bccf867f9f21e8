#include "chainrule/graph/extract_internal.hpp"

#include <bit>
#include <unordered_map>
#include <unordered_set>

#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

using detail::Code;

constexpr std::uint32_t kNowhere = 0xFFFFFFFFu;

class Extraction {
 public:
  Extraction(const Tape::State& state, Trace& trace)
      : state_(state), trace_(trace), graph_(trace.graph), vertex_(state.rows.size, kNowhere) {}

  void add_input(const Scalar& input) {
    const Vertex vertex = graph_.append({VertexKind::placeholder});
    vertex_[ScalarAccess::row(input)] = vertex.index;
    trace_.inputs.push_back(vertex);
    annotate(ScalarAccess::row(input), vertex);
  }

  void add_rows(std::span<const std::uint32_t> rows) {
    for (const std::uint32_t row : rows) {
      if (vertex_[row] == kNowhere) add(row);
    }
  }

  Vertex vertex_of(const Scalar& s) {
    return s.is_number() ? number(ScalarAccess::value(s)) : Vertex{vertex_[ScalarAccess::row(s)]};
  }
  Vertex vertex_at(std::uint32_t row) const { return {vertex_[row]}; }

  SourceLine line_of(Location at) {
    if (at.file == nullptr) return {};
    if (at.file != last_file_) {
      last_file_ = at.file;
      last_place_ = graph_.file(at.file);
    }
    return {last_place_, static_cast<std::uint32_t>(at.line)};
  }

 private:
  Vertex number(double value) {
    const auto [at, is_new] = numbers_.try_emplace(std::bit_cast<std::uint64_t>(value));
    if (is_new) at->second = graph_.append_number(VertexKind::constant, value);
    return at->second;
  }

  void add(std::uint32_t row) {
    const Code code = state_.rows.codes[row];
    switch (code) {
      case Code::block: return add_call(row);
      case Code::block_output: return;  // came with its block
      case Code::third_operand: return;
      case Code::variable:
      case Code::placeholder: return leaf(row, VertexKind::variable);
      case Code::constant: return leaf(row, VertexKind::constant);
      case Code::array:
      case Code::element:
        fail("record", "the code computes with tensors: record it as a function of tensors");
      default: break;
    }
    const Operands operands(state_, row);
    GraphNode node{VertexKind::operation, op_of(code)};
    for (std::size_t k = 0; k < operands.count(); ++k) {
      node.operand[k] =
          operands.is_number(k) ? number(operands.values()[k]).index : vertex_[operands.link(k)];
    }
    place(row, graph_.append(node));
  }

  void leaf(std::uint32_t row, VertexKind kind) {
    place(row, graph_.append_number(kind, state_.rows.values[row]));
  }

  void add_call(std::uint32_t row) {
    const BlockRow& block = block_at(state_, row);
    BlockCall call{block.block, {}};
    for (std::size_t k = 0; k < block.links.size(); ++k) {
      call.operands.push_back(block.is_number[k] ? number(state_.rows.numbers[block.links[k]])
                                                 : Vertex{vertex_[block.links[k]]});
    }
    const Vertex at = graph_.append_call(std::move(call));
    place(row, at);
    for (std::uint32_t k = 1; k <= block.zbar.size(); ++k) place(row + k, {at.index + k});
  }

  void place(std::uint32_t row, Vertex vertex) {
    vertex_[row] = vertex.index;
    annotate(row, vertex);
  }

  void annotate(std::uint32_t row, Vertex vertex) {
    if (const std::string* label = state_.label_of(row)) graph_.label(vertex, *label);
    if (row < state_.lines.size() && state_.lines[row].file != nullptr) {
      graph_.locate(vertex, line_of(state_.lines[row]));
    }
  }

  const Tape::State& state_;
  Trace& trace_;
  Graph& graph_;
  std::vector<std::uint32_t> vertex_;  // by row
  std::unordered_map<std::uint64_t, Vertex> numbers_;
  const char* last_file_ = nullptr;
  std::uint32_t last_place_ = 0;
};

}  // namespace

Trace extract(std::span<const Scalar> inputs, std::span<const Scalar> outputs) {
  const Tape::State& state = active_state();
  Trace trace;
  Extraction extraction(state, trace);
  for (const Scalar& input : inputs) extraction.add_input(input);
  std::vector<std::uint32_t> tops;
  for (const Scalar& output : outputs) {
    if (!output.is_number()) tops.push_back(Tape::active().node_of(output, "record").index);
  }
  for (const GuardRow& guard : state.guards) tops.push_back(guard.row);
  extraction.add_rows(ancestor_rows(state, tops));
  for (const Scalar& output : outputs) trace.outputs.push_back(extraction.vertex_of(output));
  std::unordered_set<std::uint32_t> guarded;
  for (const GuardRow& guard : state.guards) {
    if (!guarded.insert(guard.row).second) continue;
    trace.guards.push_back(
        {extraction.vertex_at(guard.row), guard.expected, extraction.line_of(guard.at)});
  }
  return trace;
}

}  // namespace chainrule
