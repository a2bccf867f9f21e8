// A Trace as a Formula, with what is checked, what is given and the loops that are run: the form in
// which C is written.
#pragma once

#include <string>
#include <vector>

#include "chainrule/op/c_text.hpp"
#include "chainrule/optimise/optimise.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule::detail {

/// A guard: this step must have this value.
struct CCheck {
  StepId step;
  double expected;
  std::string place;         ///< "main.cpp:12"; empty if unknown
  std::uint32_t number = 0;  ///< from 1: those of loops come after those of what is around them
};

struct CLoop;

struct CProgram {
  Formula formula;
  std::uint32_t inputs = 0;  ///< of the formula: what follows them are results of loops
  std::vector<StepId> outputs;
  std::vector<CCheck> checks;       ///< in the order in which they were decided
  std::vector<std::string> labels;  ///< by step; most are empty
  std::vector<CLoop> loops;         ///< in the order in which they are run
};

struct CLoop {
  std::string name;
  Loop::Shape shape;
  Loop::Direction direction;
  std::uint32_t before;          ///< it runs before this step and all after it
  std::uint32_t first_result;    ///< an input of the formula; the others follow
  std::vector<StepId> operands;  ///< as the Loop takes them
  std::vector<bool> reads;       ///< by input of the body
  CProgram body;
};

/// Bodies of loops are optimised in turn. Throws Error for another block that an output or a guard
/// needs.
CProgram to_c_program(const Trace& trace, const OptimiseOptions& passes);

/// Numbers all checks, those of loops too, and gives the place of each.
std::vector<std::string> number_checks(CProgram& program);

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
