// TensorOp: an operation on tensors as one node of the tape: its shape rule, its value, its
// pullback.
//
// The one extension point of this floor, as Block is for numbers. Pullbacks are written in tensor
// operations: where plain numbers are swept they compute, where a derivative is recorded they are
// recorded, so that every order of derivative follows from one rule.
#pragma once

#include <memory>

#include "chainrule/tensor/core.hpp"

namespace chainrule {

/// What a pullback is given, and where it puts what it finds: x̄ₖ += z̄ ∂z/∂xₖ.
class Pull {
 public:
  virtual std::size_t count() const = 0;
  /// Whether the adjoint of operand k is asked for.
  virtual bool wants(std::size_t k) const = 0;
  /// The operand, the result: only those that the operation reads() have numbers.
  virtual Tensor x(std::size_t k) const = 0;
  virtual Tensor z() const = 0;
  /// The type of operand k, and of the result. Asked only of operands that are wanted.
  virtual TensorType type(std::size_t k) const = 0;
  /// z̄, of the result's shape.
  virtual const Tensor& g() const = 0;
  /// A contribution to x̄ₖ, of the operand's shape.
  virtual void push(std::size_t k, Tensor contribution) const = 0;
  /// Where plain numbers are swept, x̄ₖ itself, dense and nobody else's: what arrives at a part of
  /// the operand is added there, at the cost of the part. Elsewhere null: push() it.
  virtual const Tensor* accumulator(std::size_t) const { return nullptr; }

 protected:
  ~Pull() = default;
};

/// Immutable; may be called by many threads at once.
class TensorOp : public std::enable_shared_from_this<TensorOp> {
 public:
  virtual ~TensorOp() = default;

  /// What messages, pictures and texts call it: "matmul".
  virtual std::string_view name() const = 0;
  /// What stands in its text after the name: "axis=1"; empty for most.
  virtual std::string parameters() const { return {}; }

  /// The type of the result. Reads nothing of x but types. Throws Error that names the shapes.
  virtual TensorType infer(std::span<const Tensor> x) const = 0;
  /// Writes the result into z, which is contiguous, of the type that infer() gave, and shares
  /// memory with no x.
  virtual void compute(std::span<const Tensor> x, const Tensor& z) const = 0;
  /// The result as a view of x[0] that shares its memory; not recorded. Empty shape (0,) and never
  /// asked unless is_view().
  virtual bool is_view() const { return false; }
  virtual Tensor view(const Tensor& x) const;
  /// Whether element i of the result depends on elements i of the operands alone (broadcast), so
  /// that it may be joined with others of its kind in one pass. See elementwise.hpp.
  virtual bool is_elementwise() const { return false; }

  /// Whether it adds up elements, all of them where the result has the shape ().
  virtual bool is_sum() const { return false; }
  /// The operation on batches: operands k of the mask have a new first axis, and so has the result.
  /// No tensor (TensorAccess::nothing()) if it has no rule for it: then it is done slice by slice.
  virtual Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const;

  /// Whether the result is an adjoint in which −0.0 says that nothing has arrived at an element.
  virtual bool leaves_gaps() const { return false; }

  virtual void pull(const Pull& at) const = 0;
  /// Operands of whole numbers, places in others, keep their element type: bit k is operand k.
  virtual std::uint32_t places() const { return 0; }
  /// Whose numbers pull() reads: bit k is operand k, bit 30 each from the 30th on, kReadsResult the
  /// result.
  virtual std::uint32_t reads() const { return kReadsAll; }
  static constexpr std::uint32_t kReadsResult = 1u << 31;
  static constexpr std::uint32_t kReadsAll = 0xFFFFFFFFu;
  static constexpr std::uint32_t kReadsOperands = ~kReadsResult;
};

/// op(x), recorded on the active tape if any x is recorded. Throws Error where the shapes do not
/// fit, HandleError for stale or crossed handles. Operands of several element types are converted
/// to the widest first, those made of numbers and Scalars to the others'.
Tensor call(const std::shared_ptr<const TensorOp>& op, std::span<const Tensor> x,
            Location at = Location::here());
inline Tensor call(const std::shared_ptr<const TensorOp>& op, std::initializer_list<Tensor> x,
                   Location at = Location::here()) {
  return call(op, std::span(x.begin(), x.size()), at);
}

namespace detail {
/// The value alone: plain tensors in, a plain tensor out.
Tensor value_of(const TensorOp& op, std::span<const Tensor> x);
}  // namespace detail

}  // namespace chainrule
