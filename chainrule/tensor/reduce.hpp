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

/// Sums divided by the number of their terms, NaN for none.
Tensor mean(const Tensor& x, const Axes& axes = {}, Dims dims = Dims::drop,
            Location at = Location::here());
/// Products, 1 of nothing. Their derivatives are right where factors are 0.
Tensor prod(const Tensor& x, const Axes& axes = {}, Dims dims = Dims::drop,
            Location at = Location::here());

/// The largest and the smallest; NaN if any element is. Equal ones share the adjoint evenly. Throws
/// Error where there is none. (max(x, y) is the larger of x and y, element by element.)
Tensor amax(const Tensor& x, const Axes& axes = {}, Dims dims = Dims::drop,
            Location at = Location::here());
Tensor amin(const Tensor& x, const Axes& axes = {}, Dims dims = Dims::drop,
            Location at = Location::here());
/// The place of the first of the largest or smallest, or of the first NaN, as a whole number in
/// f64; along several axes the place among their elements, the last axis fastest. No derivative.
Tensor argmax(const Tensor& x, const Axes& axes = {}, Dims dims = Dims::drop,
              Location at = Location::here());
Tensor argmin(const Tensor& x, const Axes& axes = {}, Dims dims = Dims::drop,
              Location at = Location::here());

/// Σ (x − mean)²/(n − ddof), in two passes; NaN unless n > ddof. ddof is 0 for the variance of the
/// numbers themselves, 1 for the unbiased estimate from a sample.
Tensor var(const Tensor& x, const Axes& axes = {}, double ddof = 0.0, Dims dims = Dims::drop,
           Location at = Location::here());
/// The root of var; its gradient is 0 where all are equal.
Tensor stddev(const Tensor& x, const Axes& axes = {}, double ddof = 0.0, Dims dims = Dims::drop,
              Location at = Location::here());
/// (Σ |x|^p)^(1/p) for p ≥ 1; p = ∞ is the largest size, −∞ the smallest. Neither overflows nor
/// vanishes where the result does not. The gradient is 0 at 0. Throws Error for other p.
Tensor norm(const Tensor& x, const Axes& axes = {}, double p = 2.0, Dims dims = Dims::drop,
            Location at = Location::here());

/// log Σ exp x, without overflow; −∞ of nothing.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, Dims dims = Dims::drop,
                 Location at = Location::here());
/// exp x / Σ exp x, along the last axis unless others are named. Elements equal to an infinite
/// largest one share alike, those of a row of −∞ too.
Tensor softmax(const Tensor& x, const Axes& axes = -1, Location at = Location::here());
/// The logarithm of softmax, accurate where that is small.
Tensor log_softmax(const Tensor& x, const Axes& axes = -1, Location at = Location::here());

/// Sums and products of the elements up to each one, itself included, along an axis.
Tensor cumsum(const Tensor& x, std::int64_t axis, Location at = Location::here());
Tensor cumprod(const Tensor& x, std::int64_t axis, Location at = Location::here());

/// Sums x over the axes along which `shape` was broadcast to x's: the adjoint of broadcast_to.
Tensor sum_to(const Tensor& x, const Shape& shape, Location at = Location::here());

}  // namespace chainrule
