// lower: a Trace as Programs, for a given division into numbers that all rows share and numbers of
// each row, and into outputs that are stored row by row and outputs that are summed.
//
// What depends on shared numbers alone is computed once a run, by a Program of its own, and is then
// a shared number itself. Rows of the table become instructions by being read over Wire.
#pragma once

#include "chainrule/emit/program_internal.hpp"
#include "chainrule/graph/trace.hpp"
#include "chainrule/optimise/optimise.hpp"

namespace chainrule::emit {

/// Inputs, or outputs, that stand side by side row after row in a user's table, number after number
/// `step` further: the code reads or writes them there.
struct Columns {
  std::uint32_t first, count;
  std::uint32_t step;
  friend bool operator==(const Columns&, const Columns&) = default;
};

struct Layout {
  std::vector<bool> is_shared;        ///< by input
  std::vector<bool> is_summed;        ///< by output
  std::vector<Columns> sources = {};  ///< of inputs, ascending
  std::vector<Columns> sinks = {};  ///< of outputs, ascending; their tables come after the sources'
  bool stores_last = false;         ///< what is stored is stored when all of a row is computed
  friend bool operator==(const Layout&, const Layout&) = default;
};

/// Where a factor that all rows share is multiplied: in each row, or, in relaxed arithmetic, once
/// after the sum where that gains.
enum class Factors : std::uint8_t { in_rows, after_sums };

/// Sums are kept lane by lane, or as one number each: the first costs less to add to, the other
/// less memory, which decides when there are many.
enum class SumForm : std::uint8_t { by_lane, narrow };

struct Lowered {
  Program uniform;  ///< its output k is the shared number shared_inputs + k
  Program rows;
  std::uint32_t shared_inputs = 0, row_inputs = 0;
  std::vector<std::uint32_t> input_place;   ///< by input: among the shared ones, or a row's
  std::vector<std::uint32_t> output_place;  ///< by output: among the stored, or the summed ones
  /// A guard may be decided after something has been summed already: sums must be taken of stored
  /// outputs instead.
  bool guards_late = false;
  SumForm form = SumForm::by_lane;
};

Lowered lower(const Trace& trace, const Layout& layout, const OptimiseOptions& options,
              SumForm form = SumForm::by_lane);

}  // namespace chainrule::emit
