// Tables: what the rows of a Source or a Sink touch, and whether they fit.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <string>

#include "chainrule/base/error.hpp"
#include "chainrule/emit/kernel_internal.hpp"

namespace chainrule::emit {

// A number that was made an enumerator, and is none.
template <class E>
[[noreturn]] void refuse_enumerator(const char* where, const char* what, E value) {
  fail(where, std::string("there is no ") + what + " number " +
                  std::to_string(static_cast<unsigned>(value)));
}

inline std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// a + b c, or the largest number.
inline std::size_t plus_product(std::size_t a, std::size_t b, std::size_t c) {
  std::size_t product, sum;
  if (__builtin_mul_overflow(b, c, &product) || __builtin_add_overflow(a, product, &sum)) {
    return ~std::size_t{0};
  }
  return sum;
}

// The last number that rows of `width` at distance `stride` touch, plus one.
inline std::size_t reach(std::size_t width, std::size_t step, std::size_t stride, std::size_t rows,
                         std::span<const std::uint32_t> index) {
  if (width == 0 || rows == 0) return 0;
  std::size_t last = rows - 1;
  if (!index.empty())
    last = *std::max_element(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(rows));
  return plus_product(plus_product(1, width - 1, step), last, stride);
}

// `what` makes the words for a message, which a run that fits need not pay for.
template <class What>
void require_data(const What& what, const void* data, std::size_t size) {
  if (data == nullptr && size > 0) {
    fail("kernel",
         what() + " has " + counted(size, "number") + ", but they are nowhere: its data is null");
  }
}

template <class What>
void require_reach(const What& what, std::size_t size, std::size_t width, std::size_t step,
                   std::size_t stride, std::size_t rows, std::span<const std::uint32_t> index) {
  if (!index.empty() && index.size() < rows) {
    fail("kernel",
         what() + " has " + std::to_string(index.size()) + " places for " + counted(rows, "row"));
  }
  const std::size_t wanted = reach(width, step, stride, rows, index);
  if (wanted > size) {
    fail("kernel", what() + " has " + counted(size, "number") + ", but " + counted(rows, "row") +
                       " of " + std::to_string(width) + " reach to number " +
                       std::to_string(wanted));
  }
}

// Whether two rows may go to one place: they do not where one row, or one column, ends before the
// next begins.
template <class Real>
bool rows_meet(const BasicSink<Real>& sink, std::size_t rows) {
  if (sink.mode == SinkMode::sum || sink.count == 0) return false;
  if (!sink.index.empty()) return true;
  const bool by_rows = sink.stride >= reach(sink.count, sink.step, 0, 1, {});
  const bool by_columns = sink.stride > 0 && sink.step >= reach(rows, sink.stride, 0, 1, {});
  return !by_rows && !by_columns;
}

// Whether a table is columns whose numbers the code can read, or write, itself: then how.
template <class Table>
std::uint32_t way_in_place(const Table& table, std::size_t width) {
  constexpr std::size_t kFarthest = std::numeric_limits<std::int32_t>::max() / 16;
  const bool fits =
      width > 0 && table.stride == 1 && table.index.empty() && table.step <= kFarthest / width;
  if (!fits) return Division::kPacked;
  return Division::kInPlace + (width == 1 ? 1 : static_cast<std::uint32_t>(table.step));
}

// The numbers that the rows of a table touch, as addresses.
struct Touched {
  const void *begin, *end;
  bool meets(const Touched& other) const {
    const std::less<> before;
    return before(begin, other.end) && before(other.begin, end);
  }
};
template <class Table>
Touched touched(const Table& table, std::size_t width, std::size_t rows) {
  const std::size_t numbers = reach(width, table.step, table.stride, rows, table.index);
  return {table.data, table.data + numbers};
}

}  // namespace chainrule::emit
