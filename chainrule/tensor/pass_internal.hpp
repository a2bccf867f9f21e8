// A pass of an elementwise operation over broadcast tensors.
#pragma once

#include <cassert>
#include <vector>

#include "chainrule/emit/kernel.hpp"
#include "chainrule/tensor/body_internal.hpp"

namespace chainrule {

/// How many inputs, and outputs, one pass may have.
inline constexpr std::size_t kMostTogether = 48;

/// The strides with which t is read as if it had this shape, to which it can be broadcast.
detail::Strides broadcast_strides(const Tensor& t, const Shape& shape);

/// Calls run(inputs, steps, outputs, count) for runs over elements of `shape`, to which the inputs
/// are broadcast; outputs are dense and of that shape, or null. Inputs whose runs would be short
/// are copied out first, so that there are few runs.
template <class T, class Run>
void each_run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, const Shape& shape,
              Run&& run);

/// kernel on the elements of inputs that are broadcast to `shape`; its outputs go to dense tensors.
void run_kernel(const Kernel& kernel, std::span<const Tensor> inputs,
                std::span<const Tensor> outputs, const Shape& shape);

/// How many of set_threads() a pass over so many elements, or a product of so many flops, is worth.
/// What a second core has written, or has not in its cache yet, has to come across: below a third
/// of a millisecond of work two cores are slower than one.
unsigned threads_worth_elements(std::int64_t elements);
unsigned threads_worth_flops(double flops);

// ---- implementation ---------------------------------------------------------------------------

template <class T, class Run>
void each_run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, const Shape& shape,
              Run&& run) {
  const std::int64_t size = shape.size();
  if (size == 0) return;
  // Inputs as pointers and steps, where one run is all.
  constexpr std::size_t kMost = kMostTogether;
  assert(inputs.size() <= kMost && outputs.size() <= kMost);
  const T* x[kMost];
  std::int64_t step[kMost];
  T* z[kMost];
  bool is_single = true;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Tensor& t = inputs[k];
    x[k] = TensorAccess::data<T>(t);
    if (t.size() == 1) {
      step[k] = 0;
    } else if (t.is_contiguous() && t.size() == size) {
      step[k] = 1;
    } else {
      is_single = false;
    }
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    z[k] = TensorAccess::is_there(outputs[k]) ? TensorAccess::data<T>(outputs[k]) : nullptr;
  }
  if (is_single) return run(x, step, z, size);

  const detail::Strides dense_out = dense_strides(shape);
  std::array<detail::Strides, kMost> strides;
  std::array<const detail::Strides*, Walk::kMost> all{};
  std::size_t count = 0;
  for (std::size_t k = 0; k < inputs.size(); ++k) strides[k] = broadcast_strides(inputs[k], shape);
  bool fits = inputs.size() + 1 <= Walk::kMost;
  if (fits) {
    for (std::size_t k = 0; k < inputs.size(); ++k) all[count++] = &strides[k];
    all[count++] = &dense_out;
    const Walk walk(shape, std::span<const detail::Strides* const>(all.data(), count));
    constexpr std::int64_t kLongRun = 512;
    bool is_narrow = true, is_forward = true;  // steps of 0 and 1 only; no negative ones
    for (std::size_t k = 0; k < count; ++k) {
      is_narrow = is_narrow && walk.step(k) <= 1;
      is_forward = is_forward && walk.step(k) >= 0;
    }
    if (is_forward && (walk.is_single() || (walk.run_length() >= kLongRun && is_narrow))) {
      for (std::size_t k = 0; k < inputs.size(); ++k) step[k] = walk.step(k);
      const T* at_x[kMost];
      T* at_z[kMost];
      walk.each([&](const auto& at) {
        for (std::size_t k = 0; k < inputs.size(); ++k) at_x[k] = x[k] + at[k];
        for (std::size_t k = 0; k < outputs.size(); ++k)
          at_z[k] = z[k] == nullptr ? nullptr : z[k] + at[inputs.size()];
        run(at_x, step, at_z, walk.run_length());
      });
      return;
    }
  }
  std::vector<Tensor> expanded(inputs.begin(), inputs.end());
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (inputs[k].size() == 1 || (inputs[k].is_contiguous() && inputs[k].size() == size)) continue;
    expanded[k] = dense(make_view(inputs[k], shape, strides[k]));
    x[k] = TensorAccess::data<T>(expanded[k]);
    step[k] = 1;
  }
  run(x, step, z, size);
}

}  // namespace chainrule
