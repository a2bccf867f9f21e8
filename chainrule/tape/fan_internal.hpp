// Fan<n>: a value and its derivatives in n directions at once, so that what a row costs (a sine, a
// jump to its formula) is paid once for all of them.
//
// As in Dual, a tangent that nobody seeded is absent, not 0: partial × absent = absent, also where
// the partial is infinite. An absent tangent holds 0, and a bit tells; the bits are looked at only
// where a partial is not finite, for a finite one times 0 is 0.
#pragma once

#include <cmath>
#include <cstddef>

#include "chainrule/op/op.hpp"

namespace chainrule {

template <std::size_t n>
struct Fan {
  double value = 0;
  unsigned seeded = 0;  ///< bit d: the tangent in direction d is there
  double tangent[n] = {};

  Fan() = default;
  Fan(double constant) : value(constant) {}

  void seed(std::size_t d, double slope) {
    tangent[d] = slope;
    seeded |= 1u << d;
  }

  /// tangent += partial · x's.
  [[gnu::always_inline]] void chain(double partial, const Fan& x) {
    if (x.seeded == 0) return;
    if (std::isfinite(partial)) {
      for (std::size_t d = 0; d < n; ++d) tangent[d] += partial * x.tangent[d];
    } else {
      for (std::size_t d = 0; d < n; ++d) {
        if ((x.seeded >> d & 1u) != 0) tangent[d] += partial * x.tangent[d];
      }
    }
    seeded |= x.seeded;
  }

  // Every row of the table, by its name.
#define CR_FAN_ARGS_1   const Fan& x
#define CR_FAN_ARGS_2   const Fan &x, const Fan &y
#define CR_FAN_ARGS_3   const Fan &x, const Fan &y, const Fan &w
#define CR_FAN_VALUES_1 x.value
#define CR_FAN_VALUES_2 x.value, y.value
#define CR_FAN_VALUES_3 x.value, y.value, w.value
#define CR_FAN_LIST_1   &x
#define CR_FAN_LIST_2   &x, &y
#define CR_FAN_LIST_3   &x, &y, &w
#define CR_OP(name, arity, ...)                                                                \
  friend Fan name(CR_FAN_ARGS_##arity) {                                                       \
    using Row = Rule<Op::name>;                                                                \
    Fan z(Row::template apply<double>(CR_FAN_VALUES_##arity));                                 \
    const auto partials = Row::template pullback<double>(1.0, CR_FAN_VALUES_##arity, z.value); \
    const Fan* const operands[] = {CR_FAN_LIST_##arity};                                       \
    for (std::size_t k = 0; k < arity; ++k) {                                                  \
      if (partials.entry[k].taken) z.chain(partials.entry[k].value, *operands[k]);             \
    }                                                                                          \
    return z;                                                                                  \
  }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_FAN_ARGS_1
#undef CR_FAN_ARGS_2
#undef CR_FAN_ARGS_3
#undef CR_FAN_VALUES_1
#undef CR_FAN_VALUES_2
#undef CR_FAN_VALUES_3
#undef CR_FAN_LIST_1
#undef CR_FAN_LIST_2
#undef CR_FAN_LIST_3

  friend Fan operator+(const Fan& x, const Fan& y) { return add(x, y); }
  friend Fan operator-(const Fan& x, const Fan& y) { return sub(x, y); }
  friend Fan operator*(const Fan& x, const Fan& y) { return mul(x, y); }
  friend Fan operator/(const Fan& x, const Fan& y) { return div(x, y); }
  friend Fan operator-(const Fan& x) { return neg(x); }
  friend Fan operator+(const Fan& x) { return x; }

  // Comparisons are decided by the values.
  friend bool operator==(const Fan& x, const Fan& y) { return x.value == y.value; }
  friend bool operator!=(const Fan& x, const Fan& y) { return x.value != y.value; }
  friend bool operator<(const Fan& x, const Fan& y) { return x.value < y.value; }
  friend bool operator<=(const Fan& x, const Fan& y) { return x.value <= y.value; }
  friend bool operator>(const Fan& x, const Fan& y) { return x.value > y.value; }
  friend bool operator>=(const Fan& x, const Fan& y) { return x.value >= y.value; }
  friend Fan choose(bool condition, const Fan& a, const Fan& b) { return condition ? a : b; }
};

}  // namespace chainrule
