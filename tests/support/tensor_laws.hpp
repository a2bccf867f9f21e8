// The laws of an operation on tensors, asked at given inputs: check_tensor_op(f, {x, y}).
//
//   ⟨w, f⟩ differentiated by each element      = its central difference             order 1
//   ⟨v, Jᵀw⟩ differentiated by each element    = the central difference of order 1  order 2
//   ⟨w, J v⟩ = ⟨Jᵀ w, v⟩, and J v = the central difference along v                  forward mode
//   recorded derivatives                       = those of the plain sweep
//   operands that are views, of any strides    = contiguous ones
//   in f32                                     = in f64, within rounding
//
// w and v are fixed numbers of all signs. Inputs keep a distance from kinks: differences there tell
// nothing. Cost: some 40 evaluations an element of the inputs.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"
#include "tests/laws/slope.hpp"

namespace chainrule::laws {

/// What is asked, and how exactly.
struct TensorLaws {
  int orders = 2;            ///< of derivatives: 1 or 2
  double difference = 1e-7;  ///< of central differences, relative
  double agreement = 1e-11;  ///< of two exact ways to the same number, relative
  double in_floats = 2e-5;   ///< of f32, relative to the largest number; 0: not asked
  double room = 0.1;         ///< how far f is smooth round each element
  std::uint32_t fixed = 0;   ///< bit k: input k has no derivative (indices, a mask)
};

using TensorFunction = std::function<Tensor(const std::vector<Tensor>&)>;

namespace detail {

using Tensors = std::vector<Tensor>;

/// n numbers between −1 and 1, none of them near 0; the same ones each time.
inline Tensor spread_numbers(const Shape& shape, double seed) {
  std::vector<double> numbers;
  for (std::int64_t k = 0; k < shape.size(); ++k) {
    const double s = std::sin(seed + 2.399963 * static_cast<double>(k));  // the golden angle
    numbers.push_back(s < 0 ? s - 0.1 : s + 0.1);
  }
  return tensor(numbers, shape);
}

/// The same numbers, every second one of a larger tensor, with its axes in reverse order.
inline Tensor scattered(const Tensor& x) {
  if (x.rank() == 0) return x;
  const Tensor turned = contiguous(transpose(x));
  Shape wide = turned.shape();
  wide[wide.rank() - 1] *= 2;
  const Tensor spaced = slice_into(turned, wide, -1, {0, Range::kFromEnd, 2});
  return transpose(slice(spaced, -1, {0, Range::kFromEnd, 2}));
}

inline double inner(const Tensor& a, const Tensor& b) {
  const auto x = a.values(), y = b.values();
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * y[k];
  return sum;
}

inline double largest(const std::vector<double>& numbers) {
  double most = 0;
  for (const double x : numbers) most = std::max(most, std::fabs(x));
  return most;
}

class TensorCheck {
 public:
  TensorCheck(TensorFunction f, Tensors inputs, TensorLaws asked)
      : f_(std::move(f)), inputs_(std::move(inputs)), asked_(asked) {
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      if ((asked_.fixed >> k & 1u) == 0) free_.push_back(k);
    }
  }

  /// The first law that is broken, or nothing.
  std::string run() {
    const Tensor y = f_(inputs_);
    weights_ = spread_numbers(y.shape(), 0.7);
    for (const std::size_t k : free_) {
      directions_.push_back(spread_numbers(inputs_[k].shape(), 1.9 + static_cast<double>(k)));
    }
    slopes_ = plain_slopes(inputs_);
    first_order();
    if (asked_.orders >= 2) second_order();
    views(y);
    if (asked_.in_floats > 0) floats(y);
    return said_;
  }

 private:
  Tensors leaves(const Tensors& x) const {
    Tensors all = x;
    for (const std::size_t k : free_) all[k] = variable(x[k]);
    return all;
  }
  Tensors of_free(const Tensors& all) const {
    Tensors some;
    for (const std::size_t k : free_) some.push_back(all[k]);
    return some;
  }

  // Jᵀw by the plain sweep.
  Tensors plain_slopes(const Tensors& at) const {
    const Frame frame = Tape::active().frame();
    const Tensors x = leaves(at);
    const Tensor y = f_(x);
    const Tensor w = cast(weights_, y.element());
    return vjp({&y, 1}, {&w, 1}, of_free(x));
  }

  void say(const std::string& what) {
    if (said_.empty()) said_ = what;
  }
  void compare(const std::string& law, const std::vector<double>& found,
               const std::vector<double>& expected, double tolerance) {
    if (found.size() != expected.size()) return say(law + ": another number of elements");
    const double size = largest(expected);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const bool same_kind = std::isnan(found[i]) == std::isnan(expected[i]);
      const bool equal = found[i] == expected[i] || (std::isnan(found[i]) && same_kind);
      const double bound = tolerance * (std::fabs(expected[i]) + 0.01 * size + 1e-3);
      if (!equal && !(std::fabs(found[i] - expected[i]) <= bound)) {
        say(law + ": element " + std::to_string(i) + " is " + number(found[i]) + ", expected " +
            number(expected[i]));
      }
    }
  }
  static std::string number(double x) {
    char text[32];
    std::snprintf(text, sizeof text, "%.15g", x);
    return text;
  }

  // The central difference of `value` by each element of each input, beside what was found.
  template <class Value>
  void differences(const std::string& law, Value&& value, const Tensors& found) {
    double size = 0;
    for (const Tensor& slope : found) size = std::max(size, largest(slope.values()));
    for (std::size_t k = 0; k < free_.size(); ++k) {
      const Tensor& x = inputs_[free_[k]];
      const std::vector<double> numbers = x.values(), slopes = found[k].values();
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto along = [&](double moved) {
          Tensors at = inputs_;
          std::vector<double> other = numbers;
          other[i] = moved;
          at[free_[k]] = tensor(other, x.shape());
          return value(at);
        };
        const Slope slope = slope_of(along, numbers[i], asked_.room);
        const std::string where =
            law + " by element " + std::to_string(i) + " of input " + std::to_string(free_[k]);
        const double bound = asked_.difference * (std::fabs(slope.value) + 0.01 * size + 1e-2);
        if (!(slope.error <= 0.5 * bound)) {
          say(where + ": differences tell nothing, their error is " + number(slope.error));
        } else if (!(std::fabs(slopes[i] - slope.value) <= bound)) {
          say(where + ": is " + number(slopes[i]) + ", the central difference is " +
              number(slope.value));
        }
      }
    }
  }

  void first_order() {
    differences(
        "order 1", [this](const Tensors& at) { return inner(f_(at), weights_); }, slopes_);
    const Frame frame = Tape::active().frame();
    const Tensors x = leaves(inputs_);
    const Tensor y = f_(x);
    compare("a recorded value", y.values(), f_(inputs_).values(), 0);
    const Tensors recorded = recorded_vjp({&y, 1}, {&weights_, 1}, of_free(x));
    for (std::size_t k = 0; k < free_.size(); ++k) {
      compare("a recorded gradient, of input " + std::to_string(free_[k]), recorded[k].values(),
              slopes_[k].values(), asked_.agreement);
    }
    forward(x, y);
  }

  void forward(const Tensors& x, const Tensor& y) {
    const Tensors tangents = recorded_jvp({&y, 1}, of_free(x), directions_);
    double reverse = 0;
    for (std::size_t k = 0; k < free_.size(); ++k) reverse += inner(slopes_[k], directions_[k]);
    compare("<w, Jv> = <Jᵀw, v>", {inner(weights_, tangents[0])}, {reverse}, asked_.agreement);
    const auto along = [this](double step, std::size_t element) {
      Tensors at = inputs_;
      for (std::size_t k = 0; k < free_.size(); ++k)
        at[free_[k]] = inputs_[free_[k]] + step * directions_[k];
      return f_(at).values()[element];
    };
    const std::vector<double> found = tangents[0].values();
    for (std::size_t j = 0; j < found.size(); ++j) {
      const Slope slope =
          ridders([&](double step) { return along(step, j); }, 0.0, 0.3 * asked_.room);
      compare("element " + std::to_string(j) + " of Jv", {found[j]}, {slope.value},
              asked_.difference);
    }
  }

  void second_order() {
    const auto contracted = [this](const Tensors& at) {
      const Tensors slopes = plain_slopes(at);
      double sum = 0;
      for (std::size_t k = 0; k < slopes.size(); ++k) sum += inner(slopes[k], directions_[k]);
      return sum;
    };
    const Frame frame = Tape::active().frame();
    const Tensors x = leaves(inputs_);
    const Tensor y = f_(x);
    const Tensors slopes = recorded_vjp({&y, 1}, {&weights_, 1}, of_free(x));
    const Tensors curved = vjp(slopes, directions_, of_free(x));
    differences("order 2", contracted, curved);
    const Tensors again = recorded_vjp(slopes, directions_, of_free(x));
    for (std::size_t k = 0; k < free_.size(); ++k) {
      compare("a recorded second derivative, of input " + std::to_string(free_[k]),
              again[k].values(), curved[k].values(), asked_.agreement);
    }
  }

  void views(const Tensor& y) {
    Tensors spread = inputs_;
    for (Tensor& x : spread) x = scattered(x);
    compare("the value of views", f_(spread).values(), y.values(), asked_.agreement);
    const Tensors slopes = plain_slopes(spread);
    for (std::size_t k = 0; k < free_.size(); ++k) {
      compare("the gradient of views, of input " + std::to_string(free_[k]), slopes[k].values(),
              slopes_[k].values(), asked_.agreement);
    }
  }

  void floats(const Tensor& y) {
    Tensors narrow = inputs_;
    for (Tensor& x : narrow) x = cast(x, f32);
    const Tensor value = f_(narrow);
    if (value.element() != f32) say("the result of floats is no tensor of floats");
    compare("the value in f32", value.values(), y.values(), 100 * asked_.in_floats);
    const Tensors slopes = plain_slopes(narrow);
    for (std::size_t k = 0; k < free_.size(); ++k) {
      if (slopes[k].element() != f32) say("the gradient by floats is no tensor of floats");
      compare("the gradient in f32, of input " + std::to_string(free_[k]), slopes[k].values(),
              slopes_[k].values(), 100 * asked_.in_floats);
    }
  }

  TensorFunction f_;
  Tensors inputs_;
  TensorLaws asked_;
  std::vector<std::size_t> free_;
  Tensor weights_;
  Tensors directions_, slopes_;
  std::string said_;
};

// f as a function of a list: f takes one, or as many tensors as there are inputs.
template <class F>
TensorFunction of_list(F f) {
  if constexpr (std::is_invocable_v<F, const Tensors&> && !std::is_invocable_v<F, Tensor>) {
    return f;
  } else if constexpr (std::is_invocable_v<F, Tensor>) {
    return [f](const Tensors& x) -> Tensor { return f(x[0]); };
  } else if constexpr (std::is_invocable_v<F, Tensor, Tensor>) {
    return [f](const Tensors& x) -> Tensor { return f(x[0], x[1]); };
  } else if constexpr (std::is_invocable_v<F, Tensor, Tensor, Tensor>) {
    return [f](const Tensors& x) -> Tensor { return f(x[0], x[1], x[2]); };
  } else {
    static_assert(std::is_invocable_v<F, Tensor, Tensor, Tensor, Tensor>);
    return [f](const Tensors& x) -> Tensor { return f(x[0], x[1], x[2], x[3]); };
  }
}

}  // namespace detail

/// EXPECT_TRUE(check_tensor_op([](const Tensor& x, const Tensor& y) { return x * y; }, {a, b}));
/// inputs are plain and f64. A function of more than 4 tensors takes a std::vector of them.
template <class F>
::testing::AssertionResult check_tensor_op(F f, std::vector<Tensor> inputs, TensorLaws asked = {}) {
  const std::string broken =
      detail::TensorCheck(detail::of_list(std::move(f)), std::move(inputs), asked).run();
  if (broken.empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << broken;
}

}  // namespace chainrule::laws
