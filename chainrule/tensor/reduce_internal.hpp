// Reduction: in which order the elements of a tensor are met where some of its axes are reduced.
#pragma once

#include <algorithm>
#include <optional>

#include "chainrule/base/parallel.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/pass_internal.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule {

/// The shape without the axes in the mask, or with size 1 in their place.
Shape reduced_shape(const Shape& shape, std::uint32_t mask, Dims dims);
/// "axes=0,2 keepdims".
std::string axes_text(std::uint32_t mask, Dims dims);

/// The sum of n numbers, n > 0: eight sums at a time, in double. They do not wait for one another,
/// and floats lose no digits.
template <class T>
double sum_of(const T* x, std::int64_t step, std::int64_t n) {
  double sums[8] = {-0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0};
  std::int64_t i = 0;
  if (step == 1) {
    for (; i + 8 <= n; i += 8) {
      for (std::int64_t k = 0; k < 8; ++k) sums[k] += static_cast<double>(x[i + k]);
    }
  }
  for (; i < n; ++i) sums[0] += static_cast<double>(x[i * step]);
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/// term(0) + … + term(n − 1) in double, eight sums at a time.
template <class Term>
double sum_over(std::int64_t n, Term&& term) {
  double sums[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::int64_t k = 0; k < 8; ++k) sums[k] += static_cast<double>(term(i + k));
  }
  for (; i < n; ++i) sums[0] += static_cast<double>(term(i));
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/// work(r) for each of `count` rows of n elements, in the threads of set_threads() where there is
/// enough to do.
template <class Work>
void each_row(std::int64_t count, std::int64_t n, Work&& work) {
  const std::int64_t parts =
      std::clamp(static_cast<std::int64_t>(threads_worth_elements(count * n)), std::int64_t{1},
                 std::max(count, std::int64_t{1}));
  in_parallel(static_cast<std::size_t>(parts), [&](std::size_t part) {
    const auto p = static_cast<std::int64_t>(part);
    for (std::int64_t r = count * p / parts; r < count * (p + 1) / parts; ++r) work(r);
  });
}

/// Walks the kept axes, and for each of their places the reduced ones. Where the innermost axis is
/// kept and dense, `kept_inside` elements of the result are met together.
class Reduction {
 public:
  Reduction(const Tensor& x, std::uint32_t mask) {
    const std::size_t rank = x.rank();
    std::size_t kept_rank = rank;
    if (rank > 0 && (mask >> (rank - 1) & 1u) == 0 && x.strides()[rank - 1] == 1) {
      kept_inside = x.shape()[rank - 1];
      kept_rank = rank - 1;
    }
    for (std::size_t k = 0; k < rank; ++k) {
      const bool is_reduced = (mask >> k & 1u) != 0;
      if (!is_reduced && k >= kept_rank) continue;
      Shape& shape = is_reduced ? reduced_ : kept_;
      (is_reduced ? reduced_strides_ : kept_strides_)[shape.rank()] = x.strides()[k];
      shape.push_back(x.shape()[k]);
    }
    reduced_walk_.emplace(reduced_,
                          std::initializer_list<const detail::Strides*>{&reduced_strides_});
  }

  std::int64_t kept_inside = 1;
  /// The number of elements that are reduced to one.
  std::int64_t reduced_size() const { return reduced_.size(); }

  /// visit(offset in x, place in the result) for each place, kept_inside at a time.
  template <class Visit>
  void each_kept(Visit&& visit) const {
    if (kept_inside == 0) return;
    std::int64_t place = 0;
    const Walk walk(kept_, {&kept_strides_});
    walk.each([&](const auto& at) {
      for (std::int64_t i = 0; i < walk.run_length(); ++i, place += kept_inside)
        visit(at[0] + i * walk.step(0), place);
    });
  }
  /// visit(offset) for each element that is reduced, in order.
  template <class Visit>
  void each_reduced(Visit&& visit) const {
    each_reduced_run([&](std::int64_t offset, std::int64_t step, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) visit(offset + i * step);
    });
  }
  template <class Visit>
  void each_reduced_run(Visit&& visit) const {
    const Walk& walk = *reduced_walk_;
    walk.each([&](const auto& at) { visit(at[0], walk.step(0), walk.run_length()); });
  }

 private:
  Shape kept_, reduced_;
  detail::Strides kept_strides_ = {}, reduced_strides_ = {};
  std::optional<Walk> reduced_walk_;
};

}  // namespace chainrule
