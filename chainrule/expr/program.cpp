#include "chainrule/expr/program.hpp"

#include <algorithm>

#include "chainrule/base/error.hpp"
#include "chainrule/op/reading.hpp"

namespace chainrule::expr {

Evaluator::Evaluator(const Program& program) : program_(&program), slots_(program.slot_count()) {
  std::ranges::copy(program.constants(), slots_.begin() + program.first_constant());
}

double Evaluator::operator()(std::span<const double> values) {
  if (values.size() != program_->names().size()) {
    fail("evaluate", std::to_string(values.size()) + " values for " +
                         std::to_string(program_->names().size()) + " names");
  }
  std::ranges::copy(values, slots_.begin());
  double* next = slots_.data() + program_->first_instruction();
  for (const Instruction& step : program_->instructions()) {
    double operands[3] = {};
    for (int i = 0; i < step.arity; ++i) operands[i] = slots_[step.operand[i]];
    *next++ = read_value(step.op, operands);
  }
  return slots_[program_->result()];
}

double evaluate(const Program& program, std::span<const double> values) {
  return Evaluator(program)(values);
}

}  // namespace chainrule::expr
