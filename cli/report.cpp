#include "cli/report.hpp"

#include <algorithm>

namespace chainrule::cli {

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  constexpr std::size_t kWidest = 40;
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], std::min(row[i].size(), kWidest));
    }
  }
  const bool has_notes = !rows.empty() && !rows[0].empty() && rows[0].back().empty();
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t pad = widths[i] - std::min(row[i].size(), widths[i]);
      const bool left = i == 0 || (has_notes && i + 1 == rows[0].size());
      if (i > 0) text += "  ";
      if (!left) text.append(pad, ' ');
      text += row[i];
      if (left) text.append(pad, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

std::string json_object(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text = "{";
  for (const auto& [name, value] : members) {
    if (text.size() > 1) text += ", ";
    text += '"' + name + "\": " + value;
  }
  return text + '}';
}

}  // namespace chainrule::cli
