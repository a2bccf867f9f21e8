// Numbers as text.
#pragma once

#include <string>

namespace chainrule {

/// The shortest decimal text that reads back as the same double; nan, inf, -inf.
std::string shortest(double value);

}  // namespace chainrule
