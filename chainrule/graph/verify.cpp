#include <algorithm>

#include "chainrule/graph/trace.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

// What is wrong is thrown from where it is found, and caught by verify().
struct Fault {
  std::string text;
};

std::string number_text(std::size_t n) { return std::to_string(n); }

class Verifier {
 public:
  explicit Verifier(const Trace& trace) : trace_(trace), graph_(trace.graph) {}

  void run() {
    for (std::uint32_t v = 0; v < graph_.size(); ++v) check_node(v);
    if (expected_output_ < outputs_) {
      fault(number_text(block_) + ": " + block_name() + " has " + number_text(outputs_) +
            " outputs, but the graph ends after " + number_text(expected_output_));
    }
    check_notes();
    check_inputs();
    check_outputs();
    check_guards();
  }

 private:
  [[noreturn]] static void fault(const std::string& text) { throw Fault{"node " + text}; }
  [[noreturn]] static void fault_of_trace(const std::string& text) { throw Fault{text}; }

  std::string block_name() const {
    return std::string(graph_.calls()[graph_.nodes()[block_].operand[0]].block->name());
  }

  // Below: `v` is the node that is looked at, and `what` what it is in words.

  void check_node(std::uint32_t v) {
    const GraphNode& node = graph_.nodes()[v];
    if (static_cast<unsigned>(node.kind) > static_cast<unsigned>(VertexKind::output)) {
      fault(number_text(v) + ": its kind is " + number_text(static_cast<std::size_t>(node.kind)) +
            ", which is none");
    }
    check_type(v, node);
    if (node.kind != VertexKind::output && expected_output_ < outputs_) {
      fault(number_text(v) + ": output " + number_text(expected_output_) + " of block " +
            number_text(block_) + " was expected here");
    }
    switch (node.kind) {
      case VertexKind::placeholder: ++placeholders_; return;
      case VertexKind::variable:
      case VertexKind::constant:
        require_place(v, "number", node.operand[0], graph_.numbers().size());
        return;
      case VertexKind::operation: return check_operation(v, node);
      case VertexKind::block: return check_call(v, node);
      case VertexKind::output: return check_output(v, node);
    }
  }

  void check_type(std::uint32_t v, const GraphNode& node) const {
    require_place(v, "type", node.type, graph_.types().size());
    if (node.type != 0 && node.kind != VertexKind::placeholder) {
      fault(number_text(v) + ": its type is " + to_string(graph_.types()[node.type]) +
            ", but only a placeholder may be an array");
    }
  }

  static void require_place(std::uint32_t v, const char* what, std::size_t place,
                            std::size_t count) {
    if (place < count) return;
    fault(number_text(v) + ": refers to " + what + " " + number_text(place) + " of " +
          number_text(count));
  }

  void check_operation(std::uint32_t v, const GraphNode& node) const {
    if (static_cast<int>(node.op) >= kOpCount) {
      fault(number_text(v) + ": its operation is " +
            number_text(static_cast<std::size_t>(node.op)) + " of " +
            number_text(static_cast<std::size_t>(kOpCount)));
    }
    for (int k = 0; k < info(node.op).arity; ++k) {
      check_operand(v, info(node.op).name, node.operand[k]);
    }
  }

  void check_operand(std::uint32_t v, std::string_view what, std::uint32_t operand) const {
    const auto begin = [&] {
      return number_text(v) + ": " + std::string(what) + " has operand " + number_text(operand) +
             ", which ";
    };
    if (operand >= graph_.size()) {
      fault(begin() + "is none of " + number_text(graph_.size()) + " nodes");
    }
    if (operand == v) fault(begin() + "is itself");
    if (operand > v) fault(begin() + "comes after it");
    const GraphNode& from = graph_.nodes()[operand];
    if (from.kind == VertexKind::block) fault(begin() + "is a block and has no value of its own");
    if (from.type != 0) fault(begin() + "is an array: " + to_string(graph_.types()[from.type]));
  }

  void check_call(std::uint32_t v, const GraphNode& node) {
    require_place(v, "call", node.operand[0], graph_.calls().size());
    const BlockCall& call = graph_.calls()[node.operand[0]];
    if (call.block == nullptr) fault(number_text(v) + ": its block is null");
    if (call.operands.size() != call.block->inputs()) {
      fault(number_text(v) + ": " + std::string(call.block->name()) + " takes " +
            number_text(call.block->inputs()) + " operands, but has " +
            number_text(call.operands.size()));
    }
    for (const Vertex operand : call.operands) {
      check_operand(v, call.block->name(), operand.index);
    }
    block_ = v;
    outputs_ = call.block->outputs();
    expected_output_ = 0;
  }

  void check_output(std::uint32_t v, const GraphNode& node) {
    if (expected_output_ >= outputs_) {
      fault(number_text(v) + ": an output of block " + number_text(node.operand[0]) +
            (outputs_ > 0 && node.operand[0] == block_
                 ? ", which has " + number_text(outputs_)
                 : std::string(", which does not stand directly before it")));
    }
    if (node.operand[0] != block_ || node.operand[1] != expected_output_) {
      fault(number_text(v) + ": output " + number_text(node.operand[1]) + " of block " +
            number_text(node.operand[0]) + ", where output " + number_text(expected_output_) +
            " of block " + number_text(block_) + " was expected");
    }
    ++expected_output_;
  }

  // Labels and source lines.
  void check_notes() const {
    check_sorted("label", graph_.labels());
    check_sorted("source line", graph_.lines());
    for (const Graph::Line& line : graph_.lines()) check_line(line.node.index, line.at);
  }

  template <class Notes>
  void check_sorted(const char* what, const Notes& notes) const {
    for (std::size_t k = 0; k < notes.size(); ++k) {
      const std::uint32_t v = notes[k].node.index;
      if (v >= graph_.size()) {
        fault(number_text(v) + ": has a " + what + ", but there are " + number_text(graph_.size()) +
              " nodes");
      }
      if (k > 0 && notes[k - 1].node.index >= v) {
        fault(number_text(v) + ": its " + what + " stands after that of node " +
              number_text(notes[k - 1].node.index));
      }
    }
  }

  void check_line(std::uint32_t v, SourceLine at) const {
    require_place(v, "file", at.file, graph_.files().size());
  }

  void require_value(const std::string& what, Vertex v) const {
    if (v.index >= graph_.size()) {
      fault_of_trace(what + ": node " + number_text(v.index) + " is none of " +
                     number_text(graph_.size()));
    }
    if (graph_[v].kind == VertexKind::block) {
      fault_of_trace(what + ": node " + number_text(v.index) +
                     " is a block and has no value of its own");
    }
  }

  void check_inputs() const {
    std::vector<bool> met(graph_.size());
    std::size_t placeholders = 0;
    for (std::size_t k = 0; k < trace_.inputs.size(); ++k) {
      const Vertex v = trace_.inputs[k];
      const std::string what = "input " + number_text(k);
      require_value(what, v);
      const VertexKind kind = graph_[v].kind;
      if (kind != VertexKind::placeholder && kind != VertexKind::variable) {
        fault_of_trace(what + ": node " + number_text(v.index) +
                       " is neither a placeholder nor a variable");
      }
      if (met[v.index]) fault_of_trace(what + ": node " + number_text(v.index) + " is one already");
      met[v.index] = true;
      placeholders += kind == VertexKind::placeholder;
    }
    if (placeholders != placeholders_) {
      for (const Vertex v : graph_.placeholders()) {
        if (!met[v.index]) fault(number_text(v.index) + ": a placeholder that is no input");
      }
    }
    check_groups("argument", trace_.arguments, "input", trace_.inputs);
  }

  void check_outputs() const {
    for (std::size_t k = 0; k < trace_.outputs.size(); ++k) {
      require_value("output " + number_text(k), trace_.outputs[k]);
    }
    check_groups("result", trace_.results, "output", trace_.outputs);
  }

  // One after another they take what there is: as many as their type has elements, or one array.
  void check_groups(const char* what, const std::vector<Group>& groups, const char* member,
                    const std::vector<Vertex>& members) const {
    std::size_t next = 0;
    for (const Group& group : groups) {
      const auto begin = [&] {
        return std::string(what) + " '" + detail::shown(group.name) + "' of type " +
               to_string(group.type) + ": ";
      };
      if (group.first != next) {
        fault_of_trace(begin() + "begins at " + member + " " + number_text(group.first) + ", not " +
                       number_text(next));
      }
      next += group.count;
      if (next > members.size()) {
        fault_of_trace(begin() + "ends at " + member + " " + number_text(next) + " of " +
                       number_text(members.size()));
      }
      const bool is_one_array = group.count == 1 && !group.type.shape.empty() &&
                                graph_.types()[graph_[members[group.first]].type] == group.type;
      if (!is_one_array && group.count != elements_of(group.type)) {
        fault_of_trace(begin() + "has " + number_text(group.count) + " " + member + "s");
      }
      for (std::size_t k = 0; k < group.count && !is_one_array; ++k) {
        const Vertex v = members[group.first + k];
        if (graph_[v].type != 0) {
          fault_of_trace(begin() + "node " + number_text(v.index) + " is an array");
        }
      }
    }
    if (next != members.size()) {
      fault_of_trace(std::string(member) + " " + number_text(next) + ": belongs to no " + what);
    }
  }

  // At most 2⁶⁴ − 1.
  static std::uint64_t elements_of(const Type& type) {
    std::uint64_t count = 1;
    if (std::ranges::find(type.shape, 0u) != type.shape.end()) return 0;
    for (const std::uint32_t n : type.shape) {
      if (__builtin_mul_overflow(count, std::uint64_t{n}, &count)) return ~std::uint64_t{0};
    }
    return count;
  }

  void check_guards() const {
    std::vector<bool> met(graph_.size());
    for (std::size_t k = 0; k < trace_.guards.size(); ++k) {
      const Guard& guard = trace_.guards[k];
      const std::string what = "guard " + number_text(k);
      require_value(what, guard.node);
      if (graph_[guard.node].type != 0) {
        fault_of_trace(what + ": node " + number_text(guard.node.index) + " is an array");
      }
      if (met[guard.node.index]) {
        fault_of_trace(what + ": node " + number_text(guard.node.index) + " has one already");
      }
      met[guard.node.index] = true;
      check_line(guard.node.index, guard.at);
    }
  }

  const Trace& trace_;
  const Graph& graph_;
  std::size_t placeholders_ = 0;
  std::uint32_t block_ = 0;  // the last block, and which of its outputs comes next
  std::size_t outputs_ = 0, expected_output_ = 0;
};

}  // namespace

std::string verify(const Trace& trace) {
  try {
    Verifier(trace).run();
  } catch (const Fault& fault) {
    return fault.text;
  }
  return {};
}

}  // namespace chainrule
