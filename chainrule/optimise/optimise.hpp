// optimise: a Trace made cheaper, by named passes. Each takes a Trace and gives one with the same
// inputs, outputs and guards; each is linear in the nodes, and in builds that assert verify() runs
// after each, so that a fault names the pass that made it.
//
// In strict arithmetic every output has the bits that the eager engine computes. In relaxed
// arithmetic, the default, sums and products may be reassociated and fused within the stated ulps;
// NaN, infinities and signed zeros are kept as they are unless a rule says otherwise.
#pragma once

#include <string_view>
#include <vector>

#include "chainrule/graph/trace.hpp"

namespace chainrule {

enum class Arithmetic : std::uint8_t { relaxed, strict };

struct OptimiseOptions {
  Arithmetic arithmetic = Arithmetic::relaxed;
  /// Whether the processor computes fma(x, y, w) in one instruction: else nothing is fused.
  enum class Fma : std::uint8_t { as_function, as_instruction } fma = Fma::as_instruction;
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
