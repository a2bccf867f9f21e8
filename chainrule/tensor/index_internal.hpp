// Rows by their places, and updates of parts. Private to the library's sources.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "chainrule/tensor/move_internal.hpp"

namespace chainrule {

/// Whether what is written takes the place of what was there, or is added to it.
enum class Update : std::uint8_t { set, add };

/// How an error names the axes that places are of: those of the tensor that the user sees.
struct Seen {
  std::string_view where;
  Shape shape;
  std::array<std::uint8_t, Shape::kMostAxes> axes;
};
/// The k-th tensor of places is of axis k.
Seen seen_plainly(std::string_view where, const Shape& shape);

/// z[b…, r…] = x[i0[b…], i1[b…], …, r…]: as many leading axes of x as there are tensors of places,
/// which have one shape.
Tensor take_rows(const Tensor& x, std::span<const Tensor> places, const Seen& seen, Location at);
Tensor take_rows(const Tensor& x, std::span<const Tensor> places, Location at = Location::here());
/// The shape of z.
Shape rows_shape(const Shape& x, std::span<const Tensor> places, std::string_view where);

/// x becomes a new value with y in that part. y has the part's shape.
void update_part(Tensor& x, const std::shared_ptr<const Part>& part, const Tensor& y, Update how,
                 Location at);
/// x becomes a new value with y in the rows that take_rows() reads. y has its result's shape.
void update_rows(Tensor& x, std::span<const Tensor> places, const Tensor& y, Update how,
                 const Seen& seen, Location at);

// What operations on rows are made of.

/// Of each entry of the places the offset of its row in t, in elements.
std::vector<std::int64_t> offsets_of(const Tensor& t, std::span<const Tensor> places,
                                     const Seen& seen);
/// Writes rows, or adds them, one after another.
void write_rows(const Tensor& t, std::span<const Tensor> places, const Tensor& rows, Update how,
                const Seen& seen);
/// The bits of `count` operands from `first` on.
std::uint32_t operands_from(std::uint32_t first, std::size_t count);
/// The operands from `first` on.
std::vector<Tensor> places_from(const Pull& at, std::size_t first);
/// op on tensors and the places that they are read or written at.
Tensor call_with(const std::shared_ptr<const TensorOp>& op, std::initializer_list<Tensor> numbers,
                 std::span<const Tensor> places, Location at = Location::here());
/// Places in the slices of a batch: those of the batch come first, of which each slice is one.
std::vector<Tensor> batch_places(std::span<const Tensor> x, std::uint32_t mask, std::size_t first);

}  // namespace chainrule
