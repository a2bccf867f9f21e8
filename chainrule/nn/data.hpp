// Data to learn from: tables of numbers in files, and pairs of inputs and targets.
//
// A DataSet is two tensors whose first axis is the same rows. Its parts (slices, splits, batches)
// are views: they share the memory and cost no copy. Only shuffled() and to() copy.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chainrule/nn/csv.hpp"
#include "chainrule/tensor/core.hpp"
#include "chainrule/tensor/random.hpp"

namespace chainrule::nn {

/// Rows of numbers and what their columns are called.
struct Table {
  std::vector<std::string> columns;
  Tensor numbers;  ///< f64, (rows, columns)

  /// The place of a column. Throws Error that lists those there are.
  std::size_t column(std::string_view name) const;
};

/// A table of comma-separated values; "-" is the standard input. Columns without a header are
/// called 1, 2, … Throws Error that names file, line and column of the first cell that is no
/// number.
Table read_csv(const std::string& path, Header header = Header::found);

/// A file in the format of the MNIST data set: bytes, integers or floating-point numbers of any
/// shape, big-endian. Throws Error.
Tensor load_idx(const std::string& path, Precision element = f64);

class Batches;

struct DataSet {
  Tensor inputs;   ///< (rows, …)
  Tensor targets;  ///< (rows, …)

  /// Throws Error if inputs and targets differ in it.
  std::int64_t rows() const;
  /// Rows begin … end − 1; a view. Throws Error if they are not there.
  DataSet slice(std::int64_t begin, std::int64_t end) const;
  /// The rows in a random order.
  DataSet shuffled(Random& random) const;
  /// The first `fraction` of the rows, to the nearest whole one, and the rest; views. Throws Error
  /// unless it is between 0 and 1.
  std::pair<DataSet, DataSet> split(double fraction) const;
  /// for (const auto& [inputs, targets] : data.batches(32)): views of `size` rows each, the last of
  /// those that are left. Throws Error for size < 1.
  Batches batches(std::int64_t size) const;
  /// In another element type.
  DataSet to(Precision element) const;
};

class Batches {
 public:
  class Iterator {
   public:
    Iterator(const Batches* of, std::int64_t row) : of_(of), row_(row) {}
    DataSet operator*() const;
    Iterator& operator++() {
      row_ += of_->size_;
      return *this;
    }
    /// Of iterators over the same batches.
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.row_ == b.row_; }

   private:
    const Batches* of_;
    std::int64_t row_;
  };

  Batches(DataSet data, std::int64_t size);
  std::int64_t count() const { return count_; }
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, count_ * size_}; }

 private:
  DataSet data_;
  std::int64_t size_;
  std::int64_t rows_;
  std::int64_t count_;
};

/// A number to be predicted from the other columns: targets (rows, 1). Throws Error if there is no
/// such column, or no other.
DataSet regression(const Table& table, std::string_view target);
/// A class to be predicted from the other columns: targets (rows,), whole numbers from 0 on. Throws
/// Error as well for a target that is none.
DataSet classification(const Table& table, std::string_view target);

}  // namespace chainrule::nn
