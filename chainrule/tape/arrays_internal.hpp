// Arrays: what stands behind the rows of a tape whose values are arrays.
//
// A row holds one double as its value and one as its adjoint. A row of code `array` stands for an
// array in a table beside the tape: its link is the place there, its value says nothing, and in the
// place of its adjoint stands only whether anything has arrived: the adjoint is an array too, and
// is kept in the table. A row of code `element` is one number of an array. The table is made by the
// floor that knows arrays (chainrule/tensor), and is all that the tape knows of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chainrule/tape/arrival.hpp"

namespace chainrule {

class Arrays {
 public:
  virtual ~Arrays() = default;

  /// Forgets the arrays of `row` and what comes after it.
  virtual void rewind_to(std::uint32_t row) noexcept = 0;
  /// What messages and pictures call the operation at `row`, "variable" or "constant" for a leaf.
  virtual std::string_view name(std::uint32_t row) const = 0;
  /// Its number, if it is a single one, or its type; and where it has a NaN, as far as is known.
  virtual std::string value_text(std::uint32_t row) const = 0;
  /// Whether there is a NaN among the numbers that are kept: all of them while lines are kept.
  virtual bool has_nan(std::uint32_t row) const = 0;
  /// The rows of its operands that are recorded.
  virtual std::span<const std::uint32_t> links(std::uint32_t row) const = 0;

  /// The step of a reverse sweep: what has arrived at the array of `row` is pushed into its
  /// operands: into arrays here, into numbers in `adjoints`, where all that is reached is told.
  /// Gives the lowest row that was pushed into, or `low`. `keeps`: it is added to the array's grad.
  enum class Keep : std::uint8_t { nothing, grad };
  virtual std::uint32_t pull_back(std::uint32_t row, double* adjoints, std::uint32_t low,
                                  Keep keep) = 0;
  /// g arrives at one element.
  virtual void arrive(std::uint32_t row, std::uint32_t element, double g) = 0;
  /// Forgets what has arrived at rows from `from` up to `to`.
  virtual void clear_adjoints(std::uint32_t from, std::uint32_t to) noexcept = 0;
  virtual void clear_grads() noexcept = 0;

  /// The recorded sweep of cones in which there are arrays: what arrives at the xs, by operations
  /// that are recorded. Nodes may be arrays, as handles.
  virtual std::vector<Scalar> recorded_adjoints(std::span<const Scalar> ys,
                                                std::span<const Scalar> seeds,
                                                std::span<const Scalar> xs) = 0;
};

}  // namespace chainrule
