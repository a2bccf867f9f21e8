// Operations that move numbers and change none: reshapes, slices, joins, repeats, diagonals.
//
// Those of the first half are views: they share the memory of their operand, except a reshape of
// elements that do not stand in the order of the new shape, which copies them. Names and rules are
// NumPy's; axes are counted from the back where they are negative.
#pragma once

#include "chainrule/tensor/reduce.hpp"

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

/// Axes of size 1 go: those named, or all of them. Throws Error if one named has another size.
Tensor squeeze(const Tensor& x, const Axes& axes = {}, Location at = Location::here());
/// A new axis of size 1, axis `axis` of the result. (NumPy: expand_dims.)
Tensor unsqueeze(const Tensor& x, std::int64_t axis, Location at = Location::here());
/// The elements of those axes, all if none is named, in reverse order.
Tensor flip(const Tensor& x, const Axes& axes = {}, Location at = Location::here());
/// That many parts of one size along an axis; or parts of those sizes, which fill it. Throws Error.
std::vector<Tensor> split(const Tensor& x, std::int64_t parts, std::int64_t axis = 0,
                          Location at = Location::here());
std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes,
                          std::int64_t axis = 0, Location at = Location::here());
std::vector<Tensor> split(const Tensor& x, std::initializer_list<std::int64_t> sizes,
                          std::int64_t axis = 0, Location at = Location::here());
/// xᵢ,ᵢ₊offset of two axes, which go; the diagonal is the last axis of the result. (NumPy takes the
/// first two axes if none are named; here it is the last two, those of matrices.)
Tensor diagonal(const Tensor& x, std::int64_t offset = 0, std::int64_t axis = -2,
                std::int64_t other = -1, Location at = Location::here());

// ---- new memory ---------------------------------------------------------------------------------

/// One after another along an axis. Throws Error unless all other sizes agree.
Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis = 0,
                   Location at = Location::here());
Tensor concatenate(std::initializer_list<Tensor> parts, std::int64_t axis = 0,
                   Location at = Location::here());
/// Tensors of one shape side by side, along a new axis: axis `axis` of the result.
Tensor stack(std::span<const Tensor> parts, std::int64_t axis = 0, Location at = Location::here());
Tensor stack(std::initializer_list<Tensor> parts, std::int64_t axis = 0,
             Location at = Location::here());

struct Padding {
  std::int64_t before = 0, after = 0;
};
/// A number before and after the elements of each axis: pad(x, {{1, 1}, {0, 2}}).
Tensor pad(const Tensor& x, std::span<const Padding> axes, double value = 0.0,
           Location at = Location::here());
Tensor pad(const Tensor& x, std::initializer_list<Padding> axes, double value = 0.0,
           Location at = Location::here());
/// Each element of the axis `count` times, or counts[k] times: (1,2) → (1,1,2,2).
Tensor repeat(const Tensor& x, std::int64_t count, std::int64_t axis,
              Location at = Location::here());
Tensor repeat(const Tensor& x, std::span<const std::int64_t> counts, std::int64_t axis,
              Location at = Location::here());
Tensor repeat(const Tensor& x, std::initializer_list<std::int64_t> counts, std::int64_t axis,
              Location at = Location::here());
/// The whole tensor times[k] times along axis k: (1,2) → (1,2,1,2). Axes that either lacks are put
/// in front.
Tensor tile(const Tensor& x, std::span<const std::int64_t> times, Location at = Location::here());
Tensor tile(const Tensor& x, std::initializer_list<std::int64_t> times,
            Location at = Location::here());
/// Element i of the axis goes to i + shift; what leaves at the end comes in at the beginning.
Tensor roll(const Tensor& x, std::int64_t shift, std::int64_t axis, Location at = Location::here());

/// Σᵢ xᵢ,ᵢ₊offset over two axes, the last two if none are named.
Tensor trace(const Tensor& x, std::int64_t offset = 0, std::int64_t axis = -2,
             std::int64_t other = -1, Location at = Location::here());
/// Matrices with the last axis of x on a diagonal, else 0.
Tensor diagonal_matrix(const Tensor& x, std::int64_t offset = 0, Location at = Location::here());
/// Which half of a matrix, its diagonal included.
enum class Triangle : std::uint8_t { lower, upper };
/// The elements on and below (above) the diagonal, or one that is `offset` to its right; else 0.
Tensor tril(const Tensor& x, std::int64_t offset = 0, Location at = Location::here());
Tensor triu(const Tensor& x, std::int64_t offset = 0, Location at = Location::here());

// ---- numbers and tensors ------------------------------------------------------------------------

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
