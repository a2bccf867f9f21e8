// Recording: a program on the tape.
//
// One pass over the instructions; names become labels. A Recording is made once and run many times
// without allocating: about 10 ns an instruction besides what the tape takes.
#pragma once

#include <span>
#include <vector>

#include "chainrule/expr/program.hpp"
#include "chainrule/tape/scalar.hpp"

namespace chainrule::expr {

/// Whether assigned names become labels. An assigned constant is then a named leaf of its own, with
/// an adjoint; otherwise it is a plain number.
enum class Labels : unsigned char { kept, dropped };

/// Records a program on the thread's active tape. The program must outlive it.
class Recording {
 public:
  explicit Recording(const Program& program, Labels labels = Labels::kept);

  /// Records the program with inputs[i] for its i-th name; gives its result. An input may be a
  /// plain number. Throws Error if the counts differ.
  Scalar operator()(std::span<const Scalar> inputs);

  /// What a slot held in the last run: operator[](assignment.slot) is an assigned name's value.
  const Scalar& operator[](Slot slot) const { return slots_[slot]; }

 private:
  const Program* program_;
  std::vector<Scalar> slots_;
  std::vector<const Assignment*> labelled_;  ///< the first name of each assigned slot
};

}  // namespace chainrule::expr
