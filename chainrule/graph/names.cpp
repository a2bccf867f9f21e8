// What is in a Graph: names, lists and orders.
#include <algorithm>

#include "chainrule/graph/graph.hpp"
#include "chainrule/graph/names_internal.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

// Nodes that are counted together for automatic names: leaves of a kind, an operation's, blocks'.
constexpr std::size_t kLeafFamilies = 3, kBlocks = 3, kFirstOp = 4;
constexpr std::size_t kFamilies = kFirstOp + static_cast<std::size_t>(kOpCount);
constexpr std::string_view kLeafNames[kLeafFamilies] = {"plc", "var", "const"};

std::size_t family_of(const GraphNode& node) {
  switch (node.kind) {
    case VertexKind::placeholder: return 0;
    case VertexKind::variable: return 1;
    case VertexKind::constant: return 2;
    case VertexKind::block:
    case VertexKind::output: return kBlocks;
    case VertexKind::operation: break;
  }
  return kFirstOp + static_cast<std::size_t>(node.op);
}

// How many of each family stand before the node at hand. An output counts as its block.
class Counts {
 public:
  std::size_t before(const GraphNode& node) const {
    return counts_[family_of(node)] - (node.kind == VertexKind::output ? 1 : 0);
  }
  void pass(const GraphNode& node) {
    if (node.kind != VertexKind::output) ++counts_[family_of(node)];
  }

 private:
  std::size_t counts_[kFamilies] = {};
};

std::string automatic_name(const Graph& graph, const GraphNode& node, std::size_t count) {
  const auto numbered = [count](std::string_view family) {
    return std::string(family) + "/" + std::to_string(count);
  };
  const std::size_t family = family_of(node);
  if (family < kLeafFamilies) return numbered(kLeafNames[family]);
  if (family != kBlocks) return numbered(info(node.op).name);
  const bool is_output = node.kind == VertexKind::output;
  const GraphNode& header = is_output ? graph[Vertex{node.operand[0]}] : node;
  const Block& block = *graph.calls()[header.operand[0]].block;
  const std::string name = numbered(block.name());
  return is_output && block.outputs() != 1 ? name + "[" + std::to_string(node.operand[1]) + "]"
                                           : name;
}

bool is_digit(char c) { return '0' <= c && c <= '9'; }

std::vector<Vertex> of_kind(const Graph& graph, VertexKind kind) {
  std::vector<Vertex> all;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (graph.nodes()[v].kind == kind) all.push_back({v});
  }
  return all;
}

}  // namespace

bool detail::looks_automatic(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash + 1 == name.size()) return false;
  const std::string_view family = name.substr(0, slash), number = name.substr(slash + 1);
  if (!std::ranges::all_of(number, is_digit)) return false;
  if (std::ranges::find(kLeafNames, family) != std::end(kLeafNames)) return true;
  const OpInfo* row = find_op(family);
  return row != nullptr && row->name == family;
}

std::string Graph::name_of(Vertex at) const {
  if (const std::string* label = label_of(at)) return *label;
  Counts counts;
  for (std::uint32_t v = 0; v < at.index; ++v) counts.pass(nodes_[v]);
  return automatic_name(*this, nodes_[at.index], counts.before(nodes_[at.index]));
}

std::vector<std::string> Graph::names() const {
  std::vector<std::string> names(size());
  Counts counts;
  auto label = labels_.begin();
  for (std::uint32_t v = 0; v < size(); ++v) {
    if (label != labels_.end() && label->node.index == v) {
      names[v] = (label++)->text;
    } else {
      names[v] = automatic_name(*this, nodes_[v], counts.before(nodes_[v]));
    }
    counts.pass(nodes_[v]);
  }
  return names;
}

Node Graph::operator[](std::string_view name) {
  const Vertex labelled = find_label(name);
  if (labelled.index != detail::Lookup::kNowhere) return {*this, labelled};
  const std::size_t slash = name.rfind('/');
  if (slash != std::string_view::npos) {
    Counts counts;
    for (std::uint32_t v = 0; v < size(); ++v) {
      const GraphNode& node = nodes_[v];
      // A block's outputs are what its name stands for.
      if (node.kind != VertexKind::block && label_of({v}) == nullptr &&
          automatic_name(*this, node, counts.before(node)) == name) {
        return {*this, {v}};
      }
      counts.pass(node);
    }
  }
  fail("graph", "has no node called '" + detail::shown(name) + "'");
}

std::vector<Vertex> Graph::placeholders() const { return of_kind(*this, VertexKind::placeholder); }
std::vector<Vertex> Graph::variables() const { return of_kind(*this, VertexKind::variable); }
std::vector<Vertex> Graph::constants() const { return of_kind(*this, VertexKind::constant); }
std::vector<Vertex> Graph::operations() const { return of_kind(*this, VertexKind::operation); }

// ---- orders -----------------------------------------------------------------------------------

std::size_t Graph::operand_count(Vertex v) const {
  const GraphNode& node = nodes_[v.index];
  switch (node.kind) {
    case VertexKind::placeholder:
    case VertexKind::variable:
    case VertexKind::constant: break;
    case VertexKind::operation: return static_cast<std::size_t>(info(node.op).arity);
    case VertexKind::block: return calls_[node.operand[0]].operands.size();
    case VertexKind::output: return 1;
  }
  return 0;
}

Vertex Graph::operand(Vertex v, std::size_t k) const {
  const GraphNode& node = nodes_[v.index];
  return node.kind == VertexKind::block ? calls_[node.operand[0]].operands[k]
                                        : Vertex{node.operand[k]};
}

std::vector<Vertex> Graph::order() const {
  std::vector<Vertex> all(size());
  for (std::uint32_t v = 0; v < size(); ++v) all[v].index = v;
  return all;
}

std::vector<Vertex> Graph::order(Vertex head) const {
  struct Visit {
    Vertex node;
    std::uint32_t next = 0;  // the operand that comes next
  };
  std::vector<Vertex> sorted;
  std::vector<bool> met(size());
  std::vector<Visit> open{{head}};
  met[head.index] = true;
  while (!open.empty()) {
    Visit& visit = open.back();
    if (visit.next == operand_count(visit.node)) {
      sorted.push_back(visit.node);
      open.pop_back();
      continue;
    }
    const Vertex operand = this->operand(visit.node, visit.next++);
    if (met[operand.index]) continue;
    met[operand.index] = true;
    open.push_back({operand});
  }
  return sorted;
}

}  // namespace chainrule
