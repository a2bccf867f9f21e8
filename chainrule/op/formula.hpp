// Formula: a computation on doubles as data, a list of steps in which each comes after its
// operands.
//
// Equal steps are one, and a step on numbers alone is a number: what the row gives over double, so
// that no bit depends on when it is computed. Row formulas of ops.def read over Draft become
// Formulas, and so does a Graph. Constant time a step; nothing recurses.
#pragma once

#include <bit>
#include <span>
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
    Op op = Op::add;  ///< of an operation
    /// Its operands. input: [0] is which one. number: [0] and [1] are its bits, the low ones first.
    std::uint32_t at[3]{};

    friend bool operator==(const Step&, const Step&) = default;
  };

  StepId input(std::uint32_t which);
  StepId number(double value);
  /// op on as many operands as it has; an operand itself, where the row's value is its operand.
  StepId apply(Op op, std::span<const StepId> x);

  std::size_t size() const { return steps_.size(); }
  const Step& operator[](StepId step) const { return steps_[step.index]; }
  std::span<const Step> steps() const { return steps_; }
  bool is_number(StepId step) const { return steps_[step.index].kind == Kind::number; }
  /// The number of a step that is one.
  double number_of(StepId step) const {
    const std::uint32_t* const bits = steps_[step.index].at;
    return std::bit_cast<double>(std::uint64_t{bits[1]} << 32 | bits[0]);
  }

 private:
  StepId only(const Step& step);
  void grow();

  std::vector<Step> steps_;
  std::vector<std::uint32_t> table_;  ///< steps by their hash, open addressing
};

/// A row's value formula: inputs 0, 1, … are its operands.
struct RowFormula {
  Formula formula;
  StepId value;
};
/// Of a row of the C library the formula is a step of the row itself.
RowFormula formula_of(Op op);

}  // namespace chainrule
