// Every row of the table of operations, element by element, with NumPy's broadcasting; and map():
// any function of numbers over arrays, in one pass, with its derivatives.
//
// An elementwise operation is a scalar Function mapped over a buffer: small arrays are computed by
// plain loops over the row's formula, larger ones by its compiled kernel. Its pullback is the
// Function's, so that what the table says of kinks, of branches that were not taken and of higher
// orders holds for tensors as well: an adjoint of −0.0 is an element at which nothing has arrived.
#pragma once

#include <memory>

#include "chainrule/graph/function.hpp"
#include "chainrule/tensor/core.hpp"
#include "chainrule/tensor/op.hpp"

namespace chainrule {

/// A Tensor, and what converts to one: the single result of a Function, a parameter of a net.
template <class T>
concept TensorLike = std::same_as<T, Tensor> ||
    (std::is_class_v<T> && !std::same_as<T, Scalar> && std::convertible_to<const T&, Tensor>);
/// What stands beside a Tensor in arithmetic.
template <class T>
concept TensorOrNumber = TensorLike<T> || std::same_as<T, Scalar> || Number<T>;
/// Operands of which at least one is a Tensor.
template <class... T>
concept WithTensor = (TensorOrNumber<T> && ...) && (TensorLike<T> || ...);

/// op on tensors that can be broadcast together. Throws Error that names the shapes.
Tensor apply(Op op, std::span<const Tensor> x, Location at = Location::here());

// Every row by its name: sin(x), pow(x, 2), select(c, a, 0), max(x, y).
#define CR_TENSOR_TYPES_1 class X
#define CR_TENSOR_TYPES_2 class X, class Y
#define CR_TENSOR_TYPES_3 class X, class Y, class W
#define CR_TENSOR_LIST_1  X
#define CR_TENSOR_LIST_2  X, Y
#define CR_TENSOR_LIST_3  X, Y, W
#define CR_TENSORS_1      const X& x
#define CR_TENSORS_2      const X &x, const Y &y
#define CR_TENSORS_3      const X &x, const Y &y, const W &w
#define CR_TENSOR_ALL_1   Tensor(x)
#define CR_TENSOR_ALL_2   Tensor(x), Tensor(y)
#define CR_TENSOR_ALL_3   Tensor(x), Tensor(y), Tensor(w)
#define CR_OP(name, arity, ...)                                                             \
  template <CR_TENSOR_TYPES_##arity>                                                        \
  requires WithTensor<CR_TENSOR_LIST_##arity> Tensor name(CR_TENSORS_##arity,               \
                                                          Location at = Location::here()) { \
    const Tensor all[] = {CR_TENSOR_ALL_##arity};                                           \
    return apply(Op::name, all, at);                                                        \
  }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_TENSOR_TYPES_1
#undef CR_TENSOR_TYPES_2
#undef CR_TENSOR_TYPES_3
#undef CR_TENSOR_LIST_1
#undef CR_TENSOR_LIST_2
#undef CR_TENSOR_LIST_3
#undef CR_TENSORS_1
#undef CR_TENSORS_2
#undef CR_TENSORS_3
#undef CR_TENSOR_ALL_1
#undef CR_TENSOR_ALL_2
#undef CR_TENSOR_ALL_3

// The last operand of these rows has a usual value; and what others call otherwise.
inline Tensor leaky_relu(const Tensor& x) {
  return leaky_relu(x, usual_last_operand(Op::leaky_relu));
}
inline Tensor elu(const Tensor& x) { return elu(x, usual_last_operand(Op::elu)); }
inline Tensor selu(const Tensor& x) { return selu(x, usual_last_operand(Op::selu)); }
inline Tensor fabs(const Tensor& x) { return abs(x); }
/// y where the condition is not 0, else w; broadcast.
template <class X, class Y, class W>
requires WithTensor<X, Y, W> Tensor where(const X& condition, const Y& y, const W& w,
                                          Location at = Location::here()) {
  return select(condition, y, w, at);
}

/// One side of an operator, and the source line where it stands.
class TensorOperand {
 public:
  TensorOperand(const Tensor& tensor, const char* file = __builtin_FILE(),
                int line = __builtin_LINE())
      : held_(TensorAccess::nothing()), tensor_(tensor), at_{file, line} {}
  template <TensorLike T>
  requires(!std::same_as<T, Tensor>)
      TensorOperand(const T& other, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE())
      : held_(other), tensor_(held_), at_{file, line} {}
  TensorOperand(const TensorOperand&) = delete;
  TensorOperand& operator=(const TensorOperand&) = delete;

  const Tensor& tensor() const { return tensor_; }
  Location at() const { return at_; }

 private:
  Tensor held_;
  const Tensor& tensor_;  // of the same expression, or held_
  Location at_;
};

// The signs. A comparison gives a tensor of 1 and 0.
#define CR_TENSOR_SIGN(sign, op)                                                \
  inline Tensor operator sign(const TensorOperand& x, const TensorOperand& y) { \
    const Tensor all[] = {x.tensor(), y.tensor()};                              \
    return apply(Op::op, all, x.at());                                          \
  }                                                                             \
  inline Tensor operator sign(const TensorOperand& x, const Operand& y) {       \
    const Tensor all[] = {x.tensor(), Tensor(y.scalar())};                      \
    return apply(Op::op, all, x.at());                                          \
  }                                                                             \
  inline Tensor operator sign(const Operand& x, const TensorOperand& y) {       \
    const Tensor all[] = {Tensor(x.scalar()), y.tensor()};                      \
    return apply(Op::op, all, x.at());                                          \
  }
CR_TENSOR_SIGN(+, add)
CR_TENSOR_SIGN(-, sub)
CR_TENSOR_SIGN(*, mul)
CR_TENSOR_SIGN(/, div)
CR_TENSOR_SIGN(==, eq)
CR_TENSOR_SIGN(!=, ne)
CR_TENSOR_SIGN(<, lt)
CR_TENSOR_SIGN(<=, le)
CR_TENSOR_SIGN(>, gt)
CR_TENSOR_SIGN(>=, ge)
CR_TENSOR_SIGN(&, both)
CR_TENSOR_SIGN(|, either)
#undef CR_TENSOR_SIGN

inline Tensor operator-(const TensorOperand& x) { return neg(x.tensor(), x.at()); }
inline Tensor operator+(const TensorOperand& x) { return x.tensor(); }
inline Tensor square(const Tensor& x, Location at = Location::here()) { return mul(x, x, at); }
inline Tensor operator!(const TensorOperand& x) { return negate(x.tensor(), x.at()); }
// x becomes x + y: a new value, of whatever shape that has.
template <TensorOrNumber Y>
Tensor& operator+=(Tensor& x, const Y& y) {
  return x = x + y;
}
template <TensorOrNumber Y>
Tensor& operator-=(Tensor& x, const Y& y) {
  return x = x - y;
}
template <TensorOrNumber Y>
Tensor& operator*=(Tensor& x, const Y& y) {
  return x = x * y;
}
template <TensorOrNumber Y>
Tensor& operator/=(Tensor& x, const Y& y) {
  return x = x / y;
}

/// The numbers in another element type; the adjoint is converted back.
Tensor cast(const Tensor& x, Precision element, Location at = Location::here());

class PullCode;

/// A function of numbers, one output, made an operation on tensors: compiled once, when first
/// wanted. Throws Error for a Function of several outputs.
class Pointwise : public TensorOp {
 public:
  explicit Pointwise(Function f, std::string name = "map");
  ~Pointwise() override;

  std::string_view name() const override;
  TensorType infer(std::span<const Tensor> x) const override;
  void compute(std::span<const Tensor> x, const Tensor& z) const override;
  bool is_elementwise() const override { return true; }
  void pull(const Pull& at) const override;
  std::uint32_t reads() const override;
  bool leaves_gaps() const override;
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override;
  /// The value as a Function of the elements.
  const Function& function() const;
  /// Of the pullback of another: its code, which tells arrivals from zeros. Else null.
  const PullCode* slope() const;

 protected:
  struct State;
  explicit Pointwise(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// f(x₀ᵢ, x₁ᵢ, …) for every element i of tensors that are broadcast together: one pass over memory
/// for the value, and one for all adjoints, whatever f computes. f is code on Scalars, recorded
/// once; keep what map(f) gives, as recording and compiling cost some 100 µs.
///
///   const auto swish = map<1>([](auto x) { return x * sigmoid(x); });
///   Tensor y = swish(x);
template <std::size_t arity, class F>
auto map(F f) {
  const auto recorded = [&f]<std::size_t... k>(std::index_sequence<k...>) {
    return record(std::move(f), (static_cast<void>(k), 0.5)...);
  }
  (std::make_index_sequence<arity>());
  return [op = std::shared_ptr<const TensorOp>(std::make_shared<const Pointwise>(recorded))](
             const std::convertible_to<Tensor> auto&... x) {
    static_assert(sizeof...(x) == arity, "as many tensors as the function has arguments");
    return call(op, {Tensor(x)...});
  };
}

// For the library's own sources.

/// x += y, of the same type and shape; x is contiguous and unshared.
void add_in_place(Tensor& x, const Tensor& y);
/// The same with 0 where nothing has arrived.
Tensor without_gaps(const Tensor& adjoint);
/// The operation of cast().
const std::shared_ptr<const TensorOp>& cast_op(Precision element);
/// The operation of a row of the table.
const std::shared_ptr<const TensorOp>& tensor_op(Op op);

}  // namespace chainrule
