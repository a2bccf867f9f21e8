#include <charconv>

#include "chainrule/graph/text.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

class Printer {
 public:
  explicit Printer(const Trace& trace) : trace_(trace), graph_(trace.graph) {
    out_.reserve(32 * graph_.size() + 128);
  }

  std::string run() {
    out_ += "chainrule trace 1\nname ";
    quoted(trace_.name);
    out_ += '\n';
    auto label = graph_.labels().begin();
    auto line = graph_.lines().begin();
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      ref({v});
      out_ += " = ";
      definition(graph_.nodes()[v]);
      if (label != graph_.labels().end() && label->node.index == v) {
        out_ += ' ';
        quoted((label++)->text);
      }
      if (line != graph_.lines().end() && line->node.index == v) place((line++)->at);
      out_ += '\n';
    }
    for (const Guard& guard : trace_.guards) {
      out_ += "guard ";
      ref(guard.node);
      out_ += " = ";
      detail::append_number(out_, guard.expected);
      if (guard.at != SourceLine{}) place(guard.at);
      out_ += '\n';
    }
    groups("input ", trace_.arguments, trace_.inputs);
    groups("output ", trace_.results, trace_.outputs);
    out_ += "end\n";
    return std::move(out_);
  }

 private:
  void quoted(std::string_view text) { detail::append_quoted(out_, text); }

  void natural(std::uint32_t n) {
    char text[16];
    out_.append(text, std::to_chars(text, text + sizeof text, n).ptr);
  }

  void ref(Vertex v) {
    out_ += '%';
    natural(v.index);
  }

  void place(SourceLine at) {
    out_ += " @ ";
    quoted(graph_.files()[at.file]);
    out_ += ':';
    natural(at.line);
  }

  void definition(const GraphNode& node) {
    switch (node.kind) {
      case VertexKind::placeholder:
        out_ += "placeholder " + to_string(graph_.types()[node.type]);
        return;
      case VertexKind::variable: return leaf("variable ", node);
      case VertexKind::constant: return leaf("constant ", node);
      case VertexKind::operation:
        out_ += info(node.op).name;
        for (int k = 0; k < info(node.op).arity; ++k) {
          out_ += ' ';
          ref({node.operand[k]});
        }
        return;
      case VertexKind::block: return call(graph_.calls()[node.operand[0]]);
      case VertexKind::output:
        out_ += "output ";
        ref({node.operand[0]});
        out_ += ' ';
        natural(node.operand[1]);
        return;
    }
  }

  void leaf(std::string_view kind, const GraphNode& node) {
    out_ += kind;
    detail::append_number(out_, graph_.numbers()[node.operand[0]]);
  }

  void call(const BlockCall& call) {
    const std::string words = call.block->words();
    out_ += words.empty() ? "block user " : "block ";
    quoted(words.empty() ? call.block->name() : std::string_view(words));
    out_ += " (";
    for (std::size_t k = 0; k < call.operands.size(); ++k) {
      if (k > 0) out_ += ' ';
      ref(call.operands[k]);
    }
    out_ += ')';
  }

  void groups(std::string_view keyword, const std::vector<Group>& groups,
              const std::vector<Vertex>& members) {
    for (const Group& group : groups) {
      out_ += keyword;
      quoted(group.name);
      out_ += ' ' + to_string(group.type);
      for (std::uint32_t k = 0; k < group.count; ++k) {
        out_ += ' ';
        ref(members[group.first + k]);
      }
      out_ += '\n';
    }
  }

  const Trace& trace_;
  const Graph& graph_;
  std::string out_;
};

}  // namespace

std::string print(const Trace& trace) {
  const std::string wrong = verify(trace);
  if (!wrong.empty()) fail("print", wrong);
  return Printer(trace).run();
}

}  // namespace chainrule
