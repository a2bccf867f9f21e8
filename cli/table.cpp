#include "cli/table.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <unordered_map>

#include "chainrule/base/parallel.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/nn/csv.hpp"
#include "cli/number.hpp"

namespace chainrule::cli {
namespace {

using expr::in_quotes;

// work(part, first, last) of rows 0 … rows − 1, divided evenly into as many parts as threads.
template <class Work>
void in_parts(std::size_t rows, unsigned threads, const Work& work) {
  in_parallel(threads, [&](std::size_t part) {
    work(part, rows * part / threads, rows * (part + 1) / threads);
  });
}

// ---- progress ---------------------------------------------------------------------------------

// A line on the standard error, when that is a terminal, ten times a second.
class Progress {
 public:
  explicit Progress(const nn::CsvReader& rows) : rows_(rows), shown_(isatty(STDERR_FILENO) == 1) {}
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

  const nn::CsvReader& rows_;
  bool shown_;
  bool drawn_ = false;
  unsigned long long count_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// ---- where each name's value comes from ---------------------------------------------------------

constexpr std::size_t kFixed = static_cast<std::size_t>(-1);

struct Sources {
  std::vector<std::size_t> column;  ///< of each name, or kFixed
  std::vector<double> value;        ///< of each name that is fixed
};

Sources bind(const ProgramInput& input, const nn::CsvReader& rows) {
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

// Rows that are computed together: their text, and the values of the names.
class Chunk {
 public:
  /// `results`: how many numbers a row of results has.
  Chunk(const Sources& sources, std::size_t results)
      : sources_(sources),
        most_rows_(std::clamp<std::size_t>(kNumbers / (sources.column.size() + results), 8, 4096)),
        values_(sources.column.size() * most_rows_) {}

  /// Takes rows until it is full or there are no more.
  void fill(nn::CsvReader& rows, Progress& progress) {
    text_.clear();
    ends_.clear();
    is_last_ = false;
    while (ends_.size() < most_rows_ && text_.size() < kBytes) {
      if (!rows.next()) {
        is_last_ = true;
        return;
      }
      const std::size_t row = ends_.size();
      for (std::size_t i = 0; i < sources_.column.size(); ++i) {
        if (sources_.column[i] != kFixed) column(i)[row] = rows.number(sources_.column[i]);
      }
      text_ += rows.row();
      ends_.push_back(text_.size());
      progress.step();
    }
  }

  std::size_t rows() const { return ends_.size(); }
  bool is_last() const { return is_last_; }
  std::string_view text(std::size_t row) const {
    const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
    return std::string_view(text_).substr(begin, ends_[row] - begin);
  }
  void values(std::size_t row, std::span<double> to) const {
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = sources_.column[i] == kFixed ? sources_.value[i] : values_[i * most_rows_ + row];
    }
  }
  /// Of a name, as a Kernel reads it.
  Source source(std::size_t i) const {
    if (sources_.column[i] == kFixed) return Source::shared(std::span(&sources_.value[i], 1));
    return Source::rows(std::span(values_).subspan(i * most_rows_, most_rows_), 1);
  }

 private:
  static constexpr std::size_t kNumbers = std::size_t{1} << 20;
  static constexpr std::size_t kBytes = std::size_t{1} << 20;

  double* column(std::size_t i) { return values_.data() + i * most_rows_; }

  const Sources& sources_;
  std::size_t most_rows_;
  std::string text_;
  std::vector<std::size_t> ends_;
  std::vector<double> values_;  ///< a column after another
  bool is_last_ = false;
};

// ---- the new columns ----------------------------------------------------------------------------

std::vector<std::string> new_columns(const ProgramInput& input, const Wanted& wanted) {
  const auto names = input.program().names();
  std::vector<std::string> columns = {"value"};
  if (wanted.slopes) {
    for (const std::size_t i : wanted.wrt) columns.push_back("d_" + names[i]);
  }
  if (wanted.curvatures) {
    for (std::size_t i = 0; i < wanted.wrt.size(); ++i) {
      for (std::size_t j = i; j < wanted.wrt.size(); ++j) {
        columns.push_back("d2_" + names[wanted.wrt[i]] + "_" + names[wanted.wrt[j]]);
      }
    }
  }
  return columns;
}

std::string header_line(const nn::CsvReader& rows, const std::vector<std::string>& added) {
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

// The wanted numbers of a chunk, row after row.
class Results {
 public:
  Results(const ProgramInput& input, const TableJob& job, const Chunk& first)
      : program_(input.program()), job_(job) {
    // Compiling a program takes as long as some hundred rows of it on the tape.
    constexpr std::size_t kFewRows = 128;
    const bool by_choice = job.backend.empty();
    const bool is_small = first.is_last() && first.rows() < kFewRows;
    const bool is_eager = !job.wanted.slopes || program_.names().empty();
    if (is_eager || (by_choice && is_small)) return;
    const auto backend = by_choice ? std::optional(Backend::best) : backend_called(job.backend);
    if (!backend || first.rows() == 0) return;
    std::vector<double> example(program_.names().size());
    first.values(0, example);
    kernel_ = compile(to_function(program_, job.wanted, example),
                      {.backend = *backend, .arithmetic = job.arithmetic});
  }

  std::span<const double> of(const Chunk& chunk) {
    numbers_.resize(chunk.rows() * width());
    if (kernel_) {
      std::vector<Source> sources;
      for (std::size_t i = 0; i < program_.names().size(); ++i) sources.push_back(chunk.source(i));
      const Sink sink = Sink::rows(numbers_, width());
      kernel_->run(sources, std::span(&sink, 1), chunk.rows(), job_.threads);
      // A zero that a sweep brings to an input is +0.
      for (std::size_t row = 0; row < chunk.rows(); ++row) {
        for (double& slope : std::span(numbers_).subspan(row * width() + 1, width() - 1)) {
          slope += 0.0;
        }
      }
    } else {
      in_parts(chunk.rows(), job_.threads, [&](std::size_t, std::size_t first, std::size_t last) {
        EagerRows rows(program_, job_.wanted);
        std::vector<double> values(program_.names().size());
        for (std::size_t row = first; row < last; ++row) {
          chunk.values(row, values);
          rows(values, std::span(numbers_).subspan(row * width(), width()));
        }
      });
    }
    return numbers_;
  }

  std::size_t width() const { return job_.wanted.numbers(); }

 private:
  const expr::Program& program_;
  const TableJob& job_;
  std::optional<Kernel> kernel_;
  std::vector<double> numbers_;
};

void write(WholeFile& out, const Chunk& chunk, std::span<const double> numbers, std::size_t width,
           unsigned threads) {
  std::vector<std::string> lines(threads);
  in_parts(chunk.rows(), threads, [&](std::size_t part, std::size_t first, std::size_t last) {
    std::string& text = lines[part];
    for (std::size_t row = first; row < last; ++row) {
      text += chunk.text(row);
      for (const double number : numbers.subspan(row * width, width)) {
        text += ',';
        append_number(text, number);
      }
      text += '\n';
    }
  });
  for (const std::string& text : lines) out.write(text);
}

}  // namespace

void run_table(const ProgramInput& input, const TableJob& job) {
  if (job.data == "-" && input.from_standard_input()) {
    fail("table", "the program and the rows cannot both come from the standard input");
  }
  nn::CsvReader rows(job.data);
  const Sources sources = bind(input, rows);
  const std::string header = header_line(rows, new_columns(input, job.wanted));
  WholeFile out(job.out);
  out.write(header);
  Progress progress(rows);
  Chunk chunk(sources, job.wanted.numbers());
  chunk.fill(rows, progress);
  Results results(input, job, chunk);
  for (;; chunk.fill(rows, progress)) {
    write(out, chunk, results.of(chunk), results.width(), job.threads);
    if (chunk.is_last()) break;
  }
  out.commit();
}

}  // namespace chainrule::cli
