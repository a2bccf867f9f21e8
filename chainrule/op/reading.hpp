// A row read over any algebra, for an operation known at run time.
#pragma once

#include "chainrule/op/op.hpp"

namespace chainrule {

/// op on operands[0 … arity).
template <class V>
V read_value(Op op, const V* x) {
  return visit(op, [x]<class Row>(Row) -> V {
    if constexpr (Row::arity == 1) return Row::template apply<V>(x[0]);
    if constexpr (Row::arity == 2) return Row::template apply<V>(x[0], x[1]);
    if constexpr (Row::arity == 3) return Row::template apply<V>(x[0], x[1], x[2]);
  });
}

/// Calls push(k, contribution) for each operand k that op's pullback pushes into.
template <class V, class Pushed>
void read_pullback(Op op, const V& g, const V* x, const V& z, Pushed&& push) {
  visit(op, [&]<class Row>(Row) {
    const auto pushes = [&] {
      if constexpr (Row::arity == 1) return Row::template pullback<V>(g, x[0], z);
      if constexpr (Row::arity == 2) return Row::template pullback<V>(g, x[0], x[1], z);
      if constexpr (Row::arity == 3) return Row::template pullback<V>(g, x[0], x[1], x[2], z);
    }();
    for (int k = 0; k < Row::arity; ++k) {
      if (pushes.entry[k].taken) push(k, pushes.entry[k].value);
    }
  });
}

}  // namespace chainrule
