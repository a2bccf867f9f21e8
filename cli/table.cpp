#include "cli/table.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <unordered_map>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/expr/record.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tape/tape.hpp"
#include "cli/csv.hpp"
#include "cli/number.hpp"

namespace chainrule::cli {
namespace {

using expr::in_quotes;

// ---- progress ---------------------------------------------------------------------------------

// A line on the standard error, when that is a terminal, ten times a second.
class Progress {
 public:
  explicit Progress(const CsvReader& rows) : rows_(rows), shown_(isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (drawn_) std::fputs("\r\033[K", stderr);
  }

  void step() {
    ++count_;
    if (!shown_ || count_ % 256 != 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    draw();
  }

 private:
  void draw() {
    drawn_ = true;
    if (rows_.size() == 0) {
      std::fprintf(stderr, "\r%llu rows\033[K", count_);
      return;
    }
    constexpr int kWidth = 40;
    const double part =
        std::min(1.0, static_cast<double>(rows_.bytes_read()) / static_cast<double>(rows_.size()));
    const int filled = static_cast<int>(part * kWidth);
    char bar[kWidth + 1] = {};
    for (int i = 0; i < kWidth; ++i) bar[i] = i < filled ? '#' : '.';
    std::fprintf(stderr, "\r[%s] %3d%%  %llu rows\033[K", bar, static_cast<int>(part * 100),
                 count_);
  }

  const CsvReader& rows_;
  bool shown_;
  bool drawn_ = false;
  unsigned long long count_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// ---- where each name's value comes from ---------------------------------------------------------

constexpr std::size_t kFixed = static_cast<std::size_t>(-1);

struct Sources {
  std::vector<std::size_t> column;  ///< of each name, or kFixed
  std::vector<double> value;        ///< of each name, in the row in hand
};

Sources bind(const ProgramInput& input, const CsvReader& rows) {
  const auto names = input.program().names();
  const auto columns = rows.columns();
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < columns.size(); ++i) places.emplace(columns[i], i);
  const auto column_of = [&](const std::string& name) {
    const auto found = places.find(name);
    return found == places.end() ? kFixed : found->second;
  };
  for (const std::string& constant : input.program().named_constants()) {
    if (column_of(constant) == kFixed) continue;
    fail("values", in_quotes(constant) + " is a column of " + rows.shown_path() +
                       " and a constant that the program uses: give the column another name");
  }
  Sources sources;
  bool any_column = names.empty();
  for (const std::string& name : names) {
    const std::size_t column = column_of(name);
    const double* given = input.value_of(name);
    if (given != nullptr && column != kFixed) {
      fail("values", in_quotes(name) + " is a column of " + rows.shown_path() +
                         " and is given a value as well");
    }
    any_column = any_column || column != kFixed;
    sources.column.push_back(column);
    sources.value.push_back(given == nullptr ? 0.0 : *given);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (sources.column[i] != kFixed || input.value_of(names[i]) != nullptr) continue;
    fail("values", "no value for " + in_quotes(names[i]) + ": it is no column of " +
                       rows.shown_path() + " (which has " + listed(columns) + "), and no " +
                       names[i].substr(0, 60) + "=NUMBER is given");
  }
  if (!any_column) {
    fail("values", "no column of " + rows.shown_path() +
                       " is a name of the program; its columns are " + listed(columns));
  }
  return sources;
}

void read_values(Sources& sources, const CsvReader& rows) {
  for (std::size_t i = 0; i < sources.column.size(); ++i) {
    if (sources.column[i] != kFixed) sources.value[i] = rows.number(sources.column[i]);
  }
}

// ---- the new columns ----------------------------------------------------------------------------

std::vector<std::string> new_columns(const ProgramInput& input, const TableJob& job) {
  const auto names = input.program().names();
  std::vector<std::string> columns = {"value"};
  if (job.slopes) {
    for (const std::size_t i : job.wrt) columns.push_back("d_" + names[i]);
  }
  if (job.curvatures) {
    for (std::size_t i = 0; i < job.wrt.size(); ++i) {
      for (std::size_t j = i; j < job.wrt.size(); ++j) {
        columns.push_back("d2_" + names[job.wrt[i]] + "_" + names[job.wrt[j]]);
      }
    }
  }
  return columns;
}

std::string header_line(const CsvReader& rows, const std::vector<std::string>& added) {
  std::vector<std::string> all(rows.columns().begin(), rows.columns().end());
  all.insert(all.end(), added.begin(), added.end());
  std::ranges::sort(all);
  if (const auto twice = std::ranges::adjacent_find(all); twice != all.end()) {
    fail("table", "the result would have two columns called " + in_quotes(*twice));
  }
  std::string line(rows.header());
  for (const std::string& column : added) line += ',' + column;
  return line + '\n';
}

// One row's results, appended to the output's line.
class RowOfResults {
 public:
  RowOfResults(const ProgramInput& input, const TableJob& job)
      : job_(job),
        evaluator_(input.program()),
        recording_(input.program(), expr::Labels::dropped),
        frame_(Tape::active().frame()),
        inputs_(input.program().names().size()),
        wrt_(job.wrt.size()),
        slopes_(job.wrt.size()) {}

  void append(std::string& line, const Sources& sources) {
    if (!job_.slopes) return put(line, evaluator_(sources.value));
    frame_.rewind();
    std::ranges::copy(sources.value, inputs_.begin());
    for (std::size_t i = 0; i < wrt_.size(); ++i) {
      wrt_[i] = variable(sources.value[job_.wrt[i]]);
      inputs_[job_.wrt[i]] = wrt_[i];
    }
    const Scalar y = recording_(inputs_);
    put(line, y.value());
    std::ranges::fill(slopes_, 0.0);
    if (!y.is_number()) gradient(y, wrt_, slopes_);
    for (const double slope : slopes_) put(line, slope);
    if (job_.curvatures) append_curvatures(line, y);
  }

 private:
  static void put(std::string& line, double number) {
    line += ',';
    append_number(line, number);
  }

  void append_curvatures(std::string& line, const Scalar& y) {
    const std::size_t n = wrt_.size();
    const std::vector<double> h = y.is_number() ? std::vector<double>(n * n) : hessian(y, wrt_);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i; j < n; ++j) put(line, h[i * n + j]);
    }
  }

  const TableJob& job_;
  expr::Evaluator evaluator_;
  expr::Recording recording_;
  Frame frame_;
  std::vector<Scalar> inputs_;
  std::vector<Scalar> wrt_;
  std::vector<double> slopes_;
};

}  // namespace

void run_table(const ProgramInput& input, const TableJob& job) {
  if (job.data == "-" && input.from_standard_input()) {
    fail("table", "the program and the rows cannot both come from the standard input");
  }
  CsvReader rows(job.data);
  Sources sources = bind(input, rows);
  const std::string header = header_line(rows, new_columns(input, job));
  WholeFile out(job.out);
  out.write(header);
  RowOfResults results(input, job);
  Progress progress(rows);
  for (std::string line; rows.next(); progress.step()) {
    read_values(sources, rows);
    line.assign(rows.row());
    results.append(line, sources);
    line += '\n';
    out.write(line);
  }
  out.commit();
}

}  // namespace chainrule::cli
