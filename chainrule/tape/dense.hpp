// Dense: a matrix of numbers or Scalars, row by row.
#pragma once

#include <cstddef>
#include <vector>

namespace chainrule {

template <class S>
struct Dense {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<S> entries;  ///< row-major: entries[i * columns + j]

  Dense() = default;
  Dense(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), entries(row_count * column_count) {}

  S& operator()(std::size_t i, std::size_t j) { return entries[i * columns + j]; }
  const S& operator()(std::size_t i, std::size_t j) const { return entries[i * columns + j]; }
};

}  // namespace chainrule
