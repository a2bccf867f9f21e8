#include <algorithm>

#include "chainrule/expr/reader_internal.hpp"
#include "chainrule/op/reading.hpp"

namespace chainrule::expr {

Builder::Value Builder::name(std::string_view text) {
  program_.names_.emplace_back(text);
  return static_cast<Value>(program_.names_.size() - 1);
}

Builder::Value Builder::constant(double number) {
  program_.constants_.push_back(number);
  return static_cast<Value>(program_.constants_.size() - 1) | kConstant << kShift;
}

Builder::Value Builder::named_constant(std::string_view name, double number) {
  auto& names = program_.named_constants_;
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  return constant(number);
}

// An operation of literals is a constant. An assigned constant is left alone: it has a name, and on
// the tape an adjoint. The literals are taken back where nothing was made after them.
Builder::Value Builder::emit(Op op, const Value* operands, int arity) {
  auto& constants = program_.constants_;
  const auto is_literal = [this](Value v) {
    return v >> kShift == kConstant && (v & kIndex) >= settled_;
  };
  if (std::all_of(operands, operands + arity, is_literal)) {
    double numbers[3] = {};
    for (int i = 0; i < arity; ++i) numbers[i] = constants[operands[i] & kIndex];
    for (int i = arity - 1; i >= 0; --i) {
      if ((operands[i] & kIndex) + 1 == constants.size()) constants.pop_back();
    }
    return constant(read_value<double>(op, numbers));
  }
  Instruction step{op, static_cast<std::uint8_t>(arity), {}};
  std::copy(operands, operands + arity, step.operand);
  program_.instructions_.push_back(step);
  return static_cast<Value>(program_.instructions_.size() - 1) | kInstruction << kShift;
}

void Builder::assign(std::string_view text, Value value) {
  program_.assignments_.push_back({std::string(text), value});
}

Slot Builder::slot_of(Value value) const {
  const Slot index = value & kIndex;
  switch (static_cast<Kind>(value >> kShift)) {
    case kName: return index;
    case kConstant: return program_.first_constant() + index;
    case kInstruction: return program_.first_instruction() + index;
  }
  __builtin_unreachable();
}

Program Builder::finish(Value result) {
  for (Instruction& step : program_.instructions_) {
    for (int i = 0; i < step.arity; ++i) step.operand[i] = slot_of(step.operand[i]);
  }
  for (Assignment& assignment : program_.assignments_) assignment.slot = slot_of(assignment.slot);
  program_.result_ = slot_of(result);
  return std::move(program_);
}

}  // namespace chainrule::expr
