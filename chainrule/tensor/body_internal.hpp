// Making and walking the bodies of tensors. Private to the library's sources.
#pragma once

#include <algorithm>

#include "chainrule/tensor/buffer_internal.hpp"
#include "chainrule/tensor/core.hpp"

namespace chainrule {

/// Calls f(T{}) with the element type.
template <class F>
decltype(auto) visit_element(Precision element, F&& f) {
  return element == f32 ? f(float{}) : f(double{});
}

/// A new tensor with memory of its own, contiguous, not initialised.
Tensor make_tensor(Precision element, const Shape& shape);
/// Throws NoNumbers.
[[noreturn]] void fail_no_numbers(std::string_view where, const Tensor& t);
/// A type without numbers.
Tensor make_symbolic(const TensorType& type);
inline bool is_symbolic(const Tensor& t) { return TensorAccess::body(t).is_symbolic; }
/// The same memory seen otherwise; not recorded.
Tensor make_view(const Tensor& t, const Shape& shape, const detail::Strides& strides,
                 std::int64_t offset = 0);
/// The numbers of t, dense, not recorded; t itself if it is so already.
Tensor dense(const Tensor& t);
/// The numbers of t in another element type, dense, not recorded.
Tensor converted(const Tensor& t, Precision element);
/// Copies the numbers of `from` into `to`, of the same shape and any strides and element types.
void copy_numbers(const Tensor& from, const Tensor& to);
/// Adds them, where no two elements of `to` are the same one in memory.
void add_numbers(const Tensor& from, const Tensor& to);
/// Writes one number into all elements, whatever the strides.
void fill_numbers(const Tensor& t, double value);
/// Whether nobody else refers to the body or to its memory.
bool is_unshared(const Tensor& t);
/// Whether all elements are the same one in memory: a number that was broadcast, or one of one.
bool is_uniform(const Tensor& t);

/// Walks tensors of one shape together: calls run(pointers' offsets in elements, count) for each
/// run along the innermost axis. Axes along which all of them are dense are joined first.
/// n tensors; steps[k] is the step of tensor k within a run.
class Walk {
 public:
  static constexpr std::size_t kMost = 8;
  Walk(const Shape& shape, std::initializer_list<const detail::Strides*> strides)
      : Walk(shape, {strides.begin(), strides.size()}) {}
  Walk(const Shape& shape, std::span<const detail::Strides* const> strides);

  std::int64_t run_length() const { return length_; }
  std::int64_t step(std::size_t k) const { return step_[k]; }
  /// Whether there is one run only.
  bool is_single() const { return outer_.rank() == 0; }

  template <class Run>
  void each(Run&& run) const {
    if (outer_.size() == 0 || length_ == 0) return;
    std::array<std::int64_t, kMost> at = {};
    std::array<std::int64_t, Shape::kMostAxes> index = {};
    while (true) {
      run(at);
      std::size_t axis = outer_.rank();
      while (true) {
        if (axis == 0) return;
        --axis;
        for (std::size_t k = 0; k < count_; ++k) at[k] += outer_steps_[axis][k];
        if (++index[axis] < outer_[axis]) break;
        for (std::size_t k = 0; k < count_; ++k) at[k] -= outer_steps_[axis][k] * outer_[axis];
        index[axis] = 0;
      }
    }
  }

  /// Whether one tensor is dense along the runs, and another along the axis around them: then one
  /// of them is read across its cache lines.
  bool is_crossed() const {
    if (outer_.rank() == 0 || length_ < kTile || outer_.back() < kTile) return false;
    const auto& around = outer_steps_[outer_.rank() - 1];
    bool along = false, across = false;
    for (std::size_t k = 0; k < count_; ++k) {
      along = along || (step_[k] == 1 && around[k] > 1);
      across = across || (step_[k] > 1 && around[k] == 1);
    }
    return along && across;
  }
  /// run(offsets, count) for pieces of runs, those that share cache lines one after another.
  template <class Run>
  void each_tile(Run&& run) const {
    const std::size_t axis = outer_.rank() - 1;
    const std::int64_t around = outer_[axis];
    Walk corners = *this;
    corners.outer_[axis] = 1;
    corners.each([&](const auto& corner) {
      for (std::int64_t i0 = 0; i0 < around; i0 += kTile) {
        for (std::int64_t j = 0; j < length_; j += kTile) {
          for (std::int64_t i = i0; i < std::min(i0 + kTile, around); ++i) {
            std::array<std::int64_t, kMost> at = {};
            for (std::size_t k = 0; k < count_; ++k)
              at[k] = corner[k] + i * outer_steps_[axis][k] + j * step_[k];
            run(at, std::min(kTile, length_ - j));
          }
        }
      }
    });
  }

 private:
  static constexpr std::int64_t kTile = 32;

  std::size_t count_;
  std::int64_t length_ = 1;
  std::array<std::int64_t, kMost> step_ = {};
  Shape outer_;
  std::array<std::array<std::int64_t, kMost>, Shape::kMostAxes> outer_steps_ = {};
};

}  // namespace chainrule
