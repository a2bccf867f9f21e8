// Derivatives of Functions: the names of transform/derive.hpp, giving Functions.
//
// Each runs the Function on a tape that decides nothing and records the derivative, so it holds on
// every branch on which the Function's own trace holds, and where a guard flips the derivative is
// recorded anew through the Function's code. They nest to any order. Inputs are the Function's own,
// and after them a direction or a seed; outputs are flat, matrices row by row.
#pragma once

#include "chainrule/graph/function.hpp"
#include "chainrule/transform/derive.hpp"

namespace chainrule {

/// By every argument, one after another.
inline constexpr std::size_t kEveryArgument = static_cast<std::size_t>(-1);

/// x ↦ ∂f/∂x for an f of one output. Throws Error for others, and for an argument it does not have.
Function grad(const Function& f, std::size_t argument = 0);
/// x ↦ f(x), then ∂f/∂x.
Function value_and_grad(const Function& f, std::size_t argument = 0);
/// x ↦ ∂fᵢ/∂xⱼ, row by row.
Function jacobian(const Function& f, std::size_t argument = 0, Sweep sweep = Sweep::shorter);
/// x ↦ ∂²f/∂xᵢ∂xⱼ, row by row, for an f of one output.
Function hessian(const Function& f, std::size_t argument = 0);
/// (x, ẋ) ↦ f(x), then ∂f/∂x ẋ.
Function jvp(const Function& f, std::size_t argument = 0);
/// (x, ȳ) ↦ f(x), then ȳᵀ ∂f/∂x.
Function vjp(const Function& f, std::size_t argument = 0);
/// (x, v) ↦ ∂²f/∂x² v, for an f of one output.
Function hvp(const Function& f, std::size_t argument = 0);
/// x ↦ Σᵢ ∂fᵢ/∂x: the slopes of an f that works element by element.
Function elementwise_grad(const Function& f, std::size_t argument = 0);

}  // namespace chainrule
