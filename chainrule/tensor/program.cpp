#include "chainrule/tensor/program_internal.hpp"

#include <algorithm>
#include <array>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {

using detail::Code;
using Part = TensorProgram::Kind;

namespace {

// A row of code `element`: one number of a tensor, by its place.
class ElementOf final : public TensorOp {
 public:
  explicit ElementOf(std::int64_t place) : place_(place) {}
  std::string_view name() const override { return "element"; }
  std::string parameters() const override { return std::to_string(place_); }
  TensorType infer(std::span<const Tensor> x) const override { return {x[0].element(), {}}; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(picked(TensorAccess::plain(x[0])), z);
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const TensorType type = at.type(0);
    const Tensor flat =
        slice_into(reshape(at.g(), Shape{1}), Shape{type.shape.size()}, 0, {place_, place_ + 1, 1});
    at.push(0, reshape(flat, type.shape));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  Tensor picked(const Tensor& x) const {
    return reshape(slice(reshape(x, Shape{x.size()}), 0, {place_, place_ + 1, 1}), Shape());
  }
  std::int64_t place_;
};

// "matmul", or "sum(axes=1)".
std::string call_text(const TensorOp& op) {
  const std::string parameters = op.parameters();
  return std::string(op.name()) + (parameters.empty() ? "" : "[" + parameters + "]");
}

}  // namespace

// ---- names ------------------------------------------------------------------------------------

std::vector<std::string> TensorProgram::names() const {
  std::vector<std::string> names;
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const Node& node : nodes) {
    if (!node.label.empty()) {
      names.push_back(node.label);
      continue;
    }
    std::string family = node.kind == Part::operation     ? std::string(node.op->name())
                         : node.kind == Part::variable    ? "var"
                         : node.kind == Part::placeholder ? "plc"
                                                          : "const";
    auto at = std::ranges::find(counts, family, &std::pair<std::string, std::size_t>::first);
    if (at == counts.end()) at = counts.insert(counts.end(), {family, 0});
    names.push_back(family + "/" + std::to_string(at->second++));
  }
  return names;
}

void TensorProgram::mark_needed(std::vector<bool>& needed) const {
  for (std::size_t k = nodes.size(); k-- > 0;) {
    if (!needed[k]) continue;
    for (const std::uint32_t operand : nodes[k].operands) needed[operand] = true;
  }
}

std::string to_string(const TensorProgram& program, std::string_view name) {
  const std::vector<std::string> names = program.names();
  std::string text(name);
  text += '(';
  for (const std::uint32_t input : program.inputs) {
    text += (text.back() == '(' ? "" : ", ") + names[input] + ": " +
            to_string(program.nodes[input].type);
  }
  text += ")\n";
  for (std::size_t k = 0; k < program.nodes.size(); ++k) {
    const TensorProgram::Node& node = program.nodes[k];
    if (node.kind == Part::placeholder) continue;
    text += "  " + names[k] + " = ";
    if (node.kind == Part::operation) {
      text += call_text(*node.op) + "(";
      for (const std::uint32_t operand : node.operands)
        text += (text.back() == '(' ? "" : ", ") + names[operand];
      text += ")";
    } else {
      text += node.kind == Part::variable ? "variable" : "constant";
      if (node.value.size() == 1) text += " " + shortest(TensorAccess::plain(node.value).item());
    }
    text += ": " + to_string(node.type) + "\n";
  }
  for (const std::uint32_t output : program.outputs) text += "  return " + names[output] + "\n";
  return text;
}

// ---- from the tape ----------------------------------------------------------------------------

std::uint32_t TensorExtraction::append(std::uint32_t row, TensorProgram::Node node) {
  const auto place = static_cast<std::uint32_t>(program_.nodes.size());
  if (row != kNowhere) {
    if (node_of_row_.size() <= row) node_of_row_.resize(row + std::size_t{1}, kNowhere);
    node_of_row_[row] = place;
    if (const std::string* label = state_.label_of(row)) node.label = *label;
    if (row < state_.lines.size()) node.at = state_.lines[row];
  }
  program_.nodes.push_back(std::move(node));
  return place;
}

std::uint32_t TensorExtraction::plain(const Tensor& t) {
  TensorProgram::Node node;
  node.kind = Part::constant;
  node.is_plain = true;
  node.type = t.type();
  node.value = TensorAccess::plain(t);
  return append(kNowhere, std::move(node));
}

std::uint32_t TensorExtraction::add_input(std::uint32_t row) {
  TensorProgram::Node node;
  node.kind = Part::placeholder;
  node.type = TensorTable::of(state_).row(row).type;
  const std::uint32_t place = append(row, std::move(node));
  program_.inputs.push_back(place);
  return place;
}

void TensorExtraction::add_rows(std::span<const std::uint32_t> rows) {
  for (const std::uint32_t row : rows) {
    if (node_at(row) == kNowhere) add(row);
  }
}

std::uint32_t TensorExtraction::node_of(const Tensor& t) {
  return t.is_recorded() ? node_at(TensorAccess::row(t)) : plain(t);
}

void TensorExtraction::add(std::uint32_t row) {
  const detail::Recorder& rows = state_.rows;
  const Code code = rows.codes[row];
  TensorProgram::Node node;
  if (code == Code::array) {
    const TensorTable& table = TensorTable::of(state_);
    const TensorTable::Row& at = table.row(row);
    node.type = at.type;
    if (at.leaf != TensorLeaf::none) {
      node.kind = is_symbolic(at.value)             ? Part::placeholder
                  : at.leaf == TensorLeaf::variable ? Part::variable
                                                    : Part::constant;
      node.value = at.value;
      const std::uint32_t place = append(row, std::move(node));
      if (program_.nodes[place].kind == Part::placeholder) program_.inputs.push_back(place);
      return;
    }
    node.op = at.op;
    for (const TensorTable::Operand& operand : table.operands(at)) {
      if (operand.row != TensorTable::Operand::kPlain) {
        node.operands.push_back(node_at(operand.row));
      } else {
        node.operands.push_back(plain(operand.value));
      }
    }
  } else if (code == Code::element) {
    node.op = std::make_shared<const ElementOf>(rows.links[row].y);
    node.operands = {node_at(rows.links[row].x)};
    node.type = {program_.nodes[node.operands[0]].type.element, {}};
  } else if (is_operation(code)) {
    const Operands operands(state_, row);
    node.op = tensor_op(op_of(code));
    node.type = {f64, {}};
    for (std::size_t k = 0; k < operands.count(); ++k) {
      std::uint32_t operand =
          operands.is_number(k) ? plain(full({}, operands.values()[k])) : node_at(operands.link(k));
      // An element of floats is a double among the numbers.
      if (program_.nodes[operand].type.element != f64) {
        TensorProgram::Node cast_node;
        cast_node.op = cast_op(f64);
        cast_node.operands = {operand};
        cast_node.type = {f64, {}};
        operand = append(kNowhere, std::move(cast_node));
      }
      node.operands.push_back(operand);
    }
  } else if (code == Code::third_operand) {
    return;
  } else if (code == Code::block || code == Code::block_output) {
    fail("record", "a block of numbers among tensors: compute it with tensors of shape ()");
  } else {
    node.kind = code == Code::constant ? Part::constant : Part::variable;
    node.type = {f64, {}};
    node.value = full({}, rows.values[row]);
  }
  append(row, std::move(node));
}

// ---- values -----------------------------------------------------------------------------------

Tensor evaluate(const TensorProgram& program, std::uint32_t place, std::span<const Tensor> values) {
  const TensorProgram::Node& node = program.nodes[place];
  constexpr std::size_t kFew = 8;
  if (node.operands.size() <= kFew) {
    std::array<Tensor, kFew> x;
    for (std::size_t k = 0; k < node.operands.size(); ++k) x[k] = values[node.operands[k]];
    return detail::value_of(*node.op, {x.data(), node.operands.size()});
  }
  std::vector<Tensor> x;
  for (const std::uint32_t operand : node.operands) x.push_back(values[operand]);
  return detail::value_of(*node.op, x);
}

void ProgramPull::push(std::size_t k, Tensor contribution) const {
  TensorTable::add(adjoints_[at().operands[k]], std::move(contribution));
}

const Tensor* ProgramPull::accumulator(std::size_t k) const {
  Tensor& adjoint = adjoints_[at().operands[k]];
  TensorTable::own_adjoint(adjoint, type(k));
  return &adjoint;
}

}  // namespace chainrule
