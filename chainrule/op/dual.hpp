// Dual<V>: forward mode. A value, and its derivative in one direction, both in the algebra V.
//
// The chain rule reads the partials off the row's pullback at g = 1, so there is no second table.
// A tangent that nobody seeded is absent, not 0: partial × absent = absent, also where the partial
// is infinite; a seed of 0 counts as seeded, and infinity × 0 is then NaN as in reverse mode.
#pragma once

#include "chainrule/op/op.hpp"

namespace chainrule {

template <Algebra V>
struct Dual {
  V value = V(0.0);
  V tangent = V(0.0);
  bool seeded = false;

  constexpr Dual() = default;
  constexpr Dual(double constant) : value(constant) {}
  constexpr Dual(const V& constant) requires(!std::same_as<V, double>) : value(constant) {}
  constexpr Dual(const V& at, const V& direction) : value(at), tangent(direction), seeded(true) {}

  // Every row of the table, by its name.
#define CR_DUAL_ARGS_1   const Dual& x
#define CR_DUAL_ARGS_2   const Dual &x, const Dual &y
#define CR_DUAL_ARGS_3   const Dual &x, const Dual &y, const Dual &w
#define CR_DUAL_VALUES_1 x.value
#define CR_DUAL_VALUES_2 x.value, y.value
#define CR_DUAL_VALUES_3 x.value, y.value, w.value
#define CR_OP(name, arity, ...)                                                         \
  friend Dual name(CR_DUAL_ARGS_##arity) {                                              \
    using Row = Rule<Op::name>;                                                         \
    const V z = Row::template apply<V>(CR_DUAL_VALUES_##arity);                         \
    const auto partials = Row::template pullback<V>(V(1.0), CR_DUAL_VALUES_##arity, z); \
    const Dual* const operands[] = {CR_DUAL_POINTERS_##arity};                          \
    return chain(z, partials.entry, operands, arity);                                   \
  }
#define CR_FN              CR_OP
#define CR_DEF             CR_OP
#define CR_DUAL_POINTERS_1 &x
#define CR_DUAL_POINTERS_2 &x, &y
#define CR_DUAL_POINTERS_3 &x, &y, &w
#include "chainrule/op/ops.def"
#undef CR_DUAL_ARGS_1
#undef CR_DUAL_ARGS_2
#undef CR_DUAL_ARGS_3
#undef CR_DUAL_VALUES_1
#undef CR_DUAL_VALUES_2
#undef CR_DUAL_VALUES_3
#undef CR_DUAL_POINTERS_1
#undef CR_DUAL_POINTERS_2
#undef CR_DUAL_POINTERS_3

  friend Dual operator+(const Dual& x, const Dual& y) { return add(x, y); }
  friend Dual operator-(const Dual& x, const Dual& y) { return sub(x, y); }
  friend Dual operator*(const Dual& x, const Dual& y) { return mul(x, y); }
  friend Dual operator/(const Dual& x, const Dual& y) { return div(x, y); }
  friend Dual operator-(const Dual& x) { return neg(x); }
  friend Dual operator+(const Dual& x) { return x; }

  // Comparisons are decided by the values.
  friend bool operator==(const Dual& x, const Dual& y) { return x.value == y.value; }
  friend bool operator!=(const Dual& x, const Dual& y) { return x.value != y.value; }
  friend bool operator<(const Dual& x, const Dual& y) { return x.value < y.value; }
  friend bool operator<=(const Dual& x, const Dual& y) { return x.value <= y.value; }
  friend bool operator>(const Dual& x, const Dual& y) { return x.value > y.value; }
  friend bool operator>=(const Dual& x, const Dual& y) { return x.value >= y.value; }

  friend double primal(const Dual& x) { return primal(x.value); }
  friend Dual choose(bool condition, const Dual& a, const Dual& b) { return condition ? a : b; }

 private:
  // ż = Σ ∂z/∂operand · operand̊, over the operands that are seeded and not `none`.
  static Dual chain(const V& z, const Push<V>* partials, const Dual* const* operands, int arity) {
    Dual result(z);
    for (int k = 0; k < arity; ++k) {
      if (!operands[k]->seeded || !partials[k].taken) continue;
      const V term = partials[k].value * operands[k]->tangent;
      result.tangent = result.seeded ? result.tangent + term : term;
      result.seeded = true;
    }
    return result;
  }
};

}  // namespace chainrule
