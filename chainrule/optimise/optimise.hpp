// optimise: a Trace made cheaper, by named passes. Each takes a Trace and gives one with the same
// inputs, outputs and guards; each is linear in the nodes, and in builds that assert verify() runs
// after each, so that a fault names the pass that made it.
//
// In strict arithmetic every output has the bits that the eager engine computes. In relaxed
// arithmetic, the default, operations are made of others and fused: a power is within 7 ulps, a
// quotient within 4, a fused sum within half an ulp of its product. NaN, infinities and the signs
// of zeros are kept, but in a sum with a product (or x + x, a quotient, a power; or one of these
// times a number, with a sign or its size taken, or chosen) that over- or underflows: where it is
// fused the exact sum decides. What a comparison, a step such as floor, or a guard reads is itself
// computed as the eager engine does, though its operands may not be: so a step, and a remainder of
// a large quotient, may be of the next number. The sign of a NaN is nobody's.
//
// For floats the same holds of the Trace whose numbers and results are each rounded to float.
#pragma once

#include <string_view>
#include <vector>

#include "chainrule/graph/trace.hpp"
#include "chainrule/op/precision.hpp"

namespace chainrule {

enum class Arithmetic : std::uint8_t { relaxed, strict };

struct OptimiseOptions {
  Arithmetic arithmetic = Arithmetic::relaxed;
  /// Whether the processor computes fma(x, y, w) in one instruction: else nothing is fused.
  enum class Fma : std::uint8_t { as_function, as_instruction } fma = Fma::as_instruction;
  /// How rows that are made of others, such as sigmoid, will be computed: by their formula, as in
  /// machine code, or each by itself.
  enum class Compounds : std::uint8_t { by_formula, by_row } compounds = Compounds::by_formula;
  /// What every value of the Trace will be rounded to. Numbers in it are.
  Precision precision = Precision::f64;
  /// Labels and source lines: they cost a tenth of the time.
  enum class Notes : std::uint8_t { keep, drop } notes = Notes::keep;
};

/// What a pass did: for reports and `--dump`.
struct PassReport {
  std::string_view name;
  std::size_t nodes_before = 0, nodes_after = 0;
  double seconds = 0;
};

/// The Trace after every pass of the pipeline.
Trace optimise(Trace trace, const OptimiseOptions& options = {},
               std::vector<PassReport>* reports = nullptr);

}  // namespace chainrule
