// What a derivative is written on: one function a notation.
#pragma once

#include "chainrule/expr/spell_internal.hpp"

namespace chainrule::expr {

struct Page {
  std::span<const std::string> inputs;
  std::vector<std::string> taken;     ///< names that nothing else may have
  std::vector<std::string> assigned;  ///< names that only the value they were assigned may have
  std::vector<std::string> outputs;   ///< empty: one expression without a name
  std::vector<std::string> steps;     ///< comments
};

std::string as_program(Formulas& formulas, const Page& page);
std::string as_latex(Formulas& formulas, const Page& page);
std::string as_cxx(Formulas& formulas, const Page& page);

}  // namespace chainrule::expr
