#include "cli/train_table.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"
#include "cli/input.hpp"
#include "cli/number.hpp"

namespace chainrule::cli {
namespace {

constexpr std::size_t kMostClasses = 1000;
constexpr std::size_t kFewClasses = 10;  // whole numbers that are taken for classes

// The cells of the target's column: each as a place among the different texts, as long as these are
// few, and as a number, as long as all are.
class Targets {
 public:
  void add(const std::string& cell, const std::optional<double>& number) {
    if (places_.size() <= kMostClasses) {
      const auto [found, is_new] = places_.try_emplace(class_name(cell), places_.size());
      if (is_new) texts_.push_back(found->first);
      cells_.push_back(found->second);
    }
    if (!number && first_text_row_ == 0) {
      first_text_row_ = rows_ + 1;
      first_text_ = cell;
    }
    numbers_.push_back(number.value_or(0.0));
    are_whole_ = are_whole_ && number && *number == std::floor(*number);
    ++rows_;
  }

  std::size_t rows() const { return rows_; }
  bool are_numbers() const { return first_text_row_ == 0; }
  bool are_whole() const { return are_whole_; }
  bool are_few() const { return places_.size() <= kMostClasses; }
  std::size_t different() const { return places_.size(); }
  const std::vector<std::string>& texts() const { return texts_; }
  const std::vector<std::size_t>& cells() const { return cells_; }
  const std::vector<double>& numbers() const { return numbers_; }
  std::size_t first_text_row() const { return first_text_row_; }
  const std::string& first_text() const { return first_text_; }

 private:
  std::unordered_map<std::string, std::size_t> places_;
  std::vector<std::string> texts_;
  std::vector<std::size_t> cells_;
  std::vector<double> numbers_;
  std::size_t rows_ = 0;
  bool are_whole_ = true;
  std::size_t first_text_row_ = 0;  ///< counted from 1; 0: there is none
  std::string first_text_;
};

std::string at_row(const nn::CsvReader& rows, std::size_t row, const std::string& column) {
  return rows.shown_path() + ": row " + std::to_string(row) + ", column " + in_quotes(column) +
         ": ";
}

Task guessed(const Targets& targets, std::string& reason) {
  const std::string count = std::to_string(targets.different());
  if (!targets.are_numbers()) {
    reason = targets.first_text_row() == 1
                 ? "its cells are texts"
                 : in_quotes(targets.first_text()) + " in row " +
                       std::to_string(targets.first_text_row()) + " is no number";
    return Task::classify;
  }
  if (targets.are_whole() && targets.different() <= kFewClasses &&
      2 * targets.different() <= targets.rows()) {
    reason = "its cells are whole numbers, " + count + " different ones";
    return Task::classify;
  }
  reason = targets.are_whole() ? "its cells are numbers, and many different ones"
                               : "its cells are numbers, not all of them whole";
  return Task::regress;
}

// Numbers by size, then texts by their bytes.
void sort_classes(std::vector<std::string>& classes) {
  std::ranges::sort(classes, [](const std::string& a, const std::string& b) {
    const std::optional<double> x = read_number(a), y = read_number(b);
    if (x && y) return *x < *y;
    return x.has_value() != y.has_value() ? x.has_value() : a < b;
  });
}

Tensor class_column(const nn::CsvReader& rows, const Targets& targets, Examples& examples) {
  const std::string column = rows.shown_path() + ": the column " + in_quotes(examples.target);
  if (!targets.are_few()) {
    fail("train", column + " has more than " + std::to_string(kMostClasses) +
                      " different cells: these are no classes" +
                      (targets.are_numbers() ? " (--task regress takes them as numbers)" : ""));
  }
  if (examples.classes.empty()) {
    examples.classes = targets.texts();
    sort_classes(examples.classes);
  }
  if (examples.classes.size() < 2) {
    fail("train", column + " holds one class only, " + in_quotes(examples.classes[0]));
  }
  std::vector<double> place_of;  // of each text that occurs
  for (const std::string& text : targets.texts()) {
    const auto found = std::ranges::find(examples.classes, text);
    if (found == examples.classes.end()) {
      fail("train", column + " holds " + in_quotes(text) + ", which is none of the classes " +
                        listed(examples.classes));
    }
    place_of.push_back(static_cast<double>(found - examples.classes.begin()));
  }
  std::vector<double> places;
  places.reserve(targets.rows());
  for (const std::size_t cell : targets.cells()) places.push_back(place_of[cell]);
  return tensor(places);
}

Tensor number_column(const nn::CsvReader& rows, const Targets& targets, const Examples& examples) {
  if (!targets.are_numbers()) {
    fail("train", at_row(rows, targets.first_text_row(), examples.target) +
                      refusal(targets.first_text()) + ", as --task regress needs");
  }
  return tensor(targets.numbers(), {static_cast<std::int64_t>(targets.rows()), 1});
}

}  // namespace

Task task_called(const std::string& name) {
  for (const Task task : {Task::classify, Task::regress}) {
    if (name == name_of(task)) return task;
  }
  fail("train", "--task is classify or regress, not " + in_quotes(name));
}

const char* name_of(Task task) {
  switch (task) {
    case Task::classify: return "classify";
    case Task::regress: return "regress";
  }
  __builtin_unreachable();
}

std::string class_name(const std::string& cell) {
  const std::optional<double> number = read_number(cell);
  return number ? shortest(*number + 0.0) : cell;
}

std::vector<std::size_t> places_of_columns(const nn::CsvReader& rows,
                                           std::span<const std::string> columns) {
  std::unordered_map<std::string_view, std::size_t> all;
  for (std::size_t k = 0; k < rows.columns().size(); ++k) all.emplace(rows.columns()[k], k);
  std::vector<std::size_t> places;
  std::vector<std::string> missing;
  for (const std::string& column : columns) {
    const auto found = all.find(column);
    if (found == all.end()) {
      missing.push_back(column);
    } else {
      places.push_back(found->second);
    }
  }
  if (missing.empty()) return places;
  fail("table", rows.shown_path() + " lacks the column" + (missing.size() == 1 ? " " : "s ") +
                    listed(missing) + "; it has " + listed(rows.columns()));
}

double finite_number(const nn::CsvReader& rows, std::size_t column, std::size_t row) {
  const double number = rows.number(column);
  if (std::isfinite(number)) return number;
  fail("table", at_row(rows, row, rows.columns()[column]) + shortest(number) +
                    " is nothing that a net can read");
}

Examples read_examples(const std::string& path, const ExamplesWanted& wanted) {
  nn::CsvReader rows(path, nn::Header::found);
  Examples examples;
  examples.target = wanted.target;
  examples.classes = wanted.classes;
  const std::size_t target = places_of_columns(rows, {&wanted.target, 1})[0];
  examples.inputs = wanted.inputs;
  if (examples.inputs.empty()) {
    for (const std::string& column : rows.columns()) {
      if (column != wanted.target) examples.inputs.push_back(column);
    }
  }
  const std::vector<std::size_t> inputs = places_of_columns(rows, examples.inputs);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const auto others = std::span(inputs).first(k);
    if (inputs[k] == target || std::ranges::find(others, inputs[k]) != others.end()) {
      fail("train", "--inputs: the column " + in_quotes(examples.inputs[k]) +
                        (inputs[k] == target ? " is the target" : " is named twice"));
    }
  }
  if (inputs.empty()) fail("train", rows.shown_path() + " has no column besides the target");

  std::vector<double> numbers;
  Targets targets;
  for (std::size_t row = 1; rows.next(); ++row) {
    for (const std::size_t column : inputs) numbers.push_back(finite_number(rows, column, row));
    const std::string cell = rows.word(target);
    if (cell.empty()) fail("train", at_row(rows, row, wanted.target) + "the cell is empty");
    const std::optional<double> number = read_number(cell);
    if (number && !std::isfinite(*number)) {
      fail("train", at_row(rows, row, wanted.target) + shortest(*number) + " cannot be learned");
    }
    targets.add(cell, number);
  }
  if (targets.rows() == 0) fail("train", rows.shown_path() + " has no rows to learn from");
  examples.task =
      wanted.task.empty() ? guessed(targets, examples.reason) : task_called(wanted.task);
  examples.rows.inputs = tensor(numbers, {static_cast<std::int64_t>(targets.rows()),
                                          static_cast<std::int64_t>(inputs.size())});
  examples.rows.targets = examples.task == Task::classify ? class_column(rows, targets, examples)
                                                          : number_column(rows, targets, examples);
  return examples;
}

}  // namespace chainrule::cli
