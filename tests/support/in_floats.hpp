// What a kernel in lanes of floats means: numbers are rounded to float, and so is the result of
// each operation of the trace, computed in double (fma in float). Evaluated here node by node,
// loops step by step, beside the code that is under test.
#pragma once

#include <span>
#include <vector>

#include "chainrule/graph/function.hpp"

namespace chainrule::test {

struct InFloats {
  std::vector<double> outputs;  ///< floats, each of them
  bool guards_hold = true;
  bool loops_hold = true;  ///< the guards in their bodies
  bool is_answered() const { return guards_hold && loops_hold; }
};
InFloats in_floats(const Trace& trace, std::span<const double> point);

/// The Function in floats; where a guard does not hold, in doubles, rounded. (Of a loop that the
/// outputs do not depend on, in floats, a kernel does not ask the guards: then it need not hold.)
std::vector<double> value_in_floats(const Function& f, std::span<const double> point);

/// Numbers of the inputs, all rounded.
std::vector<double> all_rounded(std::span<const double> numbers);

}  // namespace chainrule::test
