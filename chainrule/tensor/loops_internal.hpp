// Plain loops over the formula of a row: for arrays that are too small for a kernel to pay.
#pragma once

#include <cstdint>

#include "chainrule/op/op.hpp"

namespace chainrule {

/// z[i] = op(x0[i·step0], …) for i < n.
template <class T>
using ValueLoop = void (*)(const T* const* x, const std::int64_t* step, T* z, std::int64_t n);
/// The contributions of a pullback: x holds g, the operands and z, densely; out[k] is null where
/// the contribution to operand k is not wanted. −0.0 where nothing is pushed.
template <class T>
using PullLoop = void (*)(const T* const* x, const std::int64_t* step, T* const* out,
                          std::int64_t n);

template <class T>
struct Loops {
  ValueLoop<T> value;
  PullLoop<T> pull;
};
const Loops<float>& float_loops(Op op);
const Loops<double>& double_loops(Op op);

}  // namespace chainrule
