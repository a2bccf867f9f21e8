// Forward and backward over a Graph that was built by hand, and the numbers that they leave.
//
// x̄ += z̄ ∂z/∂x, in reverse order. A node is entered only if something was pushed into it: its
// adjoint is −0.0 until then, and a sum of zero is kept as +0. Both passes are linear.
#include <algorithm>
#include <unordered_map>

#include "chainrule/base/text.hpp"
#include "chainrule/graph/graph.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/tape/inner.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

using detail::shown;

// "'x', 'y'", at most a hundred of them.
class List {
 public:
  void add(std::string_view name, std::string_view more = {}) {
    if (count_++ < kShown)
      text_.append(text_.empty() ? "'" : ", '").append(shown(name)).append("'").append(more);
  }
  bool empty() const { return count_ == 0; }
  // "placeholder 'x' is not fed", "placeholders 'x', 'y' are not fed".
  void say(std::string& facts, std::string_view one, std::string_view is, std::string_view many,
           std::string_view are) const {
    if (empty()) return;
    if (!facts.empty()) facts += "; ";
    facts.append(count_ == 1 ? one : many).append(text_);
    if (count_ > kShown) facts += " and " + std::to_string(count_ - kShown) + " more";
    facts.append(count_ == 1 ? is : are);
  }

 private:
  static constexpr std::size_t kShown = 100;
  std::size_t count_ = 0;
  std::string text_;
};

// What `head` depends on, itself included: every node comes after its operands.
std::vector<bool> ancestors(const Graph& graph, Vertex head) {
  std::vector<bool> needed(graph.size());
  needed[head.index] = true;
  for (std::uint32_t v = head.index + 1; v-- > 0;) {
    if (needed[v]) graph.each_operand(Vertex{v}, [&](Vertex x) { needed[x.index] = true; });
  }
  return needed;
}

}  // namespace

// ---- forward ----------------------------------------------------------------------------------

// The number of each placeholder, one after another; 0 for what is not needed and not fed.
std::vector<double> Graph::fed_values(std::span<const Fed> feed,
                                      const std::vector<bool>& needed) const {
  const std::vector<Vertex> all = placeholders();
  std::vector<std::string> names;
  std::unordered_map<std::string_view, std::size_t> place;
  for (const Vertex v : all) {
    const std::string* label = label_of(v);
    names.push_back(label != nullptr ? *label : "plc/" + std::to_string(names.size()));
  }
  for (std::size_t k = 0; k < all.size(); ++k) place.try_emplace(names[k], k);

  std::vector<double> numbers(all.size());
  std::vector<bool> is_fed(all.size());
  List missing, unknown, twice, arrays;
  for (const Fed& fed : feed) {
    const auto at = place.find(fed.name);
    if (at == place.end()) {
      unknown.add(fed.name);
    } else if (is_fed[at->second]) {
      twice.add(fed.name);
    } else {
      is_fed[at->second] = true;
      numbers[at->second] = fed.value;
    }
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    const GraphNode& node = (*this)[all[k]];
    if (node.type != 0 && (is_fed[k] || needed[all[k].index])) {
      arrays.add(names[k], " of type " + to_string(types_[node.type]));
    } else if (!is_fed[k] && needed[all[k].index]) {
      missing.add(names[k]);
    }
  }
  std::string facts;
  missing.say(facts, "placeholder ", " is not fed", "placeholders ", " are not fed");
  unknown.say(facts, "there is no placeholder ", "", "there are no placeholders ", "");
  twice.say(facts, "", " is fed twice", "", " are fed twice");
  arrays.say(facts, "placeholder ", " is an array, and arrays cannot be evaluated yet",
             "placeholders ", " are arrays, and arrays cannot be evaluated yet");
  if (!facts.empty()) fail("forward", facts);
  return numbers;
}

void Graph::run(std::span<const Fed> feed, const std::vector<bool>& needed) {
  const std::vector<double> fed = fed_values(feed, needed);
  values_.resize(size());
  evaluated_.assign(size(), false);
  std::size_t next_placeholder = 0;
  for (std::uint32_t v = 0; v < size(); ++v) {
    const GraphNode& node = nodes_[v];
    if (node.kind == VertexKind::placeholder) values_[v] = fed[next_placeholder++];
    if (!needed[v]) continue;
    switch (node.kind) {
      case VertexKind::placeholder: break;
      case VertexKind::variable:
      case VertexKind::constant: values_[v] = numbers_[node.operand[0]]; break;
      case VertexKind::operation: {
        double x[3] = {};
        for (int k = 0; k < info(node.op).arity; ++k) x[k] = values_[node.operand[k]];
        values_[v] = read_value<double>(node.op, x);
        break;
      }
      case VertexKind::block: run_call({v}); break;
      case VertexKind::output: break;  // came with its block
    }
    evaluated_[v] = true;
  }
}

void Graph::run_call(Vertex block) {
  const BlockCall& call = calls_[nodes_[block.index].operand[0]];
  std::vector<double> x;
  for (const Vertex operand : call.operands) x.push_back(values_[operand.index]);
  const std::size_t outputs = call.block->outputs();
  {
    const Inner apart(Inner::Sealed{});
    call.block->value(x, std::span(values_).subspan(block.index + 1, outputs));
  }
  std::fill_n(evaluated_.begin() + block.index + 1, outputs, true);
}

void Graph::forward(std::span<const Fed> feed) { run(feed, std::vector<bool>(size(), true)); }

void Graph::forward(std::initializer_list<Fed> feed) {
  forward(std::span(feed.begin(), feed.size()));
}

double Graph::forward(const Node& head, std::span<const Fed> feed) {
  if (&head.graph() != this) fail("forward", shown(head.name()) + " is a node of another graph");
  run(feed, ancestors(*this, head.vertex()));
  return head.value();
}

double Graph::forward(const Node& head, std::initializer_list<Fed> feed) {
  return forward(head, std::span(feed.begin(), feed.size()));
}

// ---- backward ---------------------------------------------------------------------------------

void Graph::backward(const Node& head, double seed) {
  if (&head.graph() != this) fail("backward", shown(head.name()) + " is a node of another graph");
  const Vertex top = head.vertex();
  if (nodes_[top.index].kind == VertexKind::block) {
    fail("backward",
         shown(head.name()) + " is a block, which has no value of its own: use its outputs");
  }
  if (top.index >= evaluated_.size() || !evaluated_[top.index]) {
    fail("backward", shown(head.name()) + " has no value yet: run forward() first");
  }
  adjoints_.assign(size(), kUnreached);
  accumulate(adjoints_[top.index], seed);
  for (std::uint32_t v = top.index + 1; v-- > 0;) {
    if (!is_unreached(adjoints_[v])) pull_back({v}, adjoints_[v]);
  }
}

// Pushes g ∂v/∂operand into each operand's adjoint.
void Graph::pull_back(Vertex v, double g) {
  const GraphNode& node = nodes_[v.index];
  switch (node.kind) {
    case VertexKind::placeholder:
    case VertexKind::variable:
    case VertexKind::constant: return;
    case VertexKind::operation: {
      double x[3] = {};
      for (int k = 0; k < info(node.op).arity; ++k) x[k] = values_[node.operand[k]];
      read_pullback<double>(node.op, g, x, values_[v.index], [&](int k, double contribution) {
        accumulate(adjoints_[node.operand[k]], contribution);
      });
      return;
    }
    case VertexKind::block: return pull_back_call(v);
    // Its block is reached thereby, and gathers what arrived at all of them.
    case VertexKind::output: return accumulate(adjoints_[node.operand[0]], 0.0);
  }
}

void Graph::pull_back_call(Vertex block) {
  const BlockCall& call = calls_[nodes_[block.index].operand[0]];
  std::vector<double> x, zbar(call.block->outputs());
  for (const Vertex operand : call.operands) x.push_back(values_[operand.index]);
  std::vector<double> xbar(x.size(), kUnreached);
  const std::size_t first = block.index + 1;
  for (std::size_t k = 0; k < zbar.size(); ++k) zbar[k] = adjoints_[first + k];
  {
    const Inner apart(Inner::Sealed{});
    call.block->vjp(x, std::span(values_).subspan(first, zbar.size()), zbar, xbar);
  }
  for (std::size_t k = 0; k < xbar.size(); ++k) {
    if (!is_unreached(xbar[k])) accumulate(adjoints_[call.operands[k].index], xbar[k]);
  }
}

// ---- the numbers of a node --------------------------------------------------------------------

VertexKind Node::kind() const { return (*graph_)[vertex_].kind; }
std::string Node::name() const { return graph_->name_of(vertex_); }
Type Node::type() const { return graph_->types_[(*graph_)[vertex_].type]; }

double Node::value() const {
  const GraphNode& node = (*graph_)[vertex_];
  if (node.kind == VertexKind::variable || node.kind == VertexKind::constant) {
    return graph_->numbers_[node.operand[0]];
  }
  if (node.kind == VertexKind::block) {
    fail("value", shown(name()) + " is a block, which has no value of its own: its outputs have");
  }
  if (vertex_.index >= graph_->evaluated_.size() || !graph_->evaluated_[vertex_.index]) {
    fail("value", shown(name()) + " has no value yet: run forward() first");
  }
  return graph_->values_[vertex_.index];
}

bool Node::has_grad() const {
  return vertex_.index < graph_->adjoints_.size() &&
         !is_unreached(graph_->adjoints_[vertex_.index]);
}

double Node::grad() const {
  if (vertex_.index >= graph_->adjoints_.size()) {
    fail("grad", shown(name()) + " has no adjoint yet: run backward() first");
  }
  return has_grad() ? graph_->adjoints_[vertex_.index] : 0.0;
}

void Node::assign(double value) const {
  const GraphNode& node = (*graph_)[vertex_];
  switch (node.kind) {
    case VertexKind::variable: graph_->numbers_[node.operand[0]] = value; return;
    case VertexKind::placeholder:
      fail("assign", shown(name()) + " is a placeholder: its number is fed to forward()");
    case VertexKind::constant:
      fail("assign", shown(name()) + " is a constant: it keeps its number");
    case VertexKind::operation:
    case VertexKind::block:
    case VertexKind::output: break;
  }
  fail("assign", shown(name()) + " is computed: only variables are assigned");
}

std::string to_string(const Node& node) {
  std::string text = node.name() + ": ";
  try {
    text += shortest(node.value());
  } catch (const Error&) {
    text += "no value";
  }
  return node.has_grad() ? text + ", grad " + shortest(node.grad()) : text;
}

}  // namespace chainrule
