#include "chainrule/tape/inspect.hpp"

#include <algorithm>
#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

using detail::Code;
using detail::Recorder;

// Rows that are counted together for automatic names: leaves of a kind, an operation's, blocks'.
constexpr std::size_t kFamilies = static_cast<std::size_t>(Code::first_operation) + kOpCount;

std::size_t family_of(Code code) {
  const auto first = static_cast<std::size_t>(Code::first_operation);
  return is_operation(code) ? first + static_cast<std::size_t>(op_of(code))
                            : static_cast<std::size_t>(code);
}

NodeKind kind_of(Code code) {
  if (is_operation(code)) return NodeKind::operation;
  const bool is_leaf =
      code == Code::variable || code == Code::constant || code == Code::placeholder;
  return is_leaf ? static_cast<NodeKind>(code) : NodeKind::block;
}

// The automatic name of a row before which `count` of its family stand: mul/0, var/2, solve/1[0],
// where blocks are counted whatever their name.
std::string automatic_name(const Tape::State& state, std::uint32_t row, std::size_t count) {
  const Code code = state.rows.codes[row];
  const auto numbered = [](std::string_view family, std::size_t n) {
    return std::string(family) + "/" + std::to_string(n);
  };
  if (is_operation(code)) return numbered(info(op_of(code)).name, count);
  if (code == Code::block_output) {
    const auto [header, which] = state.rows.links[row];
    const std::string name =
        numbered(block_at(state, header).block->name(), state.rows.links[header].x);
    return block_at(state, header).block->outputs() == 1 ? name
                                                         : name + "[" + std::to_string(which) + "]";
  }
  if (code == Code::array) return numbered(state.arrays->name(row), count);
  if (code == Code::element) return numbered("element", count);
  return numbered(code == Code::variable ? "var" : code == Code::constant ? "const" : "plc", count);
}

NodeInfo node_info(const Tape::State& state, std::uint32_t row, std::string name) {
  const Recorder& rows = state.rows;
  const Code code = rows.codes[row];
  NodeInfo node{{row},
                kind_of(code),
                is_operation(code) ? op_of(code) : Op{},
                {},
                std::move(name),
                state.label_of(row) != nullptr,
                rows.values[row],
                {},
                {},
                {}};
  if (row < state.grads.covered() && !is_unreached(state.grads.data()[row])) {
    node.grad = state.grads.data()[row];
  }
  if (row < state.lines.size()) node.at = state.lines[row];
  if (code == Code::block_output) node.block = block_at(state, rows.links[row].x).block->name();
  if (code == Code::array) node.block = state.arrays->name(row);
  if (code == Code::element) node.block = "element";
  const Operands operands(state, row);
  for (std::size_t k = 0; k < operands.count(); ++k) {
    node.operands.push_back({operands.is_number(k), {operands.link(k)}, operands.values()[k], {}});
  }
  operands.pull_back(1.0,
                     [&](std::size_t k, double partial) { node.operands[k].partial = partial; });
  return node;
}

}  // namespace

std::string name_of(const Tape& tape, NodeId node) {
  const Tape::State& state = TapeAccess::state(tape);
  if (const std::string* label = state.label_of(node.index)) return *label;
  const Code* codes = state.rows.codes;
  const std::size_t family = family_of(codes[node.index]);
  const auto before = std::count_if(codes, codes + node.index, [family](Code code) {
    return is_node(code) && family_of(code) == family;
  });
  return automatic_name(state, node.index, static_cast<std::size_t>(before));
}

NodeInfo inspect(const Scalar& node) {
  Tape& tape = Tape::active();
  const NodeId id = tape.node_of(node, "inspect");
  return node_info(TapeAccess::state(tape), id.index, name_of(tape, id));
}

std::vector<NodeInfo> inspect(Tape& tape, const std::vector<NodeId>& nodes) {
  const Tape::State& state = TapeAccess::state(tape);
  std::vector<NodeId> ascending = nodes;
  std::ranges::sort(ascending);
  std::vector<std::string> names(ascending.size());
  std::vector<std::size_t> counts(kFamilies);
  std::uint32_t row = 0;
  for (std::size_t k = 0; k < ascending.size(); ++k) {
    for (; row < ascending[k].index; ++row) {
      const Code code = state.rows.codes[row];
      if (is_node(code)) ++counts[family_of(code)];
    }
    const std::string* label = state.label_of(row);
    const Code code = state.rows.codes[row];
    names[k] = label != nullptr ? *label : automatic_name(state, row, counts[family_of(code)]);
  }
  std::vector<NodeInfo> infos;
  infos.reserve(nodes.size());
  for (const NodeId node : nodes) {
    const auto at = std::ranges::lower_bound(ascending, node) - ascending.begin();
    infos.push_back(node_info(state, node.index, names[static_cast<std::size_t>(at)]));
  }
  return infos;
}

std::vector<NodeId> ancestors(const Scalar& y) {
  Tape& tape = Tape::active();
  const Tape::State& state = TapeAccess::state(tape);
  struct Visit {
    std::uint32_t row;
    std::size_t next_operand;
  };
  const std::uint32_t top = tape.node_of(y, "ancestors").index;
  std::vector<bool> entered(top + std::size_t{1});
  std::vector<Visit> stack{{top, 0}};
  std::vector<NodeId> order;
  entered[top] = true;
  while (!stack.empty()) {
    Visit& visit = stack.back();
    const Operands operands(state, visit.row);
    if (visit.next_operand == operands.count()) {
      order.push_back({visit.row});
      stack.pop_back();
      continue;
    }
    const std::size_t k = visit.next_operand++;
    if (operands.is_number(k) || entered[operands.link(k)]) continue;
    entered[operands.link(k)] = true;
    stack.push_back({operands.link(k), 0});
  }
  return order;
}

Scalar scalar_of(NodeId node) {
  const Tape::State& state = TapeAccess::state(Tape::active());
  if (node.index >= state.rows.size || !is_node(state.rows.codes[node.index])) {
    fail("scalar_of", "no node stands in row " + std::to_string(node.index));
  }
  return state.handle_to(node.index);
}

std::string to_string(const Scalar& x) {
  if (x.is_number()) return shortest(x.value());
  if (detail::slot_of(ScalarAccess::stamp(x)) == detail::kUnfedSlot) {
    const NodeId node{ScalarAccess::row(x)};
    const bool stands = node.index < TapeAccess::state(Tape::active()).rows.size;
    return (stands ? name_of(Tape::active(), node) : "a placeholder") + ": no value";
  }
  const NodeInfo node = inspect(x);
  return node.name + ": " + shortest(node.value) +
         (node.grad ? ", grad " + shortest(*node.grad) : std::string());
}

}  // namespace chainrule
