// rewrite: algebraic rules, in strict arithmetic as well, because all of them are exact. What they
// are stands in rules_arithmetic.cpp and rules_choices.cpp; how they are applied stands here.
#include <bit>

#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rewriter_internal.hpp"

namespace chainrule::passes {

bool Rewriter::is(Vertex v, double number) const {
  return is_number(v) &&
         std::bit_cast<std::uint64_t>(number_at(v)) == std::bit_cast<std::uint64_t>(number);
}

Vertex Rewriter::make(Op op, Vertex x, Vertex y, Vertex w) {
  put_in_order(op, x, y);
  const Vertex operands[] = {x, y, w};
  double numbers[3] = {};
  int known = 0;
  const int arity = info(op).arity;
  while (known < arity && is_number(operands[known])) {
    numbers[known] = number_at(operands[known]);
    ++known;
  }
  if (known == arity) return constant(value_in(precision(), op, numbers));
  const Vertex equal = visit(op, [&](auto row) { return rule(row, x, y, w); });
  return equal != kNone ? equal : number(op, x, y, w);
}

void Rewriter::remake(const Graph& from, Vertex old) {
  const GraphNode& node = from[old];
  if (node.kind != VertexKind::operation) return copy(old);
  const auto [x, y, w] = images(node);
  place(old, make(node.op, x, y, w));
}

Trace rewrite(Trace trace, const OptimiseOptions& options) {
  Rewriter built(trace, options.precision);
  built.each_needed([&](Vertex v) { built.remake(trace.graph, v); });
  return built.finish();
}

}  // namespace chainrule::passes
