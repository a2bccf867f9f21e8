// linalg.hpp for Eigen's matrices of Scalars, of any fixed or dynamic size and storage order:
// chainrule::solve(A, b) is one node of the tape, where A.partialPivLu().solve(b) tapes every
// operation of the elimination.
//
// Matrices of Scalars and of doubles mix; expressions are evaluated first. Results have the fixed
// sizes of their operands, where those have them. What each function computes, reads and throws is
// said in linalg.hpp.
#pragma once

#include "chainrule/block/linalg.hpp"
#include "chainrule/tape/eigen.hpp"

namespace chainrule {
namespace linalg {

template <class M>
concept EigenMatrix = Entry<typename M::Scalar>;

template <class S, int rows, int columns>
using EigenOf =
    Eigen::Matrix<S, rows, columns,
                  rows == 1 && columns != 1 ? int{Eigen::RowMajor} : int{Eigen::ColMajor}>;

constexpr int smaller(int rows, int columns) {
  if (rows == Eigen::Dynamic || columns == Eigen::Dynamic) return Eigen::Dynamic;
  return rows < columns ? rows : columns;
}

template <class M>
auto dense(const Eigen::MatrixBase<M>& m) {
  const auto& a = m.eval();
  Dense<typename M::Scalar> copy(static_cast<std::size_t>(a.rows()),
                                 static_cast<std::size_t>(a.cols()));
  for (Eigen::Index i = 0, k = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < a.cols(); ++j) {
      copy.entries[static_cast<std::size_t>(k++)] = a(i, j);
    }
  }
  return copy;
}

template <int rows, int columns, class S>
EigenOf<S, rows, columns> eigen(const Dense<S>& a) {
  EigenOf<S, rows, columns> m(static_cast<Eigen::Index>(a.rows),
                              static_cast<Eigen::Index>(a.columns));
  for (Eigen::Index i = 0, k = 0; i < m.rows(); ++i) {
    for (Eigen::Index j = 0; j < m.cols(); ++j) {
      m(i, j) = a.entries[static_cast<std::size_t>(k++)];
    }
  }
  return m;
}
template <int size, class S>
EigenOf<S, size, 1> eigen(const std::vector<S>& v) {
  return Eigen::Map<const EigenOf<S, size, 1>>(v.data(), static_cast<Eigen::Index>(v.size()));
}

template <class A, class B>
using EigenSolution = EigenOf<Mixed<typename A::Scalar, typename B::Scalar>, A::ColsAtCompileTime,
                              B::ColsAtCompileTime>;

}  // namespace linalg

template <linalg::EigenMatrix A, linalg::EigenMatrix B>
auto matmul(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b,
            Location at = Location::here()) {
  return linalg::eigen<A::RowsAtCompileTime, B::ColsAtCompileTime>(
      matmul(linalg::dense(a), linalg::dense(b), at));
}

template <linalg::EigenMatrix A, linalg::EigenMatrix B>
auto dot(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b,
         Location at = Location::here()) {
  return dot(linalg::dense(a), linalg::dense(b), at);
}

template <linalg::EigenMatrix A>
auto norm(const Eigen::MatrixBase<A>& a, Location at = Location::here()) {
  return norm(linalg::dense(a), at);
}

template <linalg::EigenMatrix A, linalg::EigenMatrix B>
linalg::EigenSolution<A, B> solve(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b,
                                  Location at = Location::here()) {
  return linalg::eigen<A::ColsAtCompileTime, B::ColsAtCompileTime>(
      solve(linalg::dense(a), linalg::dense(b), at));
}

template <linalg::EigenMatrix A, linalg::EigenMatrix B>
linalg::EigenSolution<A, B> solve_spd(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b,
                                      Location at = Location::here()) {
  return linalg::eigen<A::ColsAtCompileTime, B::ColsAtCompileTime>(
      solve_spd(linalg::dense(a), linalg::dense(b), at));
}

template <linalg::EigenMatrix A, linalg::EigenMatrix B>
linalg::EigenSolution<A, B> solve_lower(const Eigen::MatrixBase<A>& l,
                                        const Eigen::MatrixBase<B>& b,
                                        Location at = Location::here()) {
  return linalg::eigen<A::ColsAtCompileTime, B::ColsAtCompileTime>(
      solve_lower(linalg::dense(l), linalg::dense(b), at));
}

template <linalg::EigenMatrix A, linalg::EigenMatrix B>
linalg::EigenSolution<A, B> solve_upper(const Eigen::MatrixBase<A>& u,
                                        const Eigen::MatrixBase<B>& b,
                                        Location at = Location::here()) {
  return linalg::eigen<A::ColsAtCompileTime, B::ColsAtCompileTime>(
      solve_upper(linalg::dense(u), linalg::dense(b), at));
}

template <linalg::EigenMatrix A>
auto inverse(const Eigen::MatrixBase<A>& a, Location at = Location::here()) {
  return linalg::eigen<A::RowsAtCompileTime, A::ColsAtCompileTime>(inverse(linalg::dense(a), at));
}

template <linalg::EigenMatrix A>
auto logdet(const Eigen::MatrixBase<A>& a, Location at = Location::here()) {
  return logdet(linalg::dense(a), at);
}

template <linalg::EigenMatrix A>
auto logdet_spd(const Eigen::MatrixBase<A>& a, Location at = Location::here()) {
  return logdet_spd(linalg::dense(a), at);
}

template <linalg::EigenMatrix A>
auto cholesky(const Eigen::MatrixBase<A>& a, Location at = Location::here()) {
  return linalg::eigen<A::RowsAtCompileTime, A::ColsAtCompileTime>(cholesky(linalg::dense(a), at));
}

template <linalg::EigenMatrix A>
auto eigh(const Eigen::MatrixBase<A>& a, Location at = Location::here()) {
  constexpr int n = linalg::smaller(A::RowsAtCompileTime, A::ColsAtCompileTime);
  const auto found = eigh(linalg::dense(a), at);
  using S = typename A::Scalar;
  return EighOf<linalg::EigenOf<S, n, 1>, linalg::EigenOf<S, n, n>>{
      linalg::eigen<n>(found.values), linalg::eigen<n, n>(found.vectors)};
}

template <linalg::EigenMatrix A>
auto svd(const Eigen::MatrixBase<A>& a, Location at = Location::here()) {
  constexpr int m = A::RowsAtCompileTime, n = A::ColsAtCompileTime, k = linalg::smaller(m, n);
  const auto found = svd(linalg::dense(a), at);
  using S = typename A::Scalar;
  return SvdOf<linalg::EigenOf<S, m, k>, linalg::EigenOf<S, k, 1>, linalg::EigenOf<S, n, k>>{
      linalg::eigen<m, k>(found.u), linalg::eigen<k>(found.s), linalg::eigen<n, k>(found.v)};
}

template <linalg::EigenMatrix A>
auto qr(const Eigen::MatrixBase<A>& a, Location at = Location::here()) {
  constexpr int m = A::RowsAtCompileTime, n = A::ColsAtCompileTime;
  const auto found = qr(linalg::dense(a), at);
  using S = typename A::Scalar;
  return QrOf<linalg::EigenOf<S, m, n>, linalg::EigenOf<S, n, n>>{linalg::eigen<m, n>(found.q),
                                                                  linalg::eigen<n, n>(found.r)};
}

}  // namespace chainrule
