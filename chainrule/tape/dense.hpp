// Dense: a matrix of numbers or Scalars, row by row.
#pragma once

#include <span>
#include <vector>

#include "chainrule/tape/scalar.hpp"

namespace chainrule {

/// What a matrix holds.
template <class S>
concept Entry = std::same_as<S, double> || std::same_as<S, Scalar>;

namespace detail {
/// Throws Error: "4 entries for a matrix of 2x3".
[[noreturn]] void fail_entries(std::size_t rows, std::size_t columns, std::size_t got);
}  // namespace detail

template <Entry S>
struct Dense {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<S> entries;  ///< row-major: entries[i * columns + j]

  Dense() = default;
  /// Of zeros.
  Dense(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), entries(row_count * column_count) {}
  /// Throws Error unless there are row_count · column_count entries.
  Dense(std::size_t row_count, std::size_t column_count, std::vector<S> row_major)
      : rows(row_count), columns(column_count), entries(std::move(row_major)) {
    if (entries.size() != rows * columns) detail::fail_entries(rows, columns, entries.size());
  }
  /// Plain numbers as Scalars.
  template <class T>
  requires(std::same_as<T, double>&& std::same_as<S, Scalar>) Dense(const Dense<T>& numbers)
      : rows(numbers.rows),
        columns(numbers.columns),
        entries(numbers.entries.begin(), numbers.entries.end()) {}

  S& operator()(std::size_t i, std::size_t j) { return entries[i * columns + j]; }
  const S& operator()(std::size_t i, std::size_t j) const { return entries[i * columns + j]; }
};

}  // namespace chainrule
