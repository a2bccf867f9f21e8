// One Function on rows, read in every way that a Kernel has: held against the Function itself.
#pragma once

#include <random>
#include <string>

#include "tests/emit/kernels.hpp"

namespace chainrule::test {

/// A Function, and rows for it.
struct Subject {
  Function f;
  std::vector<double> in;  ///< row after row
  std::size_t rows = 0;
  bool first_is_shared = false;  ///< all rows have the same first argument

  std::span<const double> row(std::size_t r) const {
    return std::span(in).subspan(r * f.inputs(), f.inputs());
  }
};

/// How a kernel is made and run. What is not said here (kinds of Sources and Sinks, whether tables
/// are of floats, whether it runs a second time in another way) comes of `seed`.
struct Reading {
  Backend backend = Backend::interpret;
  Arithmetic arithmetic = Arithmetic::strict;
  unsigned row_vectors = 1;
  CompileOptions::Summation summation = CompileOptions::Summation::plain;
  enum class Way : unsigned char { points, map, sum, general } way = Way::map;
  unsigned seed = 0;
  unsigned threads = 1;
  Precision lanes = Precision::f64;
};
std::string to_string(const Reading& reading);

/// Empty, or the first difference: strict arithmetic gives the Function's bits, or in lanes of
/// floats those of tests/support/in_floats.hpp (a sum what its rounding allows), relaxed arithmetic
/// what tests/support/radius.hpp promises. A row at which the Function throws BranchChanged is not
/// run; if there is one, the kernel has to throw as well.
std::string difference(const Subject& subject, const Reading& reading);

/// The Function split into two stages before an argument, bit for bit: empty, or the first
/// difference.
std::string difference_of_split(const Subject& subject, std::size_t argument);

/// The Function replayed row by row and 64 rows at a time: empty, or the first difference.
std::string difference_of_replays(const Subject& subject);

}  // namespace chainrule::test
