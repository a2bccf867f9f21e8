#include "chainrule/nn/data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "chainrule/base/input_file.hpp"
#include "chainrule/base/text.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/elements_internal.hpp"

namespace chainrule::nn {

// ---- tables -----------------------------------------------------------------------------------

std::size_t Table::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  constexpr std::size_t kMost = 10;
  std::string known;
  for (std::size_t i = 0; i < std::min(columns.size(), kMost); ++i) {
    known += (i > 0 ? ", " : "") + in_quotes(columns[i]);
  }
  if (columns.size() > kMost) known += " and " + std::to_string(columns.size() - kMost) + " more";
  fail("table", "there is no column " + in_quotes(name) + ", but " + known);
}

Table read_csv(const std::string& path, Header header) {
  CsvReader reader(path, header);
  Table table;
  table.columns.assign(reader.columns().begin(), reader.columns().end());
  const std::size_t width = table.columns.size();
  std::vector<double> numbers;
  while (reader.next()) {
    for (std::size_t k = 0; k < width; ++k) numbers.push_back(reader.number(k));
  }
  table.numbers = tensor(numbers, {static_cast<std::int64_t>(numbers.size() / width),
                                   static_cast<std::int64_t>(width)});
  return table;
}

// ---- IDX --------------------------------------------------------------------------------------

// Two zeros, the type, the number of axes, the size of each in 4 bytes, the elements; big-endian
// (http://yann.lecun.com/exdb/mnist).
Tensor load_idx(const std::string& path, Precision element) {
  const auto refuse = [&](const std::string& facts) { fail("load_idx", path + ": " + facts); };
  InputFile file(path);
  std::array<unsigned char, 4> start = {};
  if (file.left() < start.size()) {
    refuse("it has " + std::to_string(file.left()) + " bytes and is no IDX file");
  }
  file.read(start.data(), start.size());
  if (start[0] == 0x1F && start[1] == 0x8B) refuse("it is compressed: gunzip it first");
  if (start[0] != 0 || start[1] != 0) refuse("it does not begin as an IDX file does");
  std::optional<FileElement> type;
  switch (start[2]) {
    case 0x08: type = FileElement::u1; break;
    case 0x09: type = FileElement::i1; break;
    case 0x0B: type = FileElement::i2; break;
    case 0x0C: type = FileElement::i4; break;
    case 0x0D: type = FileElement::f4; break;
    case 0x0E: type = FileElement::f8; break;
  }
  if (!type)
    refuse("the type of its elements is " + std::to_string(start[2]) +
           ": 8, 9, 11, 12, 13 and 14 can be read");
  if (file.left() < std::uint64_t{4} * start[3]) refuse("it ends within its header");
  std::vector<std::int64_t> sizes;
  for (int k = 0; k < start[3]; ++k) {
    std::array<unsigned char, 4> size = {};
    file.read(size.data(), size.size());
    sizes.push_back(std::int64_t{size[0]} << 24 | size[1] << 16 | size[2] << 8 | size[3]);
  }
  const std::optional<Shape> shape = claimed_shape(sizes);
  if (!shape) {
    refuse("it has more than " + std::to_string(Shape::kMostAxes) +
           " axes, or more elements than memory has bytes");
  }
  const std::uint64_t expected = static_cast<std::uint64_t>(shape->size()) * bytes_of(*type);
  if (expected != file.left()) {
    refuse("the shape " + to_string(*shape) + " takes " + std::to_string(expected) +
           " bytes, but there are " + std::to_string(file.left()));
  }
  return read_elements(file, *type, std::endian::big, *shape, element);
}

// ---- data sets --------------------------------------------------------------------------------

namespace {

Tensor rows_of(const Tensor& t, std::int64_t begin, std::int64_t end) {
  Shape shape = t.shape();
  shape[0] = end - begin;
  const detail::TensorBody& body = TensorAccess::body(t);
  return make_view(t, shape, body.strides, begin * body.strides[0]);
}

// Row k of the result is row order[k] of t.
Tensor in_order(const Tensor& t, const std::vector<std::int64_t>& order) {
  const Tensor from = dense(t);
  Tensor to = make_tensor(t.element(), t.shape());
  if (t.size() == 0) return to;
  const std::size_t bytes =
      static_cast<std::size_t>(t.size() / t.shape()[0]) * bytes_of(t.element());
  const std::byte* source = TensorAccess::body(from).data;
  std::byte* target = TensorAccess::body(to).data;
  for (const std::int64_t row : order) {
    std::memcpy(target, source + static_cast<std::size_t>(row) * bytes, bytes);
    target += bytes;
  }
  return to;
}

Tensor column_of(const Table& table, std::size_t column) {
  return make_view(table.numbers, {table.numbers.shape()[0]}, {table.numbers.strides()[0]},
                   static_cast<std::int64_t>(column) * table.numbers.strides()[1]);
}

Tensor columns_without(const Table& table, std::size_t column) {
  const std::int64_t rows = table.numbers.shape()[0], width = table.numbers.shape()[1];
  if (width < 2) fail("data", "the table has the target's column only");
  Tensor rest = make_tensor(f64, {rows, width - 1});
  const Tensor numbers = converted(table.numbers, f64);
  const double* from = TensorAccess::data<double>(numbers);
  double* to = TensorAccess::data<double>(rest);
  for (std::int64_t row = 0; row < rows; ++row, from += width) {
    to = std::copy_n(from, column, to);
    to = std::copy(from + column + 1, from + width, to);
  }
  return rest;
}

}  // namespace

std::int64_t DataSet::rows() const {
  if (inputs.rank() == 0 || targets.rank() == 0 || inputs.shape()[0] != targets.shape()[0]) {
    fail("data", "inputs " + to_string(inputs.shape()) + ", targets " + to_string(targets.shape()) +
                     ": the first axis must be the same rows");
  }
  return inputs.shape()[0];
}

DataSet DataSet::slice(std::int64_t begin, std::int64_t end) const {
  const std::int64_t count = rows();
  if (begin < 0 || end < begin || end > count) {
    fail("data", "rows " + std::to_string(begin) + " to " + std::to_string(end) + " of " +
                     std::to_string(count));
  }
  return {rows_of(inputs, begin, end), rows_of(targets, begin, end)};
}

DataSet DataSet::shuffled(Random& random) const {
  TensorAccess::require_numbers(inputs, "shuffled");
  TensorAccess::require_numbers(targets, "shuffled");
  const std::vector<std::int64_t> order = random.permutation(rows());
  return {in_order(inputs, order), in_order(targets, order)};
}

std::pair<DataSet, DataSet> DataSet::split(double fraction) const {
  if (!(fraction >= 0 && fraction <= 1)) {
    fail("data",
         "a part of " + shortest(fraction) + " of the rows: a number from 0 to 1 is expected");
  }
  const std::int64_t count = rows();
  const std::int64_t first = std::llround(fraction * static_cast<double>(count));
  return {slice(0, first), slice(first, count)};
}

Batches DataSet::batches(std::int64_t size) const { return {*this, size}; }

DataSet DataSet::to(Precision element) const {
  TensorAccess::require_numbers(inputs, "to");
  TensorAccess::require_numbers(targets, "to");
  return {converted(inputs, element), converted(targets, element)};
}

Batches::Batches(DataSet data, std::int64_t size)
    : data_(std::move(data)), size_(size), rows_(data_.rows()), count_(0) {
  if (size < 1) fail("data", "batches of " + std::to_string(size) + " rows");
  size_ = std::min(size, std::max<std::int64_t>(rows_, 1));  // the place behind them has a number
  count_ = (rows_ + size_ - 1) / size_;
}

DataSet Batches::Iterator::operator*() const {
  return of_->data_.slice(row_, std::min(row_ + of_->size_, of_->rows_));
}

DataSet regression(const Table& table, std::string_view target) {
  const std::size_t column = table.column(target);
  const Tensor targets = dense(column_of(table, column));
  return {columns_without(table, column), make_view(targets, {targets.size(), 1}, {1, 1})};
}

DataSet classification(const Table& table, std::string_view target) {
  const std::size_t column = table.column(target);
  const Tensor targets = dense(column_of(table, column));
  const double* classes = TensorAccess::data<double>(targets);
  constexpr double kMost = 1 << 24;  // beyond it floats do not tell classes apart
  for (std::int64_t row = 0; row < targets.size(); ++row) {
    const double c = classes[row];
    if (!(c >= 0 && c < kMost) || c != std::floor(c)) {
      fail("data", "row " + std::to_string(row + 1) + " has the class " + shortest(c) +
                       " in the column " + in_quotes(target) + ": classes are 0, 1, 2, …");
    }
  }
  return {columns_without(table, column), targets};
}

}  // namespace chainrule::nn
