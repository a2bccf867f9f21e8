#include "chainrule/nn/csv.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"
#include "chainrule/nn/number.hpp"

namespace chainrule::nn {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 18;
constexpr std::size_t kLongestRow = std::size_t{1} << 26;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

CsvReader::CsvReader(const std::string& path, Header header)
    : shown_path_(path == "-" ? "the standard input" : path), buffer_(kChunk) {
  file_ = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat facts = {};
  if (file_ < 0 || fstat(file_, &facts) != 0) {
    fail("read", shown_path_ + " cannot be read: " + std::generic_category().message(errno));
  }
  if (S_ISREG(facts.st_mode)) size_ = static_cast<std::uint64_t>(facts.st_size);
  read_header(header);
}

CsvReader::~CsvReader() {
  if (file_ > STDERR_FILENO) close(file_);
}

void CsvReader::fail_line(std::uint64_t line, const std::string& facts) const {
  fail("table", shown_path_ + ": line " + std::to_string(line) + facts);
}

// Moves what is not yet scanned to the front and reads on behind it; false at the end of the file.
bool CsvReader::refill() {
  if (at_end_) return false;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  bytes_before_ += begin_;
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size()) {
    if (buffer_.size() >= kLongestRow) {
      fail_line(next_line_, " begins a row of more than " + std::to_string(kLongestRow) + " bytes");
    }
    buffer_.resize(buffer_.size() * 2);
  }
  ssize_t got = 0;
  do {
    got = read(file_, buffer_.data() + end_, buffer_.size() - end_);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    fail("read", shown_path_ + " cannot be read: " + std::generic_category().message(errno));
  }
  at_end_ = got == 0;
  end_ += static_cast<std::size_t>(got);
  return !at_end_;
}

// The place after the closing quotation mark of the cell that begins at `at`; end_ + 1 if the
// buffer ends first.
std::size_t CsvReader::end_of_quoted(std::size_t at) {
  for (++at; at < end_; ++at) {
    if (buffer_[at] == '\n') ++lines_in_row_;
    if (buffer_[at] != '"') continue;
    if (at + 1 == end_ && !at_end_) return end_ + 1;
    if (at + 1 == end_ || buffer_[at + 1] != '"') return at + 1;
    ++at;
  }
  return end_ + 1;
}

// Finds the cells of the row at begin_; false if the buffer ends before the row does.
bool CsvReader::scan_row() {
  cells_.clear();
  lines_in_row_ = 0;
  row_begin_ = begin_;
  for (std::size_t at = begin_;;) {
    const std::size_t cell = at;
    if (at < end_ && buffer_[at] == '"') {
      at = end_of_quoted(at);
      if (at > end_) {
        if (!at_end_) return false;
        fail_line(next_line_, ", column " + std::to_string(cells_.size() + 1) +
                                  ": the quotation mark is not closed");
      }
    }
    while (at < end_ && buffer_[at] != ',' && buffer_[at] != '\n') ++at;
    if (at == end_ && !at_end_) return false;
    if (at < end_ && buffer_[at] == ',') {
      cells_.push_back({cell, at});
      ++at;
      continue;
    }
    row_end_ = at > row_begin_ && buffer_[at - 1] == '\r' ? at - 1 : at;
    cells_.push_back({cell, std::max(cell, row_end_)});
    begin_ = at == end_ ? at : at + 1;
    row_line_ = next_line_;
    next_line_ += lines_in_row_ + 1;
    return true;
  }
}

bool CsvReader::next() {
  if (std::exchange(is_row_in_hand_, false)) return true;
  for (std::uint64_t blank = 0;;) {
    if (begin_ == end_ && !refill()) return false;
    while (!scan_row()) refill();
    if (row_begin_ == row_end_) {
      if (blank == 0) blank = row_line_;
      continue;
    }
    if (blank != 0) fail_line(blank, " is blank, and rows follow it");
    break;
  }
  if (cells_.size() != columns_.size()) {
    const std::size_t count = cells_.size();
    fail_line(row_line_,
              std::string(", column ") + std::to_string(std::min(count, columns_.size()) + 1) +
                  ": the row has " + std::to_string(count) + (count == 1 ? " cell, " : " cells, ") +
                  (header_.empty() ? "the first " : "the header ") +
                  std::to_string(columns_.size()));
  }
  return true;
}

bool CsvReader::is_all_numbers() const {
  return std::all_of(cells_.begin(), cells_.end(),
                     [&](const Cell& cell) { return number_in(cell).has_value(); });
}

void CsvReader::read_header(Header header) {
  while (end_ < kByteOrderMark.size() && refill()) {
  }
  if (text(0, end_).starts_with(kByteOrderMark)) begin_ = kByteOrderMark.size();
  if (begin_ == end_ && !refill()) {
    fail("table",
         shown_path_ + (header == Header::required ? " is empty: its first line names the columns"
                                                   : " is empty"));
  }
  while (!scan_row()) refill();
  if (header == Header::none || (header == Header::found && is_all_numbers())) {
    is_row_in_hand_ = true;
    for (std::size_t i = 1; i <= cells_.size(); ++i) columns_.push_back(std::to_string(i));
    return;
  }
  header_ = row();
  std::unordered_set<std::string> taken;
  for (const Cell& cell : cells_) {
    columns_.push_back(unquoted(cell));
    const std::string column = ", column " + std::to_string(columns_.size());
    const std::string& name = columns_.back();
    if (name.empty()) fail_line(1, column + " has no name");
    if (!taken.insert(name).second) {
      fail_line(1, column + ": a second column is called " + in_quotes(name));
    }
  }
}

std::string CsvReader::unquoted(const Cell& cell) const {
  std::string_view raw = text(cell.begin, cell.end);
  if (!raw.starts_with('"')) {
    while (!raw.empty() && (raw.front() == ' ' || raw.front() == '\t')) raw.remove_prefix(1);
    while (!raw.empty() && (raw.back() == ' ' || raw.back() == '\t')) raw.remove_suffix(1);
    return std::string(raw);
  }
  std::string plain;
  for (std::size_t i = 1;
       i < raw.size() && (raw[i] != '"' || (i + 1 < raw.size() && raw[i + 1] == '"')); ++i) {
    if (raw[i] == '"') ++i;
    plain += raw[i];
  }
  return plain;
}

std::optional<double> CsvReader::number_in(const Cell& cell) const {
  const std::string_view raw = text(cell.begin, cell.end);
  if (!raw.starts_with('"')) return read_number(raw);
  // Text behind the closing mark makes the cell no number.
  if (raw.size() < 2 || raw.find('"', 1) != raw.size() - 1) return std::nullopt;
  return read_number(raw.substr(1, raw.size() - 2));
}

double CsvReader::number(std::size_t column) const {
  const Cell& cell = cells_[column];
  const std::string_view raw = text(cell.begin, cell.end);
  const std::optional<double> number = number_in(cell);
  if (number) return *number;
  const std::string shown =
      raw.starts_with('"') && raw.ends_with('"') ? unquoted(cell) : std::string(raw);
  fail_line(row_line_, ", column " + std::to_string(column + 1) + " (" +
                           columns_[column].substr(0, 60) +
                           "): " + (shown.empty() ? "the cell is empty" : refusal(shown)));
}

}  // namespace chainrule::nn
