#include "cli/recorded.hpp"

#include <algorithm>

#include "chainrule/expr/error.hpp"
#include "cli/number.hpp"
#include "cli/report.hpp"

namespace chainrule::cli {

Recorded::Recorded(const ProgramInput& input)
    : program_(input.program()), frame_(Tape::active().frame()), recording_(program_) {
  const std::vector<double> values = input.values();
  for (std::size_t k = 0; k < values.size(); ++k) {
    nodes_.push_back(variable(values[k], program_.names()[k]));
  }
  result_ = recording_(nodes_);
}

std::vector<Named> Recorded::inputs(const std::string* list, const char* option) const {
  std::vector<Named> found;
  for (const std::size_t k : places_of(program_, list, option)) {
    found.push_back({program_.names()[k], nodes_[k]});
  }
  return found;
}

std::vector<Named> Recorded::outputs(const std::string* list) const {
  std::vector<Named> found;
  const auto assigned = program_.assignments();
  if (list == nullptr) {
    for (const auto& one : assigned) found.push_back({one.name, recording_[one.slot]});
    if (found.empty()) found.push_back({"value", result_});
    return found;
  }
  for (std::size_t from = 0; from <= list->size();) {
    const std::size_t comma = std::min(list->find(',', from), list->size());
    const std::string name = list->substr(from, comma - from);
    const auto at = std::ranges::find(assigned, name, &expr::Assignment::name);
    if (at == assigned.end()) {
      fail("--of", "the program assigns no " + expr::in_quotes(name));
    }
    if (std::ranges::find(found, name, &Named::name) != found.end()) {
      fail("--of", expr::in_quotes(name) + " is named twice");
    }
    found.push_back({name, recording_[at->slot]});
    from = comma + 1;
  }
  return found;
}

std::vector<Scalar> nodes_of(const std::vector<Named>& all) {
  std::vector<Scalar> nodes;
  for (const Named& one : all) nodes.push_back(one.node);
  return nodes;
}

std::string matrix_as_text(std::string_view title, const std::vector<Named>& rows,
                           const std::vector<Named>& columns, std::span<const double> entries) {
  std::vector<std::vector<std::string>> cells = {{std::string(title)}};
  for (const Named& column : columns) cells[0].push_back(column.name);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    cells.push_back({rows[i].name});
    for (std::size_t j = 0; j < columns.size(); ++j) {
      cells.back().push_back(shortest(entries[i * columns.size() + j]));
    }
  }
  return aligned(cells);
}

std::string matrix_as_json(const std::vector<Named>& rows, const std::vector<Named>& columns,
                           std::span<const double> entries) {
  std::vector<std::pair<std::string, std::string>> members;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::pair<std::string, std::string>> row;
    for (std::size_t j = 0; j < columns.size(); ++j) {
      row.emplace_back(columns[j].name, json_number(entries[i * columns.size() + j]));
    }
    members.emplace_back(rows[i].name, json_object(row));
  }
  return json_object(members);
}

}  // namespace chainrule::cli
