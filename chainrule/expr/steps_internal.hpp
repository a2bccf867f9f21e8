// Steps: the rules by which a program is differentiated, in words.
#pragma once

#include "chainrule/expr/program.hpp"
#include "chainrule/expr/terms_internal.hpp"

namespace chainrule::expr {

/// A line for each operation that depends on what is differentiated by, in the program's order:
/// "power rule: d(x**2) = 2 * x**1 dx", from the row's own pullback.
std::vector<std::string> rules_used(const Program& program, std::span<const std::size_t> wrt);

/// "simplified: like terms collected, 2 times".
std::vector<std::string> simplifications(const Terms& terms);

}  // namespace chainrule::expr
