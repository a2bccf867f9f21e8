// diff: the derivative of a program, as a program.
//
//   diff(parse("3*x**2 - 4*x + 5"), {.wrt = {0}})            6*x - 4
//   diff(parse("x*log(x)"), {.wrt = {0}})                    log(x) + 1
//                                                            # where x > 0
//
// The program is recorded, differentiated by the library's own sweeps with all its choices kept,
// and brought into a normal form (terms_internal.hpp). What is printed is equal to what `grad`
// computes wherever the conditions that it states hold; it differs by rounding, and where something
// on the way overflows. Linear in the program; nothing recurses.
#pragma once

#include <string>
#include <vector>

#include "chainrule/expr/program.hpp"

namespace chainrule::expr {

/// What the derivative is written in: the language of the tool, LaTeX, or a C++ function.
enum class Notation : std::uint8_t { program, latex, cxx };
/// Whether comments name the rule for each operation, and what was simplified.
enum class Steps : std::uint8_t { hidden, shown };

struct Differentiation {
  std::vector<std::size_t> wrt;  ///< places among the program's names
  int order = 1;                 ///< beyond 2 by one name only
  Notation notation = Notation::program;
  Steps steps = Steps::hidden;
};

inline constexpr int kHighestOrder = 12;

/// By one name: a program whose result is the derivative of that order. By several: an assignment
/// for each, d_NAME, or, of order 2, d2_NAME_NAME for each pair of names, each pair once; the last
/// is the result. A name that the program has already gets a '_' at its end. Throws Error for no
/// names, an order that is none, and a derivative of more than 2 million operations.
std::string diff(const Program& program, const Differentiation& what);

}  // namespace chainrule::expr
