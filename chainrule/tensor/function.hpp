// TensorFunction: a computation on tensors recorded once and replayed for any numbers; never a
// stale answer.
//
//   TensorFunction f = record([](const Tensor& x, const Tensor& w) { return tanh(matmul(x, w)); },
//                             ones({8, 3}), ones({3, 4}));
//   Tensor y = f(x, w);
//
// Shapes and element types are those of the examples. Numbers that the code takes out, by item(),
// at() or a comparison of Scalars, are guards: where one is another, the code is recorded anew.
// Derivatives of TensorFunctions are TensorFunctions: grad(f), jacobian(f), … to any order.
#pragma once

#include <memory>

#include "chainrule/graph/function.hpp"
#include "chainrule/tensor/core.hpp"
#include "chainrule/transform/derive.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {

/// Code that is recorded: tensors in, tensors out.
class TensorCallable {
 public:
  virtual ~TensorCallable() = default;
  virtual void operator()(std::span<const Tensor> in, std::vector<Tensor>& out) const = 0;
};

/// What a TensorFunction gives: as many tensors as its code does. One is a Tensor as well.
class TensorResults : public std::vector<Tensor> {
 public:
  using std::vector<Tensor>::vector;
  /// Throws Error unless there is one.
  operator Tensor() const;
};

class TensorFunction {
 public:
  /// Records code, run first on the examples. record() is the usual way.
  TensorFunction(std::shared_ptr<const TensorCallable> code, std::vector<Tensor> examples,
                 std::string name = "f");

  std::size_t inputs() const;
  std::size_t outputs() const;
  const std::vector<TensorType>& input_types() const;
  std::vector<TensorType> output_types() const;

  /// Replays; with recorded tensors it is recorded on the active tape. Throws Error if the inputs
  /// are not of the types it was recorded with, and what the code throws.
  TensorResults operator()(std::span<const Tensor> in) const;
  template <std::convertible_to<Tensor>... T>
  requires(sizeof...(T) > 0) TensorResults operator()(const T&... in) const {
    const Tensor all[] = {Tensor(in)...};
    return (*this)(std::span<const Tensor>(all));
  }

  /// How many recordings are kept, of the branches that were taken.
  std::size_t variants() const;
  const std::shared_ptr<const TensorCallable>& code() const;
  const std::string& name() const;

 private:
  friend std::string to_string(const TensorFunction& f);
  friend struct TensorFunctionAccess;
  struct State;
  std::shared_ptr<State> state_;
};

/// What the code did when it was recorded first, a node a line.
std::string to_string(const TensorFunction& f);

namespace detail {

template <class Result>
void append_tensors(const Result& result, std::vector<Tensor>& out) {
  if constexpr (std::is_convertible_v<const Result&, Tensor>) {
    out.push_back(result);
  } else if constexpr (RangeLike<const Result>) {
    for (const auto& part : result) append_tensors(part, out);
  } else {
    std::apply([&](const auto&... part) { (append_tensors(part, out), ...); }, result);
  }
}

template <class Code, std::size_t arity>
class RecordedTensorCode final : public TensorCallable {
 public:
  explicit RecordedTensorCode(Code code) : code_(std::move(code)) {}
  void operator()(std::span<const Tensor> in, std::vector<Tensor>& out) const override {
    [&]<std::size_t... k>(std::index_sequence<k...>) { append_tensors(code_(in[k]...), out); }
    (std::make_index_sequence<arity>());
  }

 private:
  Code code_;
};

}  // namespace detail

/// Records code, a callable of as many tensors as there are examples, that gives a tensor, or a
/// vector, array or tuple of them.
template <class Code, std::same_as<Tensor>... Examples>
requires(sizeof...(Examples) > 0) TensorFunction record(Code code, const Examples&... examples) {
  using Callee = detail::RecordedTensorCode<Code, sizeof...(Examples)>;
  return TensorFunction(std::make_shared<const Callee>(std::move(code)), {examples...});
}

// Derivatives by one argument, in its shape. Throw Error for functions of more than one output,
// where a gradient is taken of one of more than one element, and for an argument that f lacks.

/// x ↦ ∂f/∂x.
TensorFunction grad(const TensorFunction& f, std::size_t argument = 0);
/// x ↦ f(x), then ∂f/∂x; by every argument, one after another, if none is named.
TensorFunction value_and_grad(const TensorFunction& f, std::size_t argument = kEveryArgument);
/// x ↦ ∂f/∂x, of shape (f's shape…, x's shape…).
TensorFunction jacobian(const TensorFunction& f, std::size_t argument = 0);
/// x ↦ ∂²f/∂x∂x, of shape (x's shape…, x's shape…).
TensorFunction hessian(const TensorFunction& f, std::size_t argument = 0);
/// (x…, ẋ) ↦ f(x), then ∂f/∂x ẋ.
TensorFunction jvp(const TensorFunction& f, std::size_t argument = 0);
/// (x…, ȳ) ↦ f(x), then ȳ ∂f/∂x.
TensorFunction vjp(const TensorFunction& f, std::size_t argument = 0);
/// (x…, v) ↦ ∂²f/∂x² v.
TensorFunction hvp(const TensorFunction& f, std::size_t argument = 0);

}  // namespace chainrule
