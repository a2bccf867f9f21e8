// Views and their adjoints. Private to the library's sources.
//
// A Part is a view in which no element of the operand stands twice. Its adjoint goes to that part
// of the operand's: added in place where plain numbers are swept, so that n parts of n elements
// cost n and not n²; spread out into an array of the operand's shape, in which nothing has arrived
// elsewhere, where the sweep is recorded.
#pragma once

#include <array>
#include <span>
#include <string>

#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/move.hpp"

namespace chainrule {

/// An operation whose result is a view of its operand.
class View : public TensorOp {
 public:
  TensorType infer(std::span<const Tensor> x) const override { return view(x[0]).type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(view(x[0]), z);
  }
  bool is_view() const override { return true; }
  std::uint32_t reads() const override { return 0; }
};

/// The shape of a batch of `count` tensors.
inline Shape batch_shape(Shape shape, std::int64_t count) {
  shape.insert(0, count);
  return shape;
}
/// Of operands that are batches where the mask says so: how many slices there are; and operand k as
/// a batch, which all slices share if it was none. (See TensorOp::batch.)
std::int64_t batch_count(std::span<const Tensor> x, std::uint32_t mask);
Tensor as_batch(std::span<const Tensor> x, std::uint32_t mask, std::size_t k);

class Part : public View {
 public:
  /// The same part of each slice of a batch.
  virtual std::shared_ptr<const Part> on_batch(std::int64_t count) const = 0;
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const final {
    return call(on_batch(x[0].size(0)), {x[0]});
  }
  /// The part, in the memory of x.
  virtual Tensor window(const Tensor& x) const = 0;

  TensorType infer(std::span<const Tensor> x) const final { return window(x[0]).type(); }
  /// A small part of what is recorded is copied: it would keep all the rest in memory, and a loop
  /// that reads and writes parts of one tensor would copy all of it in each step.
  Tensor view(const Tensor& x) const final;
  void pull(const Pull& at) const final;
};

/// What stands around a part that is spread out: the number 0, or the adjoint at which nothing has
/// arrived.
enum class Around : std::uint8_t { zero, nothing };

/// x in its place in a tensor of `shape`.
Tensor spread_into(const Tensor& x, const std::shared_ptr<const Part>& part, const Shape& shape,
                   Around around, Location at = Location::here());

/// Places of one axis: `count` of them from `begin` on.
struct Places {
  std::int64_t begin = 0, step = 1, count = 0;
};
/// A Range of an axis of that size, its ends in place.
Places places_of(const Range& range, std::int64_t size, std::string_view where);
/// An index of an axis, counted from the front. Throws Error.
std::int64_t place_of(std::int64_t index, std::size_t axis, const Shape& shape,
                      std::string_view where);

/// Ranges and indices of all axes at once; axes of which one index is taken go, and new ones of
/// size 1 come.
class IndexPart final : public Part {
 public:
  struct Cut {
    Places places;
    bool is_dropped = false;
  };
  /// A cut an axis; bit k of new_axes: axis k of the result is new.
  IndexPart(std::span<const Cut> cuts, std::uint32_t new_axes);

  std::string_view name() const override { return "index"; }
  std::string parameters() const override;
  Tensor window(const Tensor& x) const override;
  std::shared_ptr<const Part> on_batch(std::int64_t count) const override;

 private:
  std::array<Cut, Shape::kMostAxes> cuts_ = {};
  std::size_t rank_;
  std::uint32_t new_axes_;
};

}  // namespace chainrule
