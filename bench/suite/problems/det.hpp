// The determinant of an ℓ × ℓ matrix by expansion by minors along the first row, without any
// minor being kept: about e ℓ! operations. GradBench's det, after cmpad's det_by_minor.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

class Determinant {
 public:
  static constexpr Index kOutputs = 1;
  static constexpr Tasks kTasks = Tasks::added;
  static constexpr Index kMost = 16;
  using Columns = std::array<std::uint8_t, kMost>;

  explicit Determinant(Index size) : Determinant(size, Draw(14).uniforms(size * size, 0, 1)) {}
  Determinant(Index size, std::vector<double> matrix) : size_(size), inputs_(std::move(matrix)) {}

  Index count() const { return 1; }
  Index inputs() const { return inputs_.size(); }
  double step() const { return 1e-3; }
  const double* point(Index) const { return inputs_.data(); }
  std::vector<Part> groups() const { return {{"gradient", inputs_.size()}}; }

  Index size() const { return size_; }
  static Columns all_columns() {
    Columns columns{};
    for (Index j = 0; j < kMost; ++j) columns[j] = static_cast<std::uint8_t>(j);
    return columns;
  }

  template <class S>
  void evaluate(Index, const S* x, S* y) const {
    y[0] = minor_of(x, 0, all_columns());
  }

  /// `columns` without the j-th.
  static Columns without(const Columns& columns, Index j) {
    Columns rest = columns;
    std::copy(columns.begin() + static_cast<std::ptrdiff_t>(j) + 1, columns.end(),
              rest.begin() + static_cast<std::ptrdiff_t>(j));
    return rest;
  }

 private:
  /// Of the rows from `row` on and the first size − row of `columns`.
  template <class S>
  S minor_of(const S* a, Index row, const Columns& columns) const {
    const Index many = size_ - row;
    if (many == 1) return a[row * size_ + columns[0]];
    S sum = 0.0;
    for (Index j = 0; j < many; ++j) {
      const S& entry = a[row * size_ + columns[j]];
      const S rest = minor_of(a, row + 1, without(columns, j));
      if (j % 2 == 0) {
        sum += entry * rest;
      } else {
        sum -= entry * rest;
      }
    }
    return sum;
  }

  Index size_;
  std::vector<double> inputs_;
};

}  // namespace bench
