// What a derivative computes again, kept instead: between loops, and between two Functions.
//
// The adjoint of a loop runs its body's formulas again, step by step, from what went into the step.
// keep_steps() takes the dear ones out: the first loop stacks their values as it runs, and the
// second reads them. split() makes two Functions of one, so that a derivative in stages has each
// stage's forward work done once:
//
//   Function both = record(…);           // (x, ȳ) ↦ y, x̄
//   auto [early, late] = split(both, 1); // early: x ↦ y, kept      late: (kept, ȳ) ↦ x̄
//
// Neither changes a bit of any result: the same operations are done on the same numbers. Linear in
// the nodes, and in the operands of loops.
#pragma once

#include <optional>

#include "chainrule/graph/function.hpp"

namespace chainrule {

/// The trace with loops that keep, for later loops over the same steps, what those would compute
/// again: functions of the C library, quotients, roots and blocks, of what goes into a step of
/// both. A loop that is run twice on the same numbers, once with its carries stacked, is run once.
/// Nothing if nothing is gained. At most 2²⁰ numbers are kept of a pair of loops.
std::optional<Trace> keep_steps(const Trace& trace);

/// Two Functions from one.
struct Split {
  /// The arguments of f before `argument` ↦ those results of f that depend on nothing else, one
  /// after another as f gives them; then what `late` reads.
  Function early;
  /// (what was kept, the other arguments of f) ↦ the other results of f.
  Function late;
  std::size_t kept;  ///< numbers that early hands to late
};

/// Splits f before one of its arguments. Guards go with what they depend on; both are Functions
/// without code. Throws Error if f has no such argument, or if it is the first.
Split split(const Function& f, std::size_t argument);

}  // namespace chainrule
