// A program recorded on the tape at the given values, for the verbs that differentiate it.
#pragma once

#include "chainrule/expr/record.hpp"
#include "chainrule/tape/tape.hpp"
#include "cli/input.hpp"

namespace chainrule::cli {

/// A value of the program, and what it is called.
struct Named {
  std::string name;
  Scalar node;
};

class Recorded {
 public:
  /// Records the program, its names being variables. What it records is rewound with this.
  explicit Recorded(const ProgramInput& input);

  const Scalar& result() const { return result_; }
  /// Those of the names that `list` has, or all of them if it is null.
  std::vector<Named> inputs(const std::string* list, const char* option) const;
  /// Those of the assigned names that `list` has, or all, or the result alone where there are none.
  std::vector<Named> outputs(const std::string* list) const;

 private:
  const expr::Program& program_;
  Frame frame_;
  std::vector<Scalar> nodes_;
  expr::Recording recording_;
  Scalar result_;
};

/// The nodes of them all.
std::vector<Scalar> nodes_of(const std::vector<Named>& all);

/// A matrix with names to its rows and columns, as a table or as JSON {"row": {"column": 1}}.
std::string matrix_as_text(std::string_view title, const std::vector<Named>& rows,
                           const std::vector<Named>& columns, std::span<const double> entries);
std::string matrix_as_json(const std::vector<Named>& rows, const std::vector<Named>& columns,
                           std::span<const double> entries);

}  // namespace chainrule::cli
