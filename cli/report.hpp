// How results are laid out on the terminal and as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace chainrule::cli {

/// Rows of cells as aligned columns: the first to the left, the others to the right, except a last
/// one whose heading is empty.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

/// {"a": 1, "b": 2}: members are given as JSON already; names need no escapes.
std::string json_object(const std::vector<std::pair<std::string, std::string>>& members);

}  // namespace chainrule::cli
