// A tensor as rows: one for each place of the axes that are kept, the elements along the other axes
// one after another in it. Where these are the last axes, and dense, that is the memory as it is;
// else the numbers are copied into this order, and results copied back.
#pragma once

#include <cmath>

#include "chainrule/tape/arrival.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/op.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/reduce_internal.hpp"

namespace chainrule {

class Rows {
 public:
  Rows(const Shape& shape, std::uint32_t mask) {
    for (const bool is_reduced : {false, true}) {
      for (std::size_t k = 0; k < shape.rank(); ++k) {
        if (((mask >> k & 1u) != 0) != is_reduced) continue;
        is_in_order_ = is_in_order_ && order_count_ == k;
        order_[order_count_++] = static_cast<std::int64_t>(k);
        turned_.push_back(shape[k]);
        (is_reduced ? length : count) *= shape[k];
      }
    }
  }

  std::int64_t count = 1;   ///< of rows
  std::int64_t length = 1;  ///< of each

  /// The numbers of x, of the shape, row after row.
  Tensor in_rows(const Tensor& x) const { return is_in_order_ ? dense(x) : dense(turned(x)); }
  /// Where results are to be written, row after row, that go() then takes to z.
  Tensor target(const Tensor& z) const {
    return is_in_order_ ? z : make_tensor(z.element(), turned_);
  }
  void go(const Tensor& target, const Tensor& z) const {
    if (!is_in_order_) copy_numbers(target, turned(z));
  }
  /// The order of axes in which those of a row are the last.
  std::vector<std::int64_t> order() const {
    return {order_.begin(), order_.begin() + order_count_};
  }
  /// The place of each axis in that order.
  std::vector<std::int64_t> inverse() const {
    std::vector<std::int64_t> places(order_count_);
    for (std::size_t k = 0; k < order_count_; ++k)
      places[static_cast<std::size_t>(order_[k])] = static_cast<std::int64_t>(k);
    return places;
  }
  const Shape& turned_shape() const { return turned_; }

 private:
  Tensor turned(const Tensor& x) const {
    detail::Strides strides = {};
    for (std::size_t k = 0; k < order_count_; ++k)
      strides[k] = x.strides()[static_cast<std::size_t>(order_[k])];
    return make_view(x, turned_, strides);
  }

  std::array<std::int64_t, Shape::kMostAxes> order_ = {};
  std::size_t order_count_ = 0;
  Shape turned_;
  bool is_in_order_ = true;
};

/// Operands of which those of the mask have a new first axis, all with it: the others repeated.
std::vector<Tensor> all_in_batches(std::span<const Tensor> x, std::uint32_t batched);

/// An operation along some axes. Its result has x's shape unless infer() says otherwise.
class AlongAxes : public TensorOp {
 public:
  explicit AlongAxes(std::uint32_t mask) : mask_(mask) {}
  std::string parameters() const override { return axes_text(mask_, Dims::drop); }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  Tensor batch(std::span<const Tensor> x, std::uint32_t batched) const override {
    return call(along(mask_ << 1), all_in_batches(x, batched));
  }

 protected:
  std::uint32_t mask() const { return mask_; }
  /// The same operation along other axes.
  virtual std::shared_ptr<const TensorOp> along(std::uint32_t mask) const = 0;

 private:
  std::uint32_t mask_;
};

/// An operation that makes one number of all along some axes.
class OverAxes : public TensorOp {
 public:
  OverAxes(std::uint32_t mask, Dims dims) : mask_(mask), dims_(dims) {}
  std::string parameters() const override { return axes_text(mask_, dims_); }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), reduced_shape(x[0].shape(), mask_, dims_)};
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(over(mask_ << 1, dims_), x);
  }

 protected:
  std::uint32_t mask() const { return mask_; }
  /// The same operation over other axes.
  virtual std::shared_ptr<const TensorOp> over(std::uint32_t mask, Dims dims) const = 0;
  /// A tensor of the result's shape, beside x: the axes that were reduced have size 1.
  Tensor beside(const Tensor& t, const Shape& x) const;

 private:
  std::uint32_t mask_;
  Dims dims_;
};

/// The axes of a mask.
Axes axes_of(std::uint32_t mask);
/// x minus its mean along the axes.
Tensor centred(const Tensor& x, std::uint32_t mask);

// ---- contributions to adjoints ------------------------------------------------------------------

/// Whether an adjoint is −0.0, to which nothing has arrived, as a recorded truth.
Scalar is_gap(const Scalar& g);
/// g y, nothing (−0.0) where nothing has arrived in g, whatever y is there; broadcast.
Tensor gated_product(const Tensor& g, const Tensor& y);
/// 1 where anything has arrived in a row of g, else 0; the row's axes with size 1. No derivative.
Tensor rows_arrived(const Tensor& g, std::uint32_t mask);
/// A contribution where `holds` is not 0, nothing elsewhere; broadcast.
Tensor gated(const Tensor& holds, const Tensor& contribution);
/// Says of a new plain tensor that −0.0 in it means that nothing has arrived.
void say_gaps(const Tensor& t);
/// Whether anything has arrived among n adjoints.
template <class T>
bool any_arrived(const T* g, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    if (!(g[i] == T{0}) || !std::signbit(g[i])) return true;
  }
  return false;
}

}  // namespace chainrule
