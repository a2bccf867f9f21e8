// What float_loops.cpp and double_loops.cpp share: the loops of a row over one element type.
#pragma once

#include "chainrule/op/precision.hpp"
#include "chainrule/tape/arrival.hpp"
#include "chainrule/tensor/loops_internal.hpp"

namespace chainrule {

template <Op op, class T, class... X>
[[gnu::always_inline]] inline T value_as(X... x) {
  if constexpr (std::is_same_v<T, float>) {
    return single_value<op>(x...);
  } else {
    return Rule<op>::template apply<double>(x...);
  }
}

template <Op op, class T>
void value_loop(const T* const* x, const std::int64_t* step, T* z, std::int64_t n) {
  constexpr int kArity = Rule<op>::arity;
  const T* const x0 = x[0];
  if constexpr (kArity == 1) {
    if (step[0] == 1) {
      for (std::int64_t i = 0; i < n; ++i) z[i] = value_as<op, T>(x0[i]);
    } else {
      for (std::int64_t i = 0; i < n; ++i) z[i] = value_as<op, T>(x0[i * step[0]]);
    }
  } else if constexpr (kArity == 2) {
    const T* const x1 = x[1];
    if (step[0] == 1 && step[1] == 1) {
      for (std::int64_t i = 0; i < n; ++i) z[i] = value_as<op, T>(x0[i], x1[i]);
    } else if (step[0] == 1 && step[1] == 0) {
      const T y = *x1;
      for (std::int64_t i = 0; i < n; ++i) z[i] = value_as<op, T>(x0[i], y);
    } else {
      for (std::int64_t i = 0; i < n; ++i) z[i] = value_as<op, T>(x0[i * step[0]], x1[i * step[1]]);
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      z[i] = value_as<op, T>(x0[i * step[0]], x[1][i * step[1]], x[2][i * step[2]]);
    }
  }
}

template <Op op, class T>
void pull_loop(const T* const* x, const std::int64_t* step, T* const* out, std::int64_t n) {
  constexpr int kArity = Rule<op>::arity;
  for (std::int64_t i = 0; i < n; ++i) {
    const double g = static_cast<double>(x[0][i * step[0]]);
    if (is_unreached(g)) {
      for (int k = 0; k < kArity; ++k) {
        if (out[k] != nullptr) out[k][i] = static_cast<T>(kUnreached);
      }
      continue;
    }
    const auto at = [&](int k) { return static_cast<double>(x[k][i * step[k]]); };
    const auto pushes = [&] {
      using Row = Rule<op>;
      const double z = at(kArity + 1);
      if constexpr (kArity == 1) return Row::template pullback<double>(g, at(1), z);
      if constexpr (kArity == 2) return Row::template pullback<double>(g, at(1), at(2), z);
      if constexpr (kArity == 3) return Row::template pullback<double>(g, at(1), at(2), at(3), z);
    }();
    for (int k = 0; k < kArity; ++k) {
      if (out[k] == nullptr) continue;
      out[k][i] = static_cast<T>(pushes.entry[k].taken ? pushes.entry[k].value + 0.0 : kUnreached);
    }
  }
}

/// The loops of every row, by Op.
template <class T>
const Loops<T>& loops_of(Op op) {
  static constexpr Loops<T> kLoops[] = {
#define CR_OP(name, ...) {value_loop<Op::name, T>, pull_loop<Op::name, T>},
#define CR_FN            CR_OP
#define CR_DEF           CR_OP
#include "chainrule/op/ops.def"
  };
  return kLoops[static_cast<std::size_t>(op)];
}

}  // namespace chainrule
