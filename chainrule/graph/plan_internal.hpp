// Plan: a Trace made ready to be replayed. Steps of 16 bytes over an array of slots; a slot is used
// again once its value has had its last reader, so that the array stays in the cache.
//
// Slots: constants, then inputs, then the rest. A step reads slots a and b (a third operand stands
// in the next step's a). Guards are checked in the order in which they were decided, each as soon
// as its value is there. One step costs about a nanosecond and its operation; in lanes of 64 rows,
// that is shared by 64.
#pragma once

#include <bit>

#include "chainrule/graph/trace.hpp"

namespace chainrule {

inline constexpr std::size_t kLanes = 64;

struct Step {
  std::uint32_t a, b, out;
  std::uint8_t code;  ///< of an operation, or one of those below
};

/// An operation has one code, and one with two operands three: where its first, or its second, is
/// what the step before has computed.
inline constexpr unsigned kFirstIsLast = 1;
inline constexpr unsigned kSecondIsLast = 2;
constexpr unsigned first_code(Op op) {
  unsigned code = 0;
  for (const OpInfo& row : kOps) {
    if (row.op == op) break;
    code += row.arity == 2 ? 3 : 1;
  }
  return code;
}
/// The second half of an operation with three operands: its third is in a.
inline constexpr std::uint8_t kThirdStep =
    first_code(kOps[kOpCount - 1].op) + (kOps[kOpCount - 1].arity == 2 ? 3 : 1);
/// Slot a must hold what guard b expects.
inline constexpr std::uint8_t kGuardStep = kThirdStep + 1;
/// Block a.
inline constexpr std::uint8_t kBlockStep = kThirdStep + 2;
static_assert(kThirdStep <= 253, "a code is one byte");

/// Whether a guard holds: the same bits, or both NaN.
inline bool agrees(double value, double expected) {
  return std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(expected) ||
         (value != value && expected != expected);
}

struct Plan {
  explicit Plan(const Trace& trace);

  struct Call {
    std::shared_ptr<const Block> block;
    std::vector<std::uint32_t> operands, results;  ///< slots
  };

  std::vector<Step> steps;
  std::vector<double> constants;
  std::vector<Call> calls;
  std::vector<double> expected;  ///< by guard
  std::vector<std::uint32_t> outputs;
  std::uint32_t inputs = 0;
  std::uint32_t slots = 0;
  std::size_t largest_call = 0;  ///< operands and results of the largest block

  std::uint32_t first_input() const { return static_cast<std::uint32_t>(constants.size()); }

  /// Runs on `values`, where constants and inputs are in place; gives the first guard that does not
  /// hold, or how many there are. `scratch` has room for largest_call.
  std::size_t run(double* values, double* scratch) const;
  /// The same on 64 rows at once: slot s holds values[64 s …]. alive[i] is cleared where a guard
  /// does not hold. Ends early when none is left.
  void run_lanes(double* values, double* scratch, bool* alive) const;
};

}  // namespace chainrule
