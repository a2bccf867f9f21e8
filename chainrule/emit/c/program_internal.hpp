// A Trace as a Formula, with what is checked and what is given: the form in which C is written.
#pragma once

#include <string>
#include <vector>

#include "chainrule/graph/trace.hpp"
#include "chainrule/op/c_text.hpp"

namespace chainrule::detail {

/// A guard: this step must have this value.
struct CCheck {
  StepId step;
  double expected;
  std::string place;  ///< "main.cpp:12"; empty if unknown
};

struct CProgram {
  Formula formula;
  std::vector<StepId> outputs;
  std::vector<CCheck> checks;       ///< in the order in which they were decided
  std::vector<std::string> labels;  ///< by step; most are empty
};

/// Throws Error for a block that an output or a guard needs.
CProgram to_c_program(const Trace& trace);

/// An array that outputs go to, one after another: y, then g.
struct CArray {
  std::string name;
  std::size_t count;
};

struct CFunction {
  std::string text;
  bool is_in_parts;
  bool allocates;  ///< and gives -1 where there is no memory
};

/// The function `name`, and before it the parts that it is made of where it is long. A part is
/// declared as a CHAINRULE_PART.
CFunction c_function(const CProgram& program, const std::string& name,
                     std::span<const CArray> arrays, CRows& rows);

/// Letters, digits and signs that a comment may hold, on one line.
std::string in_comment(std::string_view text);

}  // namespace chainrule::detail
