// Small traces, written and read as formulas.
#pragma once

#include <string>
#include <vector>

#include "chainrule/graph/trace.hpp"
#include "chainrule/optimise/passes_internal.hpp"

namespace chainrule {

/// The trace of some code over three inputs; it gives a Node or several.
template <class Code>
Trace trace_of(Code code) {
  Graph graph;
  const Node x = graph.placeholder("x"), y = graph.placeholder("y"), w = graph.placeholder("w");
  const auto outputs = code(x, y, w);
  if constexpr (requires { outputs.size(); }) {
    return to_trace(graph, std::span<const Node>(outputs));
  } else {
    return to_trace(graph, {outputs});
  }
}

/// Its outputs: "add(x,mul(y,2))", separated by blanks. Not for large ones.
std::string formula(const Trace& trace);

/// The formula after one pass.
using Pass = Trace (*)(Trace, const OptimiseOptions&);
inline std::string after(Pass pass, Trace trace, const OptimiseOptions& options = {}) {
  return formula(pass(std::move(trace), options));
}

inline constexpr OptimiseOptions kStrict{.arithmetic = Arithmetic::strict};

/// ±0, ±inf, NaN, subnormal, least, largest, and ordinary numbers.
const std::vector<double>& special_numbers();

/// The first output of a trace of three inputs, at every three of them.
std::vector<double> values_at_special_numbers(const Trace& trace);
/// "" where two traces have the same bits there; else the first place where they have not.
std::string difference(const Trace& a, const Trace& b);

/// Whether they are the same bits, or both NaN.
bool is_same(double a, double b);

}  // namespace chainrule
