// Sparse Jacobians and Hessians: the pattern read off the recording, coloured, and computed in as
// many sweeps as there are colours.
//
//   const SparseMatrix h = sparse_hessian(y, xs);      // nodes of the active tape
//   const SparseMatrix j = sparse_jacobian(f)(x);      // a callable, at plain numbers
//   Eigen::Map<const Eigen::SparseMatrix<double, Eigen::RowMajor>> map(
//       h.rows, h.columns, h.nonzeros(), h.row_starts.data(), h.column_indices.data(),
//       h.values.data());                              // no copy
//
// A pattern follows from which operations stand on the tape, not from their values: an entry may
// turn out 0, and both sides of a select, both operands of a max count. A choice that was decided
// while recording (if, ?:, std::max) is not on the tape: the pattern is that of the branch taken.
//
// Columns that share no row are seeded together, so that one sweep gives them all (Curtis, Powell &
// Reid 1974); what may be seeded together is a colouring of a graph (Gebremedhin, Manne & Pothen
// 2005). A banded matrix takes as many colours as its band is wide, an arrow two or three,
// whatever their size.
#pragma once

#include "chainrule/transform/derive.hpp"

namespace chainrule {

/// Where a matrix may differ from 0, in compressed rows: the columns of row i, ascending, are
/// column_indices[row_starts[i]] up to, not including, column_indices[row_starts[i + 1]].
struct SparsityPattern {
  int rows = 0;
  int columns = 0;
  std::vector<int> row_starts = {0};
  std::vector<int> column_indices;

  int nonzeros() const { return row_starts.back(); }
  std::span<const int> row(std::size_t i) const {
    return std::span(column_indices)
        .subspan(static_cast<std::size_t>(row_starts[i]),
                 static_cast<std::size_t>(row_starts[i + 1] - row_starts[i]));
  }
  friend bool operator==(const SparsityPattern&, const SparsityPattern&) = default;
};

/// A pattern and its values: the three arrays are those of a compressed
/// Eigen::SparseMatrix<double, Eigen::RowMajor>.
struct SparseMatrix : SparsityPattern {
  std::vector<double> values;
  int colours = 0;  ///< directions and adjoints that were swept to compute it
};

/// A pattern with its colouring, kept from one point to the next: pass the same plan again and,
/// where the recording has the same operations, only the sweeps are left to do.
///
/// An empty plan is filled when it is first used. A plan is never trusted: a fingerprint of the
/// recorded operations tells whether they are those that it was made of. Where they are others (a
/// branch went the other way), their pattern is found, and the plan is kept if it covers that, made
/// anew if it does not.
struct SparsePlan {
  SparsityPattern pattern;

  /// An entry of the matrix, and the place where a sweep leaves it.
  struct Read {
    int entry;
    int place;
  };
  /// What is swept together: the inputs of a direction, or the results of an adjoint.
  struct Group {
    std::vector<int> seeded;
    std::vector<Read> reads;
  };
  std::vector<Group> directions;  ///< inputs, forward; forward over reverse for a Hessian
  std::vector<Group> adjoints;    ///< results, in reverse

  std::uint64_t fingerprint = 0;
  int order = 0;  ///< 1 of a Jacobian, 2 of a Hessian, 0 while empty

  int colours() const { return static_cast<int>(directions.size() + adjoints.size()); }
};

/// Where ∂y/∂x may differ from 0: rows are the ys, columns the xs. Throws HandleError for stale or
/// crossed handles, Error for an x that is a plain number, stands twice among the xs or depends on
/// another of them.
SparsityPattern jacobian_pattern(std::span<const Scalar> ys, std::span<const Scalar> xs);
/// Where ∂²y/∂x∂x' may differ from 0: symmetric. The xs are leaves; throws Error for others.
SparsityPattern hessian_pattern(const Scalar& y, std::span<const Scalar> xs);

/// ∂y/∂x. By columns in forward sweeps, by rows in reverse ones, or most of it one way and the few
/// long rows or columns the other way: whatever takes fewest. Throws as jacobian_pattern.
SparseMatrix sparse_jacobian(std::span<const Scalar> ys, std::span<const Scalar> xs);
SparseMatrix sparse_jacobian(std::span<const Scalar> ys, std::span<const Scalar> xs,
                             SparsePlan& plan);

/// ∂²y/∂x∂x', exactly symmetric, by forward over reverse: a direction for each colour of a star
/// colouring. Throws as hessian_pattern.
SparseMatrix sparse_hessian(const Scalar& y, std::span<const Scalar> xs);
SparseMatrix sparse_hessian(const Scalar& y, std::span<const Scalar> xs, SparsePlan& plan);

namespace detail {

template <class... Args>
void require_numbers() {
  static_assert(!any_scalars<Args...>,
                "a sparse matrix is of plain numbers, and its dependence on Scalars would be lost: "
                "pass numbers, or record f and give its nodes");
}

// f at plain numbers, in a frame that is rewound.
template <std::size_t which, class F, class... Args>
SparseMatrix sparse_jacobian_at(const F& f, SparsePlan& plan, const Args&... args) {
  require_numbers<Args...>();
  const Closed frame("sparse_jacobian");
  const Run<Selected<which>, Args...> run(false, args...);
  const std::vector<Scalar> ys = flat(run(f));
  frame.check();
  return sparse_jacobian(std::span<const Scalar>(ys), std::span<const Scalar>(run.nodes), plan);
}
template <std::size_t which, class F, class... Args>
SparseMatrix sparse_hessian_at(const F& f, SparsePlan& plan, const Args&... args) {
  require_numbers<Args...>();
  const Closed frame("sparse_hessian");
  const Run<Selected<which>, Args...> run(false, args...);
  const Scalar y = single(run(f));
  frame.check();
  return sparse_hessian(y, std::span<const Scalar>(run.nodes), plan);
}

}  // namespace detail

/// x ↦ ∂fᵢ/∂xⱼ: a row for each number that f gives, a column for each in the selected argument.
template <std::size_t which = 0, class F>
auto sparse_jacobian(F f, SparsePlan& plan) requires(
    !std::is_convertible_v<F, std::span<const Scalar>>) {
  return [f = std::move(f), &plan](const auto&... args) {
    return detail::sparse_jacobian_at<which>(f, plan, args...);
  };
}
template <std::size_t which = 0, class F>
auto sparse_jacobian(F f) {
  return [f = std::move(f)](const auto&... args) {
    SparsePlan plan;
    return detail::sparse_jacobian_at<which>(f, plan, args...);
  };
}

/// x ↦ ∂²f/∂xᵢ∂xⱼ. f gives one Scalar.
template <std::size_t which = 0, class F>
auto sparse_hessian(F f, SparsePlan& plan) {
  return [f = std::move(f), &plan](const auto&... args) {
    return detail::sparse_hessian_at<which>(f, plan, args...);
  };
}
template <std::size_t which = 0, class F>
auto sparse_hessian(F f) {
  return [f = std::move(f)](const auto&... args) {
    SparsePlan plan;
    return detail::sparse_hessian_at<which>(f, plan, args...);
  };
}

}  // namespace chainrule
