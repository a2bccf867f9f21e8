#include "chainrule/tensor/graph.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/program_internal.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {

using Part = TensorProgram::Kind;

struct TensorGraph::State {
  Tape tape{"graph"};
  TensorProgram program;
  std::optional<TensorExtraction> extraction;
  std::uint32_t rows_read = 0;
  std::vector<Tensor> values, adjoints;
  std::size_t evaluated = 0;  ///< nodes that have a value
  bool has_adjoints = false;

  State() { TensorTable::of(rows()).keep_plain_operands(); }

  Tape::State& rows() { return TapeAccess::state(tape); }

  // The nodes of what was recorded since.
  void read() {
    if (!extraction) extraction.emplace(rows(), program);
    std::vector<std::uint32_t> fresh(rows().rows.size - rows_read);
    std::iota(fresh.begin(), fresh.end(), rows_read);
    extraction->add_rows(fresh);
    rows_read = rows().rows.size;
  }

  std::uint32_t node_of(const Tensor& t, std::string_view where) {
    read();
    if (!t.is_recorded()) fail(where, "a tensor that is no node of the graph");
    const std::uint32_t row = tape.node_of(TensorAccess::as_scalar(t), where).index;
    return extraction->node_at(row);
  }
  std::uint32_t node_named(std::string_view name, std::string_view where) {
    read();
    const std::vector<std::string> names = program.names();
    const auto at = std::ranges::find(names, name);
    if (at == names.end()) fail(where, "there is no node named " + std::string(name));
    return static_cast<std::uint32_t>(at - names.begin());
  }

  const Tensor& value(std::uint32_t node) const {
    const TensorProgram::Node& at = program.nodes[node];
    if (at.kind == Part::variable || at.kind == Part::constant) return at.value;
    if (node >= evaluated) {
      fail("value", program.names()[node] + " has no value yet: run forward() first");
    }
    return values[node];
  }

  Tensor grad(std::uint32_t node) const {
    if (!has_adjoints) {
      fail("grad", program.names()[node] + " has no adjoint yet: run backward() first");
    }
    const TensorType& type = program.nodes[node].type;
    if (node >= adjoints.size() || !TensorTable::is_there(adjoints[node])) {
      return zeros(type.shape, type.element);
    }
    return without_gaps(adjoints[node]);
  }

  std::vector<std::string> of_kind(Part kind) {
    read();
    std::vector<std::string> names = program.names(), found;
    for (std::size_t k = 0; k < names.size(); ++k) {
      if (program.nodes[k].kind == kind) found.push_back(names[k]);
    }
    return found;
  }

  void check_name(std::string_view name) {
    if (name.empty()) return;
    read();
    if (std::ranges::any_of(program.nodes, [&](const auto& node) { return node.label == name; })) {
      fail("graph", "a node named " + std::string(name) + " is there already");
    }
  }
};

TensorGraph::TensorGraph() : state_(std::make_unique<State>()) {}
TensorGraph::~TensorGraph() = default;
TensorGraph::TensorGraph(TensorGraph&&) noexcept = default;
TensorGraph& TensorGraph::operator=(TensorGraph&&) noexcept = default;

Activation TensorGraph::build() { return state_->tape.activate(); }

namespace {

// A leaf on the graph's own tape, whichever is active.
Tensor leaf_of(Tape& tape, TensorLeaf kind, const Tensor& value, std::string_view name) {
  return TensorTable::of(TapeAccess::state(tape)).append_leaf(kind, value, name, {});
}

}  // namespace

Tensor TensorGraph::placeholder(const Shape& shape, std::string_view name, Precision element) {
  state_->check_name(name);
  return leaf_of(state_->tape, TensorLeaf::variable, make_symbolic({element, shape}), name);
}
Tensor TensorGraph::variable(const Tensor& value, std::string_view name) {
  state_->check_name(name);
  return leaf_of(state_->tape, TensorLeaf::variable, dense(value), name);
}
Tensor TensorGraph::constant(const Tensor& value, std::string_view name) {
  state_->check_name(name);
  return leaf_of(state_->tape, TensorLeaf::constant, dense(value), name);
}

void TensorGraph::forward(std::span<const FedTensor> feed) {
  state_->read();
  TensorProgram& program = state_->program;
  const std::vector<std::string> names = program.names();
  std::vector<Tensor> values(program.nodes.size(), TensorTable::nothing());
  std::string faults;
  const auto fault = [&](const std::string& text) {
    faults += (faults.empty() ? "" : "; ") + text;
  };
  for (const FedTensor& fed : feed) {
    const auto at = std::ranges::find(names, fed.name);
    const auto node = static_cast<std::size_t>(at - names.begin());
    if (at == names.end() || program.nodes[node].kind != Part::placeholder) {
      fault(std::string(fed.name) + " is no placeholder");
    } else if (TensorTable::is_there(values[node])) {
      fault(std::string(fed.name) + " is fed twice");
    } else if (fed.value.type() != program.nodes[node].type) {
      fault(std::string(fed.name) + " is " + to_string(program.nodes[node].type) + ", got " +
            to_string(fed.value.type()));
      values[node] = fed.value;
    } else {
      values[node] = TensorAccess::plain(fed.value);
    }
  }
  for (const std::uint32_t input : program.inputs) {
    if (!TensorTable::is_there(values[input])) fault(names[input] + " is not fed");
  }
  if (!faults.empty()) fail("forward", faults);
  for (std::uint32_t k = 0; k < values.size(); ++k) {
    const TensorProgram::Node& node = program.nodes[k];
    switch (node.kind) {
      case Part::placeholder: break;
      case Part::variable:
      case Part::constant: values[k] = node.value; break;
      case Part::operation: values[k] = evaluate(program, k, values); break;
    }
  }
  state_->values = std::move(values);
  state_->evaluated = state_->values.size();
}

void TensorGraph::forward(std::initializer_list<FedTensor> feed) {
  forward(std::span(feed.begin(), feed.size()));
}

void TensorGraph::backward(const Tensor& head) {
  if (head.size() != 1) {
    fail("backward", "a head of shape " + to_string(head.shape()) +
                         " needs a seed: only one of a single element has the seed 1");
  }
  backward(head, full(head.shape(), 1.0, head.element()));
}

void TensorGraph::backward(const Tensor& head, const Tensor& seed) {
  const std::uint32_t top = state_->node_of(head, "backward");
  const TensorProgram& program = state_->program;
  if (seed.shape() != program.nodes[top].type.shape) {
    fail("backward", "a seed of shape " + to_string(seed.shape()) + " for a head of shape " +
                         to_string(program.nodes[top].type.shape));
  }
  static_cast<void>(state_->value(top));
  std::vector<Tensor> adjoints(program.nodes.size(), TensorTable::nothing());
  adjoints[top] = converted(seed, program.nodes[top].type.element);
  for (std::uint32_t k = top + 1; k-- > 0;) {
    if (program.nodes[k].kind != Part::operation || !TensorTable::is_there(adjoints[k])) continue;
    const Tensor g = adjoints[k];
    program.nodes[k].op->pull(ProgramPull(program, state_->values, adjoints, k, g));
  }
  state_->adjoints = std::move(adjoints);
  state_->has_adjoints = true;
}

Tensor TensorGraph::value(const Tensor& node) const {
  return state_->value(state_->node_of(node, "value"));
}
Tensor TensorGraph::value(std::string_view name) const {
  return state_->value(state_->node_named(name, "value"));
}
Tensor TensorGraph::grad(const Tensor& node) const {
  return state_->grad(state_->node_of(node, "grad"));
}
Tensor TensorGraph::grad(std::string_view name) const {
  return state_->grad(state_->node_named(name, "grad"));
}
bool TensorGraph::has_grad(const Tensor& node) const {
  const std::uint32_t place = state_->node_of(node, "has_grad");
  return place < state_->adjoints.size() && TensorTable::is_there(state_->adjoints[place]);
}

void TensorGraph::assign(std::string_view name, const Tensor& value) {
  TensorProgram::Node& node = state_->program.nodes[state_->node_named(name, "assign")];
  if (node.kind != Part::variable) {
    fail("assign", std::string(name) + " is no variable: only a variable can be assigned");
  }
  if (value.type() != node.type) {
    fail("assign",
         std::string(name) + " is " + to_string(node.type) + ", got " + to_string(value.type()));
  }
  node.value = dense(value);
}

std::size_t TensorGraph::size() const {
  state_->read();
  return state_->program.nodes.size();
}
std::vector<std::string> TensorGraph::names() const {
  state_->read();
  return state_->program.names();
}
std::vector<std::string> TensorGraph::placeholders() const {
  return state_->of_kind(Part::placeholder);
}
std::vector<std::string> TensorGraph::variables() const { return state_->of_kind(Part::variable); }
std::vector<std::string> TensorGraph::constants() const { return state_->of_kind(Part::constant); }
std::vector<std::string> TensorGraph::operations() const {
  return state_->of_kind(Part::operation);
}

std::string to_string(const TensorGraph& graph) {
  graph.state_->read();
  return to_string(graph.state_->program, "graph");
}

}  // namespace chainrule
