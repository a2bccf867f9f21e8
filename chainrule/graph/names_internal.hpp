// Automatic names: plc/0, var/2, mul/0, solve/1[0].
#pragma once

#include <string_view>

namespace chainrule::detail {

/// Whether a name has the form of the automatic ones of leaves and operations: mul/3.
bool looks_automatic(std::string_view name);

}  // namespace chainrule::detail
