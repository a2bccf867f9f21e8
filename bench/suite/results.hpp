// What a run of the suite found: the machine, and a row for each case with a column for each
// contestant. It is kept as JSON, from which the table, the plots and the page are made.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/suite/suite.hpp"

namespace bench::suite {

struct Column {
  std::string name;
  double least = 0, median = 0;  ///< seconds a run
  int runs = 0;                  ///< 0: left out
  double error = 0;              ///< relative, against the hand-written derivative
  std::string left_out;          ///< why it did not run
  Notes notes;

  double note(const std::string& note_name) const;  ///< NaN if there is none
};

struct Row {
  std::string family, label;
  double abscissa = 0;
  Index inputs = 0, derivatives = 0;
  double error_of_manual = 0;  ///< against central differences
  std::string failure;         ///< why there are no figures, if there are none
  std::vector<Column> columns;

  /// The column of that name if it ran, else nullptr.
  const Column* ran(const std::string& column_name) const;
};

struct Machine {
  std::string processor, vectors, compiler, hand_flags, library_flags, date;
  int cores = 0;
};

struct Results {
  Machine machine;
  std::vector<Row> rows;
};

/// Of this machine, this build and today.
Machine this_machine();

void to_json(nlohmann::json& j, const Column& column);
void from_json(const nlohmann::json& j, Column& column);
void to_json(nlohmann::json& j, const Row& row);
void from_json(const nlohmann::json& j, Row& row);

void write(const Results& results, const std::string& path);
Results read(const std::string& path);

/// One row as text, a line a contestant.
std::string text_of(const Row& row);
std::string text_of(const Machine& machine);
/// 1.23 µs, 45.6 ms, …
std::string time_text(double seconds);

/// Writes a log–log plot of each family, FAMILY.svg, into the folder. False, with a message, if
/// this build cannot plot.
bool plot(const Results& results, const std::string& folder);

/// Puts the suite's section between its markers in a Markdown file, with the plots if a folder of
/// them is named, as the page refers to it.
void write_page(const Results& results, const std::string& path, const std::string& plots);

}  // namespace bench::suite
