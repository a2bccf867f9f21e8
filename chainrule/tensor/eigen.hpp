// Eigen and tensors: copies of matrices, arrays, maps and expressions, and views of tensors.
//
// Matrices of Scalars become tensors that the derivative goes through, and tensors become matrices
// of Scalars, so that Eigen's own algorithms may stand in the middle of a computation on tensors.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "chainrule/tape/eigen.hpp"
#include "chainrule/tensor/move.hpp"

namespace chainrule {

template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using EigenVector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

/// A copy: of shape (rows, columns), or (n,) of what is a vector by its type. Floats stay floats,
/// Scalars stay recorded.
template <class Derived>
requires(std::same_as<typename Derived::Scalar, double> ||
         std::same_as<typename Derived::Scalar, float> ||
         std::same_as<typename Derived::Scalar, Scalar>) Tensor
    tensor(const Eigen::DenseBase<Derived>& from, Location at = Location::here()) {
  using T = typename Derived::Scalar;
  const auto rows = static_cast<std::int64_t>(from.rows());
  const auto columns = static_cast<std::int64_t>(from.cols());
  const Shape shape = Derived::IsVectorAtCompileTime ? Shape{rows * columns} : Shape{rows, columns};
  const typename Derived::PlainObject plain = from.derived();
  if constexpr (std::same_as<T, Scalar>) {
    std::vector<Scalar> numbers;
    for (Eigen::Index i = 0; i < plain.rows(); ++i) {
      for (Eigen::Index j = 0; j < plain.cols(); ++j) numbers.push_back(plain(i, j));
    }
    return stack(numbers, shape, f64, at);
  } else {
    Tensor t = empty(shape, std::same_as<T, float> ? f32 : f64);
    const std::span<T> to = t.template writable<T>();
    for (Eigen::Index i = 0; i < plain.rows(); ++i) {
      for (Eigen::Index j = 0; j < plain.cols(); ++j)
        to[static_cast<std::size_t>(i * plain.cols() + j)] = plain(i, j);
    }
    return t;
  }
}

/// The memory of a tensor of rank 2 as a matrix; valid as long as the tensor is there and is not
/// written. Throws Error for another rank or element type, or if the elements do not stand one
/// after another: contiguous() makes them so.
template <ElementNumber T>
Eigen::Map<const EigenMatrix<T>> matrix_view(const Tensor& t) {
  if (t.rank() != 2) fail("matrix_view", "of a tensor of shape " + to_string(t.shape()));
  const std::span<const T> numbers = t.span<T>();
  return {numbers.data(), static_cast<Eigen::Index>(t.size(0)),
          static_cast<Eigen::Index>(t.size(1))};
}
template <ElementNumber T>
Eigen::Map<const EigenMatrix<T>> matrix_view(const Tensor&& t) = delete;  // would be gone

/// The elements of a tensor of any shape as a vector, the last axis fastest. As matrix_view().
template <ElementNumber T>
Eigen::Map<const EigenVector<T>> vector_view(const Tensor& t) {
  const std::span<const T> numbers = t.span<T>();
  return {numbers.data(), static_cast<Eigen::Index>(numbers.size())};
}
template <ElementNumber T>
Eigen::Map<const EigenVector<T>> vector_view(const Tensor&& t) = delete;

/// The elements of a tensor of rank 2, or of a vector as one column, as numbers on the tape.
inline EigenMatrix<Scalar> scalar_matrix(const Tensor& t, Location at = Location::here()) {
  if (t.rank() != 1 && t.rank() != 2) {
    fail("scalar_matrix", "of a tensor of shape " + to_string(t.shape()));
  }
  const std::vector<Scalar> numbers = scalars(t, at);
  EigenMatrix<Scalar> m(t.size(0), t.rank() == 2 ? t.size(1) : 1);
  for (Eigen::Index k = 0; k < m.size(); ++k) m.data()[k] = numbers[static_cast<std::size_t>(k)];
  return m;
}

}  // namespace chainrule
