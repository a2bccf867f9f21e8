// Products of tensors, on OpenBLAS.
#pragma once

#include "chainrule/tensor/op.hpp"

namespace chainrule {

/// The matrix product, by NumPy's rules: of vectors the inner product; of a vector and a matrix; of
/// matrices; of batches of matrices, the last two axes, whose other axes are broadcast. Any
/// strides. Throws Error that names both shapes.
Tensor matmul(const Tensor& x, const Tensor& y, Location at = Location::here());

}  // namespace chainrule
