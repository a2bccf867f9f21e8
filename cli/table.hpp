// A program on every row of a table: columns bind to names, and results become new columns.
#pragma once

#include "cli/kernels.hpp"

namespace chainrule::cli {

struct TableJob {
  std::string data;    ///< path of the rows; "-" is the standard input
  std::string out;     ///< path of the result; "-" is the standard output
  Wanted wanted = {};  ///< adds d_NAME for each slope, d2_A_B for each curvature
  unsigned threads = 1;
  std::string backend = {};  ///< a word of backend_called(); empty: the best for the table
  Arithmetic arithmetic = Arithmetic::strict;
};

/// Writes the input's columns, `value`, and the derivatives asked for. Streams, in constant memory.
/// In strict arithmetic every backend gives the same digits. A progress line goes to a terminal.
void run_table(const ProgramInput& input, const TableJob& job);

}  // namespace chainrule::cli
