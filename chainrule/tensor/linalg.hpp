// Linear algebra: products of tensors on OpenBLAS, factorisations and solves on LAPACK.
//
// Matrices are the last two axes; all axes before them are batches, which are broadcast together
// where there are two operands. A matrix that is singular, or not positive definite, throws an
// Error that names its place in the batch.
#pragma once

#include "chainrule/tensor/move.hpp"

namespace chainrule {

/// The matrix product, by NumPy's rules: of vectors the inner product; of a vector and a matrix; of
/// matrices; of batches of matrices, the last two axes, whose other axes are broadcast. Any
/// strides. Throws Error that names both shapes.
Tensor matmul(const Tensor& x, const Tensor& y, Location at = Location::here());
/// Σᵢ xᵢ yᵢ of two vectors.
Tensor dot(const Tensor& x, const Tensor& y, Location at = Location::here());
/// xᵢ yⱼ of two vectors.
Tensor outer(const Tensor& x, const Tensor& y, Location at = Location::here());
/// The sum of products over the last `axes` axes of x and the first ones of y; or over axes that
/// are named, the k-th of x with the k-th of y. The other axes of x come first, then those of y.
Tensor tensordot(const Tensor& x, const Tensor& y, std::int64_t axes = 2,
                 Location at = Location::here());
Tensor tensordot(const Tensor& x, const Tensor& y, std::span<const std::int64_t> x_axes,
                 std::span<const std::int64_t> y_axes, Location at = Location::here());
Tensor tensordot(const Tensor& x, const Tensor& y, std::initializer_list<std::int64_t> x_axes,
                 std::initializer_list<std::int64_t> y_axes, Location at = Location::here());

/// Einstein's sum: einsum("bij,bjk->bik", x, y). A letter names an axis; axes of one letter run
/// together, and those that the output lacks are summed over. A letter twice in one operand is its
/// diagonal. `...` stands for axes that are broadcast. Without an arrow the output has the letters
/// that occur once, in alphabetical order. Operands are contracted two by two, the cheapest pair
/// first, each as a batched matmul. Throws Error that names the letter and both shapes.
Tensor einsum(std::string_view subscripts, std::span<const Tensor> operands,
              Location at = Location::here());
template <std::convertible_to<Tensor>... T>
requires(sizeof...(T) > 0) Tensor einsum(std::string_view subscripts, const T&... operands) {
  const Tensor all_of_them[] = {Tensor(operands)...};
  return einsum(subscripts, std::span<const Tensor>(all_of_them));
}

/// L, lower triangular, with L Lᵀ = the symmetric part of x, ½ (x + xᵀ); so the gradient is
/// symmetric.
Tensor cholesky(const Tensor& x, Location at = Location::here());
/// The solution z of x z = y: of a vector y, or of each column of matrices.
Tensor solve(const Tensor& x, const Tensor& y, Location at = Location::here());
/// The same for a triangular x, of which the other half is not read.
Tensor triangular_solve(const Tensor& x, const Tensor& y, Triangle which = Triangle::lower,
                        Location at = Location::here());
Tensor inverse(const Tensor& x, Location at = Location::here());
/// The determinant. Its derivative is that of the inverse, and throws at a singular matrix.
Tensor det(const Tensor& x, Location at = Location::here());

/// The sign of the determinant, 0 where that is 0, and the logarithm of its absolute value.
struct SignAndLog {
  Tensor sign, logabsdet;
};
SignAndLog slogdet(const Tensor& x, Location at = Location::here());

}  // namespace chainrule
