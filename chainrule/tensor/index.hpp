// Indexing, as in NumPy: x(0, all, Range{1, 3}), x(rows), x(Mask{x > 0.0}); and its inverse, parts
// of a tensor that are written: x.set({i}, y), x.add_at({i}, y).
//
// Integers, Ranges, `all`, `ellipsis` and `newaxis` give views. Tensors of whole numbers select
// places along an axis, several of them together: their shapes are broadcast, and the result has
// that shape in the place of their axes, or in front if other entries stand between them; an
// integer beside them is one of them. A mask selects the places where it is not 0, and takes as
// many axes as it has. Adjoints are added to the places they came from.
#pragma once

#include "chainrule/tensor/move.hpp"

namespace chainrule {

/// A whole axis; as many whole axes as are left; a new axis of size 1.
enum All : std::uint8_t { all };
enum Ellipsis : std::uint8_t { ellipsis };
enum NewAxis : std::uint8_t { newaxis };

/// Selects where truths are not 0: x(Mask{x > 0.0}).
struct Mask {
  Tensor truths;
};

/// One entry of an index. Refers to tensors, which are those of the same expression.
class Index {
 public:
  enum class Kind : std::uint8_t { nothing, number, range, rest, new_axis, places, mask };

  template <std::integral I>
  requires(!std::same_as<I, bool>) constexpr Index(I number)
      : kind_(Kind::number), range_{static_cast<std::int64_t>(number)} {}
  constexpr Index(Range range) : kind_(Kind::range), range_(range) {}
  constexpr Index(All) : kind_(Kind::range) {}
  constexpr Index(Ellipsis) : kind_(Kind::rest) {}
  constexpr Index(NewAxis) : kind_(Kind::new_axis) {}
  Index(const Tensor& places) : kind_(Kind::places), tensor_(&places) {}
  Index(const Mask& mask) : kind_(Kind::mask), tensor_(&mask.truths) {}

  constexpr Kind kind() const { return kind_; }
  constexpr std::int64_t number() const { return range_.begin; }
  constexpr const Range& range() const { return range_; }
  const Tensor& tensor() const { return *tensor_; }

 private:
  friend class IndexList;
  friend struct NoIndex;
  constexpr explicit Index(Kind kind) : kind_(kind) {}

  Kind kind_;
  Range range_;
  const Tensor* tensor_ = nullptr;
};

/// The entries of an index: one, or a list in braces.
class IndexList {
 public:
  IndexList(std::initializer_list<Index> entries) : entries_(entries.begin(), entries.size()) {}
  template <class I>
  requires std::convertible_to<const I&, Index> IndexList(const I& entry)
      : only_(entry), entries_(&only_, 1) {}
  explicit IndexList(std::span<const Index> entries) : entries_(entries) {}
  IndexList(const IndexList&) = delete;
  IndexList& operator=(const IndexList&) = delete;

  std::span<const Index> entries() const { return entries_; }

 private:
  Index only_ = Index(Index::Kind::nothing);
  std::span<const Index> entries_;
};

/// x(…) for any number of entries: indexed(x, {0, all}).
Tensor indexed(const Tensor& x, const IndexList& entries, Location at = Location::here());

/// The places at which a mask is not 0, a row of whole numbers each: shape (count, rank). While a
/// Function is recorded the mask's truths are guards.
Tensor argwhere(const Tensor& mask, Location at = Location::here());

/// x(…, places, …): the places of one axis, in the shape of the tensor of places.
Tensor take(const Tensor& x, const Tensor& places, std::int64_t axis = 0,
            Location at = Location::here());
/// Rows of a table: take() along the first axis.
Tensor embedding(const Tensor& table, const Tensor& rows, Location at = Location::here());

/// z[…,j,…] = x[…,places[…,j,…],…]: along the axis, each line of x by its own places. Of the other
/// axes places may have fewer elements than x: those beyond are left out. (NumPy: take_along_axis.)
Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& places,
              Location at = Location::here());
/// x with y added where gather() would have read it: z[…,places[…,j,…],…] += y[…,j,…].
Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& places, const Tensor& y,
                   Location at = Location::here());

}  // namespace chainrule
