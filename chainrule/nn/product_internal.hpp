// Matrix products that are added to what is there, on OpenBLAS: z += x yᵀ and its kin.
#pragma once

#include <cblas.h>

#include <algorithm>
#include <cstdint>

#include "chainrule/base/parallel.hpp"
#include "chainrule/tensor/blas_internal.hpp"
#include "chainrule/tensor/core.hpp"
#include "chainrule/tensor/pass_internal.hpp"

namespace chainrule::nn {

/// A matrix in memory, row by row.
template <class T>
struct Matrix {
  T* data;
  std::int64_t rows, columns;
  std::int64_t leading;  ///< numbers from row to row

  Matrix<T> part_of_rows(std::int64_t first, std::int64_t count) const {
    return {data + first * leading, count, columns, leading};
  }
};
template <class T>
Matrix<T> matrix(T* data, std::int64_t rows, std::int64_t columns) {
  return {data, rows, columns, columns};
}

namespace detail {

template <class T>
void gemm(CBLAS_TRANSPOSE tx, CBLAS_TRANSPOSE ty, const Matrix<T>& z, std::int64_t inner,
          const Matrix<const T>& x, const Matrix<const T>& y) {
  if (z.rows == 0 || z.columns == 0 || inner == 0) return;
  const int m = static_cast<int>(z.rows), n = static_cast<int>(z.columns);
  const int k = static_cast<int>(inner), ldx = static_cast<int>(x.leading);
  const int ldy = static_cast<int>(y.leading), ldz = static_cast<int>(z.leading);
  constexpr bool is_float = std::is_same_v<T, float>;
  if (m == 1 && tx == CblasNoTrans) {
    // (1,k) (k,n): yᵀ x.
    const bool is_turned = ty == CblasTrans;
    const auto way = is_turned ? CblasNoTrans : CblasTrans;
    const int rows = is_turned ? n : k, columns = is_turned ? k : n;
    if constexpr (is_float)
      cblas_sgemv(CblasRowMajor, way, rows, columns, 1, y.data, ldy, x.data, 1, 1, z.data, 1);
    if constexpr (!is_float)
      cblas_dgemv(CblasRowMajor, way, rows, columns, 1, y.data, ldy, x.data, 1, 1, z.data, 1);
    return;
  }
  if constexpr (is_float)
    cblas_sgemm(CblasRowMajor, tx, ty, m, n, k, 1, x.data, ldx, y.data, ldy, 1, z.data, ldz);
  if constexpr (!is_float)
    cblas_dgemm(CblasRowMajor, tx, ty, m, n, k, 1, x.data, ldx, y.data, ldy, 1, z.data, ldz);
}

}  // namespace detail

/// z += x y.
template <class T>
void add_product(const Matrix<T>& z, const Matrix<const T>& x, const Matrix<const T>& y) {
  detail::gemm(CblasNoTrans, CblasNoTrans, z, x.columns, x, y);
}
/// z += xᵀ y.
template <class T>
void add_turned_by(const Matrix<T>& z, const Matrix<const T>& x, const Matrix<const T>& y) {
  detail::gemm(CblasTrans, CblasNoTrans, z, x.rows, x, y);
}
/// z += x yᵀ, its rows or columns divided among threads() where it is large.
template <class T>
void add_by_turned(const Matrix<T>& z, const Matrix<const T>& x, const Matrix<const T>& y) {
  const std::size_t parts =
      threads_worth_flops(2.0 * static_cast<double>(z.rows) * static_cast<double>(z.columns) *
                          static_cast<double>(x.columns));
  const std::int64_t size = std::max(z.rows, z.columns), count = static_cast<std::int64_t>(parts);
  in_parallel(parts, [&](std::size_t part) {
    const auto p = static_cast<std::int64_t>(part);
    const std::int64_t first = size * p / count, own = size * (p + 1) / count - first;
    if (z.rows >= z.columns) {
      detail::gemm(CblasNoTrans, CblasTrans, z.part_of_rows(first, own), x.columns,
                   x.part_of_rows(first, own), y);
    } else {
      detail::gemm(CblasNoTrans, CblasTrans, Matrix<T>{z.data + first, z.rows, own, z.leading},
                   x.columns, x, y.part_of_rows(first, own));
    }
  });
}

}  // namespace chainrule::nn
