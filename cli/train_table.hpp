// A table of examples: the columns that are read, and the one that is to be predicted.
#pragma once

#include <string>
#include <vector>

#include "chainrule/nn/data.hpp"

namespace chainrule::cli {

/// What is predicted: one of a few classes, or a number.
enum class Task { classify, regress };
/// "classify" or "regress". Throws Error for others.
Task task_called(const std::string& name);
const char* name_of(Task task);

struct Examples {
  std::vector<std::string> inputs;
  std::string target;
  Task task;
  std::string reason;                ///< why this task; empty if it was asked for
  std::vector<std::string> classes;  ///< in order: of numbers, or of the alphabet
  nn::DataSet rows;  ///< (rows, inputs); places among the classes (rows,), or numbers (rows, 1)
};

struct ExamplesWanted {
  std::string target;
  std::vector<std::string> inputs;   ///< none: all columns but the target
  std::string task;                  ///< empty: by what the target's cells are
  std::vector<std::string> classes;  ///< those that are known already; none: those that are found
};

/// Reads a table. If no task is asked for, texts and few whole numbers are classes. Throws Error
/// that names file, row and column for cells that cannot be used.
Examples read_examples(const std::string& path, const ExamplesWanted& wanted);

/// The places of these columns among those of a table. Throws one Error that names all that are
/// missing, and lists what there is.
std::vector<std::size_t> places_of_columns(const nn::CsvReader& rows,
                                           std::span<const std::string> columns);

/// A cell as the number that a net reads. Throws Error for what is none, nan and infinite.
double finite_number(const nn::CsvReader& rows, std::size_t column, std::size_t row);

/// What a class is called: numbers that are equal are one class however they are written.
std::string class_name(const std::string& cell);

}  // namespace chainrule::cli
