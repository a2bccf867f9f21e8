// Dense linear algebra with derivatives of its own: a factorisation is one node of the tape.
//
// Each function is a block (tape/block.hpp) whose adjoint is a formula in terms of the same
// functions, so that every order of derivative follows. Recording a solve takes O(n²) numbers where
// taping its elimination takes O(n³). Each function takes recorded Scalars, plain numbers, or both;
// with plain numbers alone it computes over double and records nothing. eigen_linalg.hpp has the
// same functions of Eigen's matrices.
//
// Conventions:
//   - Of a symmetric matrix (eigh, cholesky, solve_spd, logdet_spd) only the lower triangle is
//     read, and its entry (i, j) stands for (j, i) too: the adjoint has what belongs to both, and
//     the upper triangle is independent. Triangular matrices likewise are read in their triangle.
//   - What does not exist throws Error, with the sizes and the pivot: a pivot that is exactly 0, a
//     matrix that is not positive definite. A matrix that is singular to rounding only gives the
//     huge numbers that it gives.
//   - Where an entry is NaN or infinite, all results of a factorisation are NaN.
//   - Where sizes do not fit, or are 0, Error is thrown.
//
// Formulas: Giles 2008, "Collected matrix derivative results"; Murray 2016 (cholesky); Townsend
// 2016 (svd); Walter & Lehmann 2010 and Seeger et al. 2017 (qr).
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "chainrule/block/linalg_words.hpp"
#include "chainrule/tape/dense.hpp"

namespace chainrule {

namespace detail {
inline const bool linalg_blocks_are_registered = register_linalg_blocks();
}  // namespace detail

/// What comes of entries of both: Scalar unless both are double.
template <Entry A, Entry B>
using Mixed = std::conditional_t<std::same_as<A, double>, B, A>;

/// n × 1.
template <class V>
auto column(const V& entries) {
  using S = std::remove_cvref_t<decltype(entries[0])>;
  return Dense<S>(std::size(entries), 1, std::vector<S>(std::begin(entries), std::end(entries)));
}

template <Entry S>
Dense<S> transpose(const Dense<S>& a) {
  Dense<S> t(a.columns, a.rows);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) t(j, i) = a(i, j);
  }
  return t;
}

template <Entry S = double>
Dense<S> identity(std::size_t n) {
  Dense<S> one(n, n);
  for (std::size_t i = 0; i < n; ++i) one(i, i) = 1.0;
  return one;
}

// ---- products ---------------------------------------------------------------------------------

namespace linalg {
template <Entry S>
Dense<S> product(const Dense<S>& a, const Dense<S>& b, Location at);
template <Entry S>
S inner_product(const Dense<S>& a, const Dense<S>& b, Location at);
template <Entry S>
Dense<S> system(const Dense<S>& a, const Dense<S>& b, Location at);
template <Entry S>
Dense<S> spd_system(const Dense<S>& a, const Dense<S>& b, Location at);
template <Entry S>
Dense<S> lower_system(const Dense<S>& l, const Dense<S>& b, Location at);
template <Entry S>
Dense<S> upper_system(const Dense<S>& u, const Dense<S>& b, Location at);
}  // namespace linalg

/// A B.
template <Entry A, Entry B>
Dense<Mixed<A, B>> matmul(const Dense<A>& a, const Dense<B>& b, Location at = Location::here()) {
  return linalg::product<Mixed<A, B>>(a, b, at);
}

/// Σ aᵢⱼ bᵢⱼ, of two matrices of the same sizes.
template <Entry A, Entry B>
Mixed<A, B> dot(const Dense<A>& a, const Dense<B>& b, Location at = Location::here()) {
  return linalg::inner_product<Mixed<A, B>>(a, b, at);
}

/// √(Σ aᵢⱼ²), the length of a vector, which neither overflows nor underflows halfway; its gradient
/// at the origin is 0.
template <Entry S>
S norm(const Dense<S>& a, Location at = Location::here());

// ---- linear systems ---------------------------------------------------------------------------

/// X with A X = B, by LU with partial pivoting. The factors stay on the tape, as results that no
/// one sees: the adjoint costs O(n²) a right side. Throws Error for a singular A.
template <Entry A, Entry B>
Dense<Mixed<A, B>> solve(const Dense<A>& a, const Dense<B>& b, Location at = Location::here()) {
  return linalg::system<Mixed<A, B>>(a, b, at);
}

/// The same for a symmetric positive definite A (its lower triangle), by Cholesky: half the work
/// and half the tape. Throws Error if A is not positive definite.
template <Entry A, Entry B>
Dense<Mixed<A, B>> solve_spd(const Dense<A>& a, const Dense<B>& b, Location at = Location::here()) {
  return linalg::spd_system<Mixed<A, B>>(a, b, at);
}

/// X with L X = B, L lower triangular; with U X = B, U upper triangular. Throw Error for a 0 on the
/// diagonal.
template <Entry A, Entry B>
Dense<Mixed<A, B>> solve_lower(const Dense<A>& l, const Dense<B>& b,
                               Location at = Location::here()) {
  return linalg::lower_system<Mixed<A, B>>(l, b, at);
}
template <Entry A, Entry B>
Dense<Mixed<A, B>> solve_upper(const Dense<A>& u, const Dense<B>& b,
                               Location at = Location::here()) {
  return linalg::upper_system<Mixed<A, B>>(u, b, at);
}

/// A⁻¹. Throws Error for a singular A.
template <Entry S>
Dense<S> inverse(const Dense<S>& a, Location at = Location::here());

/// log |det A|. Throws Error for a singular A.
template <Entry S>
S logdet(const Dense<S>& a, Location at = Location::here());
/// log det A of a symmetric positive definite A. Throws Error if it is not positive definite.
template <Entry S>
S logdet_spd(const Dense<S>& a, Location at = Location::here());

// With a vector as the right side, the result is a vector.
template <Entry A, Entry B>
std::vector<Mixed<A, B>> solve(const Dense<A>& a, const std::vector<B>& b,
                               Location at = Location::here()) {
  return solve(a, column(b), at).entries;
}
template <Entry A, Entry B>
std::vector<Mixed<A, B>> solve_spd(const Dense<A>& a, const std::vector<B>& b,
                                   Location at = Location::here()) {
  return solve_spd(a, column(b), at).entries;
}

// ---- factorisations ---------------------------------------------------------------------------

/// L, lower triangular with a positive diagonal, such that A = L Lᵀ. Throws Error if A is not
/// positive definite.
template <Entry S>
Dense<S> cholesky(const Dense<S>& a, Location at = Location::here());

template <class Vector, class Matrix>
struct EighOf {
  Vector values;   ///< ascending
  Matrix vectors;  ///< the j-th column belongs to the j-th value
};
template <Entry S>
using Eigh = EighOf<std::vector<S>, Dense<S>>;

/// A = V Λ Vᵀ of a symmetric A. The sign of an eigenvector is such that the first of its entries
/// that is at least half as large as the largest is positive.
///
/// Eigenvalues are equal if they are closer than rounding, 4 n ε max|λ|. The adjoint of the values
/// is right there too (that of a sum over equal ones; a single one has no derivative). What reaches
/// the vectors is NaN: one of equal eigenvectors has no derivative, and of what does not depend on
/// their choice, V f(Λ) Vᵀ say, the limit f′(λ) is not visible to a decomposition. So are second
/// derivatives, which go through the vectors.
template <Entry S>
Eigh<S> eigh(const Dense<S>& a, Location at = Location::here());

template <class MatrixU, class Vector, class MatrixV>
struct SvdOf {
  MatrixU u;  ///< m × k, where k = min(m, n)
  Vector s;   ///< k singular values, descending
  MatrixV v;  ///< n × k
};
template <Entry S>
using Svd = SvdOf<Dense<S>, std::vector<S>, Dense<S>>;

/// A = U S Vᵀ, thin. The signs of a pair of vectors are such that the first entry of the column of
/// U that is at least half as large as the largest is positive. Equal singular values, and those
/// that are 0, are treated as equal eigenvalues are by eigh: what reaches the vectors is NaN.
template <Entry S>
Svd<S> svd(const Dense<S>& a, Location at = Location::here());

template <class MatrixQ, class MatrixR>
struct QrOf {
  MatrixQ q;  ///< m × n, orthonormal columns
  MatrixR r;  ///< n × n, upper triangular with a positive diagonal
};
template <Entry S>
using Qr = QrOf<Dense<S>, Dense<S>>;

/// A = Q R, thin, of a matrix with at least as many rows as columns. Throws Error if the columns
/// are dependent (a diagonal entry of R is exactly 0).
template <Entry S>
Qr<S> qr(const Dense<S>& a, Location at = Location::here());

}  // namespace chainrule
