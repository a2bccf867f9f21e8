// fold: constant folding. What depends on numbers alone is computed now, by the functions that
// would compute it later, so that every bit is the same. Variables that are no inputs are numbers.
#include <algorithm>

#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"

namespace chainrule::passes {
namespace {

class Folding : public Rebuilt {
 public:
  using Rebuilt::Rebuilt;

  /// A variable that is no input, an operation on nothing but numbers, or a number to be rounded.
  bool has_what_to_fold(const Trace& trace) const {
    const Graph& from = trace.graph;
    for (std::uint32_t v = 0; v < from.size(); ++v) {
      const GraphNode& node = from.nodes()[v];
      if (node.kind == VertexKind::variable && !is_input({v})) return true;
      if (node.kind == VertexKind::constant && is_inexact(number_of(from, {v}))) return true;
      if (node.kind != VertexKind::operation) continue;
      int numbers = 0;
      while (numbers < info(node.op).arity && is_number(from, {node.operand[numbers]})) ++numbers;
      if (numbers == info(node.op).arity) return true;
    }
    return std::ranges::any_of(trace.guards,
                               [&](const Guard& guard) { return is_inexact(guard.expected); });
  }

  Vertex fold(const GraphNode& node) {
    const auto x = images(node);
    double numbers[3] = {};
    for (int k = 0; k < info(node.op).arity; ++k) {
      const Vertex operand = x[static_cast<std::size_t>(k)];
      if (!is_number(graph(), operand)) return append(node.op, x[0], x[1], x[2]);
      numbers[k] = number_of(graph(), operand);
    }
    return constant(value_in(precision(), node.op, numbers));
  }

 private:
  bool is_inexact(double number) const {
    return !is_same_number(number, rounded(precision(), number));
  }
};

}  // namespace

Trace fold(Trace trace, const OptimiseOptions& options) {
  Folding built(trace, options.precision);
  if (!built.has_what_to_fold(trace)) return trace;
  built.each_needed([&](Vertex v) {
    const GraphNode& node = trace.graph[v];
    if (node.kind == VertexKind::operation) {
      built.place(v, built.fold(node));
    } else if (node.kind == VertexKind::variable && !built.is_input(v)) {
      built.place(v, built.constant(number_of(trace.graph, v)));
    } else {
      built.copy(v);
    }
  });
  return built.finish();
}

}  // namespace chainrule::passes
