#include "chainrule/expr/record.hpp"

#include <algorithm>

#include "chainrule/base/error.hpp"

namespace chainrule::expr {

Recording::Recording(const Program& program, Labels labels)
    : program_(&program), slots_(program.slot_count()) {
  std::ranges::copy(program.constants(), slots_.begin() + program.first_constant());
  if (labels == Labels::dropped) return;
  std::vector<bool> named(program.slot_count());
  for (const Assignment& assignment : program.assignments()) {
    if (assignment.slot < program.first_constant() || named[assignment.slot]) continue;
    named[assignment.slot] = true;
    labelled_.push_back(&assignment);
  }
}

Scalar Recording::operator()(std::span<const Scalar> inputs) {
  const Program& program = *program_;
  if (inputs.size() != program.names().size()) {
    fail("record", std::to_string(inputs.size()) + " inputs for " +
                       std::to_string(program.names().size()) + " names");
  }
  std::ranges::copy(inputs, slots_.begin());
  for (const Assignment* named : labelled_) {
    if (named->slot >= program.first_instruction()) continue;
    slots_[named->slot] =
        constant(program.constants()[named->slot - program.first_constant()], named->name);
  }
  Scalar* next = slots_.data() + program.first_instruction();
  for (const Instruction& step : program.instructions()) {
    Scalar operands[3];
    for (int i = 0; i < step.arity; ++i) operands[i] = slots_[step.operand[i]];
    *next++ = apply(step.op, operands, {});
  }
  for (const Assignment* named : labelled_) {
    Scalar& node = slots_[named->slot];
    if (named->slot >= program.first_instruction() && !node.is_number()) node.label(named->name);
  }
  return slots_[program.result()];
}

}  // namespace chainrule::expr
