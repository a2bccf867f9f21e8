// The binary form, written.
//
//   payload  = text name
//              count { text }                      the names of the operations that occur
//              count { count { u } }               types after the scalar: their shapes
//              count { text }                      files after the unknown one
//              count { node }
//              count { step text }                 labels
//              count { step u u }                  source lines: file and line
//              members groups members groups       inputs, arguments, outputs, results
//              count { u f64 u u }                 guards: node, number, file and line
//   node     = 0 type | 1 f64 | 2 f64 | 3 text count { back } | 4 | 5 + operation { back }
//   members  = count { u }
//   groups   = count { text type count }
//   u        an integer in LEB128; step counts from the entry before, back from the node
//   text     = u bytes
#include <bit>
#include <utility>

#include "chainrule/graph/bytes_internal.hpp"
#include "chainrule/graph/save.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

class Writer {
 public:
  explicit Writer(const Trace& trace) : trace_(trace), graph_(trace.graph) {
    out_.reserve(8 * graph_.size() + 256);
  }

  std::string run() {
    text(trace_.name);
    list_operations();
    tables();
    integer(graph_.size());
    for (std::uint32_t v = 0; v < graph_.size(); ++v) node(v);
    notes();
    members(trace_.inputs);
    groups(trace_.arguments);
    members(trace_.outputs);
    groups(trace_.results);
    integer(trace_.guards.size());
    for (const Guard& guard : trace_.guards) {
      integer(guard.node.index);
      number(guard.expected);
      line(guard.at);
    }
    return std::move(out_);
  }

 private:
  void integer(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) out_ += static_cast<char>(n | 0x80);
    out_ += static_cast<char>(n);
  }
  void number(double value) {
    auto bits = std::bit_cast<std::uint64_t>(value);
    for (int k = 0; k < 8; ++k, bits >>= 8) out_ += static_cast<char>(bits);
  }
  void text(std::string_view content) {
    integer(content.size());
    out_ += content;
  }
  void line(SourceLine at) {
    integer(at.file);
    integer(at.line);
  }

  void list_operations() {
    std::vector<Op> met;
    for (const GraphNode& node : graph_.nodes()) {
      std::uint64_t& place = place_of_[static_cast<std::size_t>(node.op)];
      if (node.kind != VertexKind::operation || place != 0) continue;
      met.push_back(node.op);
      place = met.size();
    }
    integer(met.size());
    for (const Op op : met) text(info(op).name);
  }

  void tables() {
    integer(graph_.types().size() - 1);
    for (const Type& type : graph_.types().subspan(1)) shape(type);
    integer(graph_.files().size() - 1);
    for (const std::string& file : graph_.files().subspan(1)) text(file);
  }
  void shape(const Type& type) {
    integer(type.shape.size());
    for (const std::uint32_t n : type.shape) integer(n);
  }

  void node(std::uint32_t v) {
    const GraphNode& node = graph_.nodes()[v];
    switch (node.kind) {
      case VertexKind::placeholder:
        integer(0);
        integer(node.type);
        return;
      case VertexKind::variable:
      case VertexKind::constant:
        integer(node.kind == VertexKind::variable ? 1 : 2);
        number(graph_.numbers()[node.operand[0]]);
        return;
      case VertexKind::block: {
        const BlockCall& call = graph_.calls()[node.operand[0]];
        integer(3);
        text(call.block->words());
        integer(call.operands.size());
        break;
      }
      case VertexKind::output: integer(4); return;
      case VertexKind::operation: integer(4 + place_of_[static_cast<std::size_t>(node.op)]); break;
    }
    graph_.each_operand(Vertex{v}, [&](Vertex x) { integer(v - x.index); });
  }

  void notes() {
    std::uint32_t last = 0;
    integer(graph_.labels().size());
    for (const Graph::Label& label : graph_.labels()) {
      integer(label.node.index - std::exchange(last, label.node.index));
      text(label.text);
    }
    last = 0;
    integer(graph_.lines().size());
    for (const Graph::Line& at : graph_.lines()) {
      integer(at.node.index - std::exchange(last, at.node.index));
      line(at.at);
    }
  }

  void members(const std::vector<Vertex>& all) {
    integer(all.size());
    for (const Vertex v : all) integer(v.index);
  }
  void groups(const std::vector<Group>& all) {
    integer(all.size());
    for (const Group& group : all) {
      text(group.name);
      shape(group.type);
      integer(group.count);
    }
  }

  const Trace& trace_;
  const Graph& graph_;
  std::string out_;
  std::uint64_t place_of_[static_cast<std::size_t>(kOpCount)] = {};  // from 1; 0: does not occur
};

}  // namespace

std::string to_bytes(const Trace& trace) {
  const std::string wrong = verify(trace);
  if (!wrong.empty()) fail("save", wrong);
  detail::require_no_user_code(trace);
  return detail::sealed(Writer(trace).run());
}

}  // namespace chainrule
