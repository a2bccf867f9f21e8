// Formula: a computation on doubles as data, a list of steps in which each comes after its
// operands.
//
// Equal steps are one, and a step on numbers alone is a number: what the row gives over double, so
// that no bit depends on when it is computed. Row formulas of ops.def read over Draft become
// Formulas, and so does a Graph. Constant time a step; nothing recurses.
#pragma once

#include <initializer_list>
#include <span>
#include <unordered_map>
#include <vector>

#include "chainrule/base/ids.hpp"
#include "chainrule/op/op.hpp"

namespace chainrule {

using StepId = Id<struct StepTag>;

class Formula {
 public:
  enum class Kind : std::uint8_t { input, number, operation };
  struct Step {
    Kind kind;
    Op op = Op::add;        ///< of an operation
    std::uint32_t at[3]{};  ///< its operands. input: [0] is which one. number: [0] is its place

    friend bool operator==(const Step&, const Step&) = default;
  };

  StepId input(std::uint32_t which);
  StepId number(double value);
  /// op on as many operands as it has; an operand itself, where the row's value is its operand.
  StepId apply(Op op, std::span<const StepId> x);

  std::size_t size() const { return steps_.size(); }
  const Step& operator[](StepId step) const { return steps_[step.index]; }
  std::span<const Step> steps() const { return steps_; }
  /// The number of a step that is one.
  double number_of(StepId step) const { return numbers_[steps_[step.index].at[0]]; }
  bool is_number(StepId step) const { return steps_[step.index].kind == Kind::number; }

 private:
  struct Hash {
    std::size_t operator()(const Step& step) const;
  };

  StepId only(const Step& step);

  std::vector<Step> steps_;
  std::vector<double> numbers_;
  std::unordered_map<std::uint64_t, std::uint32_t> pooled_;  ///< numbers_ by their bits
  std::unordered_map<Step, std::uint32_t, Hash> known_;
};

/// A row's value formula: inputs 0, 1, … are its operands.
struct RowFormula {
  Formula formula;
  StepId value;
};
/// Of a row of the C library the formula is a step of the row itself.
RowFormula formula_of(Op op);

}  // namespace chainrule
