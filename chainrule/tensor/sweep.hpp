// Derivatives of what stands on the active tape, by tensors and of tensors: the names of
// tape/sweep.hpp. Numbers and tensors are nodes of one tape, and adjoints go from one to the other.
//
// Forward mode is the transpose of reverse mode: ẏ = J ẋ is linear in ẋ, and x̄ = Jᵀ ȳ in ȳ, so that
// ẏ is the derivative of Σ ẋ x̄ by ȳ, at the cost of two reverse sweeps.
#pragma once

#include <optional>

#include "chainrule/tape/inspect.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tensor/core.hpp"

namespace chainrule {

/// ∂y/∂x for each x, in its shape; y has one element. Zeros where y does not depend on x, or where
/// nothing arrived. Leaves grad() alone. Throws HandleError for stale or crossed handles, Error for
/// an x that is not recorded or a y of several elements.
std::vector<Tensor> gradient(const Tensor& y, std::span<const Tensor> xs);
std::vector<Tensor> gradient(const Tensor& y, std::initializer_list<Tensor> xs);
/// The same as recorded operations, so that it can be differentiated again: to any order.
std::vector<Tensor> recorded_gradient(const Tensor& y, std::span<const Tensor> xs);
std::vector<Tensor> recorded_gradient(const Tensor& y, std::initializer_list<Tensor> xs);

/// Σⱼ ⟨seedⱼ, ∂yⱼ/∂x⟩ for each x. Throws Error unless there is a seed of yⱼ's shape for each yⱼ.
std::vector<Tensor> vjp(std::span<const Tensor> ys, std::span<const Tensor> seeds,
                        std::span<const Tensor> xs);
std::vector<Tensor> recorded_vjp(std::span<const Tensor> ys, std::span<const Tensor> seeds,
                                 std::span<const Tensor> xs);
/// Σₖ ∂yⱼ/∂xₖ seedₖ for each y, a seed of xₖ's shape for each x; as recorded operations.
std::vector<Tensor> recorded_jvp(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                 std::span<const Tensor> seeds);

/// How y depends on x: see tape/sweep.hpp.
Reach reach(const Tensor& y, const Tensor& x);
/// In words, and where a NaN was born: see tape/inspect.hpp. Of arrays a path has no factors, and
/// NaNs are known while the tape keeps source lines, which keeps all numbers as well.
std::string explain(const Tensor& y, const Tensor& x);
std::optional<Fault> first_nan(const Tensor& y);

}  // namespace chainrule
