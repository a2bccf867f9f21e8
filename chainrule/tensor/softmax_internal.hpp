// The exponentials of rows, the largest element of each row taken out: see softmax.cpp.
#pragma once

#include <cmath>
#include <vector>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/reduce_internal.hpp"

namespace chainrule {

template <class T>
class Exponentials {
 public:
  /// x: dense, `count` rows of n elements each.
  Exponentials(const Tensor& x, std::int64_t count, std::int64_t n)
      : n_(n),
        below_(make_tensor(x.element(), x.shape())),
        powers_(make_tensor(x.element(), x.shape())),
        largest_(static_cast<std::size_t>(count)) {
    each_row(count, n, [&](std::int64_t r) {
      const T* from = TensorAccess::data<T>(x) + r * n;
      T* to = TensorAccess::data<T>(below_) + r * n;
      const T m = largest_of(from, n);
      largest_[static_cast<std::size_t>(r)] = static_cast<double>(m);
      if (std::isinf(m)) {
        for (std::int64_t i = 0; i < n; ++i) to[i] = from[i] == m ? T{0} : from[i] - m;
      } else {
        for (std::int64_t i = 0; i < n; ++i) to[i] = from[i] - m;
      }
    });
    tensor_op(Op::exp)->compute({&below_, 1}, powers_);
  }

  /// Of row r: the largest element, NaN aside (−∞ of none); the elements minus it; exp of these,
  /// and their sum, NaN if any element is.
  double largest(std::int64_t r) const { return largest_[static_cast<std::size_t>(r)]; }
  const T* below(std::int64_t r) const { return TensorAccess::data<T>(below_) + r * n_; }
  const T* row(std::int64_t r) const { return TensorAccess::data<T>(powers_) + r * n_; }
  double sum(std::int64_t r) const { return n_ == 0 ? 0.0 : sum_of(row(r), 1, n_); }

 private:
  static T largest_of(const T* x, std::int64_t n) {
    constexpr T kLeast = -std::numeric_limits<T>::infinity();
    T best[8] = {kLeast, kLeast, kLeast, kLeast, kLeast, kLeast, kLeast, kLeast};
    std::int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
      for (std::int64_t k = 0; k < 8; ++k) best[k] = x[i + k] > best[k] ? x[i + k] : best[k];
    }
    for (; i < n; ++i) best[0] = x[i] > best[0] ? x[i] : best[0];
    for (const T m : best) best[0] = m > best[0] ? m : best[0];
    return best[0];
  }

  std::int64_t n_;
  Tensor below_, powers_;
  std::vector<double> largest_;
};

// Along the axes of a mask.
Tensor softmax_over(const Tensor& x, std::uint32_t mask, Location at = Location::here());
/// The pullback of softmax, of its adjoint and its result.
Tensor softmax_pull(const Tensor& g, const Tensor& z, std::uint32_t mask);

}  // namespace chainrule
