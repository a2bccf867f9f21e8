// affine: x wᵀ + b as one operation, the bias laid down first and the product added to it.
#pragma once

#include "chainrule/tensor/op.hpp"

namespace chainrule::nn {

/// x wᵀ + b: x (…, in), w (out, in), b whatever can be broadcast to (…, out). Throws Error that
/// names the shapes.
Tensor affine(const Tensor& x, const Tensor& w, const Tensor& b, Location at = Location::here());
/// x wᵀ.
Tensor affine(const Tensor& x, const Tensor& w, Location at = Location::here());

}  // namespace chainrule::nn
