#include "chainrule/graph/graph.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

#include "chainrule/graph/names_internal.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

using detail::Lookup;
using detail::shown;

constexpr std::size_t kMostNodes = 0xFFFFFFFEu;
constexpr std::size_t kMostTypes = 0x10000u;

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }
std::uint64_t hash_of(double number) { return std::bit_cast<std::uint64_t>(number); }
std::uint64_t hash_of(const Type& type) {
  std::uint64_t hash = static_cast<std::uint64_t>(type.element) + 1;
  for (const std::uint32_t n : type.shape) hash = (std::rotl(hash, 23) ^ n) * 0x9E3779B97F4A7C15u;
  return hash;
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// Where the entry of `node` stands, or would stand, among entries by node. Mostly it is the end.
template <class Entries>
auto place_of(Entries& entries, Vertex node) {
  if (entries.empty() || entries.back().node < node) return entries.end();
  return std::ranges::lower_bound(entries, node, {}, [](const auto& entry) { return entry.node; });
}

}  // namespace

std::string to_string(const Type& type) {
  std::string text = "f64";
  for (std::size_t k = 0; k < type.shape.size(); ++k) {
    text += (k == 0 ? "[" : ",") + std::to_string(type.shape[k]);
  }
  return type.shape.empty() ? text : text + "]";
}

bool operator==(const BlockCall& a, const BlockCall& b) {
  if (a.operands != b.operands) return false;
  if (a.block == b.block) return true;
  if (a.block == nullptr || b.block == nullptr) return false;
  const std::string words = a.block->words();
  return !words.empty() && words == b.block->words();
}

Graph::Graph() : types_(1), files_(1) {
  typed_.insert(hash_of(types_[0]), 0);
  filed_.insert(hash_of(files_[0]), 0);
}

// ---- by builders that keep their own order of things ------------------------------------------

Vertex Graph::append(const GraphNode& node) {
  if (nodes_.size() >= kMostNodes) {
    fail("graph", "has no room: it holds at most " + std::to_string(kMostNodes) + " nodes");
  }
  nodes_.push_back(node);
  return {static_cast<std::uint32_t>(nodes_.size() - 1)};
}

Vertex Graph::append_number(VertexKind kind, double number) {
  assert(kind == VertexKind::variable || kind == VertexKind::constant);
  GraphNode node{kind};
  node.operand[0] = static_cast<std::uint32_t>(numbers_.size());
  const Vertex at = append(node);
  numbers_.push_back(number);
  return at;
}

Vertex Graph::append_call(BlockCall call) {
  const std::size_t outputs = call.block->outputs();
  if (outputs >= kMostNodes - nodes_.size()) {
    fail(call.block->name(), "has " + std::to_string(outputs) + " outputs; a graph holds at most " +
                                 std::to_string(kMostNodes) + " nodes");
  }
  GraphNode node{VertexKind::block};
  node.operand[0] = static_cast<std::uint32_t>(calls_.size());
  const Vertex block = append(node);
  calls_.push_back(std::move(call));
  for (std::uint32_t k = 0; k < outputs; ++k) {
    append({VertexKind::output, Op::add, 0, {block.index, k, 0}});
  }
  return block;
}

void Graph::label(Vertex node, std::string_view text) {
  assert(node.index < size());
  const auto at = place_of(labels_, node);
  const bool has_one = at != labels_.end() && at->node == node;
  if (!has_one) {
    if (text.empty()) return;
    labels_.insert(at, {node, std::string(text)});
  } else if (text.empty()) {
    labels_.erase(at);
  } else {
    at->text = text;
  }
  if (has_one && has_twins_) {
    named_.clear();
    has_twins_ = false;
    for (const Label& label : labels_) file_label(label.node, label.text);
  } else if (!text.empty()) {
    file_label(node, text);
  }
}

void Graph::file_label(Vertex node, std::string_view text) {
  const std::uint64_t hash = hash_of(text);
  const std::uint32_t other = named_.find(hash, [&](std::uint32_t place) {
    const std::string* label = label_of({place});
    return label != nullptr && *label == text;
  });
  if (other == Lookup::kNowhere) {
    named_.insert(hash, node.index);
  } else if (other != node.index) {
    has_twins_ = true;
  }
}

Vertex Graph::find_label(std::string_view text) const {
  return {named_.find(hash_of(text), [&](std::uint32_t place) {
    const std::string* label = label_of({place});
    return label != nullptr && *label == text;
  })};
}

void Graph::reserve(std::size_t nodes) { nodes_.reserve(nodes); }

void Graph::forget_notes() {
  labels_.clear();
  lines_.clear();
  named_ = {};
  has_twins_ = false;
}

void Graph::locate(Vertex node, SourceLine line) {
  assert(node.index < size() && line.file < files_.size());
  const auto at = place_of(lines_, node);
  const bool has_one = at != lines_.end() && at->node == node;
  if (line == SourceLine{}) {
    if (has_one) lines_.erase(at);
  } else if (has_one) {
    at->at = line;
  } else {
    lines_.insert(at, {node, line});
  }
}

std::uint32_t Graph::file(std::string_view name) {
  const std::uint64_t hash = hash_of(name);
  const std::uint32_t known =
      filed_.find(hash, [&](std::uint32_t place) { return files_[place] == name; });
  if (known != Lookup::kNowhere) return known;
  const auto place = static_cast<std::uint32_t>(files_.size());
  files_.emplace_back(name);
  filed_.insert(hash, place);
  return place;
}

std::uint16_t Graph::type(const Type& type) {
  const std::uint64_t hash = hash_of(type);
  std::uint32_t place =
      typed_.find(hash, [&](std::uint32_t known) { return types_[known] == type; });
  if (place == Lookup::kNowhere) {
    if (types_.size() >= kMostTypes) {
      fail("graph", "has no room for the type " + to_string(type) + ": it holds at most " +
                        std::to_string(kMostTypes));
    }
    place = static_cast<std::uint32_t>(types_.size());
    types_.push_back(type);
    typed_.insert(hash, place);
  }
  return static_cast<std::uint16_t>(place);
}

const std::string* Graph::label_of(Vertex node) const {
  const auto at = place_of(labels_, node);
  return at != labels_.end() && at->node == node ? &at->text : nullptr;
}

SourceLine Graph::line_of(Vertex node) const {
  const auto at = place_of(lines_, node);
  return at != lines_.end() && at->node == node ? at->at : SourceLine{};
}

// ---- by hand ----------------------------------------------------------------------------------

// Before a node is appended its name is checked as that of the node to come.
void Graph::check_name(Vertex node, std::string_view name) const {
  if (name.empty()) return;
  if (detail::looks_automatic(name)) {
    fail("name", "'" + shown(name) + "' has the form of the automatic names: choose another");
  }
  const Vertex other = find_label(name);
  if (other.index != Lookup::kNowhere && other != node) {
    fail("name", "'" + shown(name) + "' is the name of another node of this graph");
  }
}

Node Graph::placeholder(std::string_view name, Type type) {
  const Vertex next{static_cast<std::uint32_t>(size())};
  check_name(next, name);
  append({VertexKind::placeholder, Op::add, this->type(type)});
  label(next, name);
  return {*this, next};
}

Node Graph::variable(double value, std::string_view name) {
  check_name({static_cast<std::uint32_t>(size())}, name);
  const Vertex at = append_number(VertexKind::variable, value);
  label(at, name);
  return {*this, at};
}

Node Graph::constant(double value, std::string_view name) {
  check_name({static_cast<std::uint32_t>(size())}, name);
  const Vertex at = append_number(VertexKind::constant, value);
  label(at, name);
  return {*this, at};
}

Node Graph::number(double value) {
  const std::uint64_t hash = hash_of(value);
  const std::uint32_t known = pooled_.find(hash, [&](std::uint32_t place) {
    return same_bits(numbers_[nodes_[place].operand[0]], value);
  });
  if (known != Lookup::kNowhere) return {*this, {known}};
  const Vertex at = append_number(VertexKind::constant, value);
  pooled_.insert(hash, at.index);
  return {*this, at};
}

void Graph::name(Vertex node, std::string_view name) {
  if (node.index >= size()) {
    fail("name", "the graph has " + std::to_string(size()) + " nodes, but none of place " +
                     std::to_string(node.index));
  }
  check_name(node, name);
  label(node, name);
}

void Graph::check_operand(std::string_view where, const Node& operand) const {
  if (&operand.graph() != this) {
    fail(where, shown(operand.name()) + " is a node of another graph");
  }
  const GraphNode& node = (*this)[operand.vertex()];
  if (node.kind == VertexKind::block) {
    fail(where,
         shown(operand.name()) + " is a block, which has no value of its own: use its outputs");
  }
  if (node.type != 0) {
    fail(where, shown(operand.name()) + " is " + to_string(types_[node.type]) +
                    ": operations on arrays are not there yet");
  }
}

Node Graph::apply(Op op, std::span<const Node> operands) {
  const OpInfo& row = info(op);
  if (operands.size() != static_cast<std::size_t>(row.arity)) {
    fail(row.name, "takes " + std::to_string(row.arity) +
                       (row.arity == 1 ? " operand, got " : " operands, got ") +
                       std::to_string(operands.size()));
  }
  GraphNode node{VertexKind::operation, op};
  for (std::size_t k = 0; k < operands.size(); ++k) {
    check_operand(row.name, operands[k]);
    node.operand[k] = operands[k].vertex().index;
  }
  return {*this, append(node)};
}

std::vector<Node> Graph::call(std::shared_ptr<const Block> block, std::span<const Node> operands) {
  if (operands.size() != block->inputs()) {
    fail(block->name(), "takes " + std::to_string(block->inputs()) + " numbers, got " +
                            std::to_string(operands.size()));
  }
  BlockCall call{std::move(block), {}};
  for (const Node& operand : operands) {
    check_operand(call.block->name(), operand);
    call.operands.push_back(operand.vertex());
  }
  const Vertex at = append_call(std::move(call));
  std::vector<Node> outputs;
  for (std::uint32_t v = at.index + 1; v < size(); ++v) outputs.emplace_back(*this, Vertex{v});
  return outputs;
}

namespace detail {

Node apply(Op op, std::initializer_list<NodeOperand> operands) {
  const Node* first = nullptr;
  for (const NodeOperand& operand : operands) {
    if (operand.is_number) continue;
    if (first == nullptr) first = &operand.node;
    if (&first->graph() != &operand.node.graph()) {
      fail(info(op).name, "its operands are of two graphs: " + shown(first->name()) + " of one, " +
                              shown(operand.node.name()) + " of another");
    }
  }
  Graph& graph = first->graph();
  std::vector<Node> nodes;
  for (const NodeOperand& operand : operands) {
    nodes.push_back(operand.is_number ? graph.number(operand.number) : operand.node);
  }
  return graph.apply(op, nodes);
}

}  // namespace detail

// ---- equality: what they say, not where their pools keep it -----------------------------------

bool operator==(const Graph& a, const Graph& b) {
  if (a.size() != b.size() || a.labels_ != b.labels_ || a.lines_.size() != b.lines_.size()) {
    return false;
  }
  for (std::size_t k = 0; k < a.lines_.size(); ++k) {
    const Graph::Line &p = a.lines_[k], &q = b.lines_[k];
    if (p.node != q.node || p.at.line != q.at.line) return false;
    if (a.files_[p.at.file] != b.files_[q.at.file]) return false;
  }
  for (std::size_t v = 0; v < a.size(); ++v) {
    const GraphNode &p = a.nodes_[v], &q = b.nodes_[v];
    if (p.kind != q.kind || a.types_[p.type] != b.types_[q.type]) return false;
    const auto same_links = [&](int count) {
      return std::equal(p.operand, p.operand + count, q.operand);
    };
    bool same = true;
    switch (p.kind) {
      case VertexKind::placeholder: break;
      case VertexKind::variable:
      case VertexKind::constant:
        same = same_bits(a.numbers_[p.operand[0]], b.numbers_[q.operand[0]]);
        break;
      case VertexKind::operation: same = p.op == q.op && same_links(info(p.op).arity); break;
      case VertexKind::block: same = a.calls_[p.operand[0]] == b.calls_[q.operand[0]]; break;
      case VertexKind::output: same = same_links(2); break;
    }
    if (!same) return false;
  }
  return true;
}

}  // namespace chainrule
