// Program: a parsed program, flat.
//
// Every value has a slot: first the free names, in the order of their first use, then the
// constants, then one per instruction, whose operands lie in lower slots. So evaluating is one pass
// over an array, and nothing recurses, however deep the source was nested.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chainrule/op/plain.hpp"

namespace chainrule::expr {

using Slot = std::uint32_t;

struct Instruction {
  Op op;
  std::uint8_t arity;
  Slot operand[3];
};

struct Assignment {
  std::string name;
  Slot slot;
};

class Program {
 public:
  /// The names that need a value, in the order of their first use.
  std::span<const std::string> names() const { return names_; }
  /// The assigned names in the order of the source. Two may share a slot, or that of a free name.
  std::span<const Assignment> assignments() const { return assignments_; }
  /// Those of pi and e that the program uses as constants (it may assign the names instead).
  std::span<const std::string> named_constants() const { return named_constants_; }
  std::span<const double> constants() const { return constants_; }
  std::span<const Instruction> instructions() const { return instructions_; }

  Slot result() const { return result_; }
  Slot first_constant() const { return static_cast<Slot>(names_.size()); }
  Slot first_instruction() const { return first_constant() + static_cast<Slot>(constants_.size()); }
  std::size_t slot_count() const { return first_instruction() + instructions_.size(); }

 private:
  friend class Builder;
  std::vector<std::string> names_;
  std::vector<Assignment> assignments_;
  std::vector<std::string> named_constants_;
  std::vector<double> constants_;
  std::vector<Instruction> instructions_;
  Slot result_ = 0;
};

/// The program's result where the i-th name has the i-th value. Throws Error if the counts differ.
double evaluate(const Program& program, std::span<const double> values);

/// Evaluates one program many times without allocating.
class Evaluator {
 public:
  explicit Evaluator(const Program& program);
  double operator()(std::span<const double> values);
  /// The value of a slot in the last evaluation.
  double operator[](Slot slot) const { return slots_[slot]; }

 private:
  const Program* program_;
  std::vector<double> slots_;
};

}  // namespace chainrule::expr
