// Operations that move numbers and change none: broadcast_to, reshape, permute, transpose, slices.
//
// All of these are views: they share the memory of their operand, except a reshape of elements that
// do not stand in the order of the new shape, which copies them.
#pragma once

#include "chainrule/tensor/op.hpp"

namespace chainrule {

/// x as if it were repeated along axes of size 1 and new axes in front. Throws Error.
Tensor broadcast_to(const Tensor& x, const Shape& shape, Location at = Location::here());
/// The same elements, in order, in another shape. One size may be −1: what is left over.
Tensor reshape(const Tensor& x, const Shape& shape, Location at = Location::here());
Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> sizes,
               Location at = Location::here());
/// Axis k of the result is axis order[k] of x.
Tensor permute(const Tensor& x, std::span<const std::int64_t> order,
               Location at = Location::here());
Tensor permute(const Tensor& x, std::initializer_list<std::int64_t> order,
               Location at = Location::here());
/// The axes in reverse order, or two of them exchanged.
Tensor transpose(const Tensor& x, Location at = Location::here());
Tensor transpose(const Tensor& x, std::int64_t axis, std::int64_t other,
                 Location at = Location::here());
/// The numbers one after another in memory: x itself if they are so.
Tensor contiguous(const Tensor& x, Location at = Location::here());

/// Every step-th index from begin to before end; a negative step goes downwards. Negative places
/// count from the back; what reaches beyond the axis is cut off, as in NumPy.
struct Range {
  static constexpr std::int64_t kFromEnd = INT64_MIN;  ///< left out
  std::int64_t begin = kFromEnd, end = kFromEnd, step = 1;
};
/// Part of one axis.
Tensor slice(const Tensor& x, std::int64_t axis, Range range, Location at = Location::here());
/// One index of an axis, which goes.
Tensor pick(const Tensor& x, std::int64_t axis, std::int64_t index, Location at = Location::here());
/// Zeros of `shape` with x in the places of that range of the axis: the adjoint of slice().
Tensor slice_into(const Tensor& x, const Shape& shape, std::int64_t axis, Range range,
                  Location at = Location::here());

/// One element as a number on the tape, whose derivative goes on to the tensor; the only one, or by
/// an index for each axis. Throws Error.
Scalar scalar(const Tensor& x, Location at = Location::here());
Scalar scalar(const Tensor& x, std::initializer_list<std::int64_t> index,
              Location at = Location::here());
/// All elements as numbers on the tape, the last axis fastest.
std::vector<Scalar> scalars(const Tensor& x, Location at = Location::here());
/// A tensor of numbers from the tape, to which the derivative goes on. Throws Error unless there
/// are as many as the shape has elements.
Tensor stack(std::span<const Scalar> numbers, const Shape& shape, Precision element = f64,
             Location at = Location::here());
Tensor stack(std::span<const Scalar> numbers, Location at = Location::here());

}  // namespace chainrule
