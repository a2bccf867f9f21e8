// Reductions over axes: sum, mean, prod, min, max, argmin, argmax, var, std, norm, logsumexp; and
// softmax, log_softmax, cumsum.
//
// Axes are counted from the front, or from the back where they are negative; none means all. The
// axes that are reduced go, or stay with size 1 where keepdims is given.
#pragma once

#include "chainrule/tensor/op.hpp"

namespace chainrule {

/// Which axes; all of them if none is named.
class Axes {
 public:
  Axes() = default;
  Axes(std::int64_t axis) : list_{axis}, count_(1), is_all_(false) {}
  Axes(int axis) : Axes(std::int64_t{axis}) {}
  Axes(std::initializer_list<std::int64_t> axes) : Axes(std::span(axes.begin(), axes.size())) {}
  Axes(std::span<const std::int64_t> axes);

  bool is_all() const { return is_all_; }
  std::span<const std::int64_t> list() const { return {list_.data(), count_}; }
  /// Bit k: axis k of a tensor of that shape. Throws Error for an axis that it lacks or that is
  /// named twice.
  std::uint32_t mask(const Shape& shape, std::string_view where) const;

 private:
  std::array<std::int64_t, Shape::kMostAxes> list_ = {};
  std::size_t count_ = 0;
  bool is_all_ = true;
};

/// Whether axes that were reduced stay, with size 1.
enum class Dims : std::uint8_t { drop, keep };
inline constexpr Dims keepdims = Dims::keep;

Tensor sum(const Tensor& x, const Axes& axes = {}, Dims dims = Dims::drop,
           Location at = Location::here());

/// Sums x over the axes along which `shape` was broadcast to x's: the adjoint of broadcast_to.
Tensor sum_to(const Tensor& x, const Shape& shape, Location at = Location::here());

}  // namespace chainrule
