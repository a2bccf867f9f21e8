// Reading a table of comma-separated values, a row at a time, in constant memory.
//
// RFC 4180 with what files in the wild have: CRLF or LF, a byte order mark, a missing last newline,
// blank lines at the end. Cells stay text until asked for a number, so that columns nobody uses may
// hold anything; a row's text can be copied on as it stands. Cost: one scan of each byte, and of
// the row that spans a chunk twice.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chainrule::nn {

/// Whether the first line names the columns. `found`: it does if one of its cells is no number.
enum class Header { required, found, none };

class CsvReader {
 public:
  /// Opens the file ("-" is the standard input) and reads the line of names; columns without one
  /// are called 1, 2, … Throws Error for a file that cannot be read, is empty, or has a column
  /// with an empty name or with another's.
  explicit CsvReader(const std::string& path, Header header = Header::required);
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  std::span<const std::string> columns() const { return columns_; }
  std::string_view header() const { return header_; }
  const std::string& shown_path() const { return shown_path_; }

  /// Reads the next row; false at the end. Throws Error for a row with more or fewer cells than
  /// columns and for an unclosed quotation mark.
  bool next();

  /// The row as it stands in the file, without its end of line. Valid until next().
  std::string_view row() const { return text(row_begin_, row_end_); }
  /// A cell as a number. Throws Error naming file, line and column.
  double number(std::size_t column) const;
  /// A cell as text: without its quotation marks, or without blanks around it.
  std::string word(std::size_t column) const { return unquoted(cells_[column]); }

  std::uint64_t bytes_read() const { return bytes_before_ + begin_; }
  /// Of the whole file; 0 where it has no size, as a pipe.
  std::uint64_t size() const { return size_; }

 private:
  struct Cell {
    std::size_t begin, end;
  };

  bool scan_row();
  bool refill();
  void read_header(Header header);
  bool is_all_numbers() const;
  std::optional<double> number_in(const Cell& cell) const;
  std::size_t end_of_quoted(std::size_t at);
  std::string unquoted(const Cell& cell) const;
  std::string_view text(std::size_t begin, std::size_t end) const {
    return {buffer_.data() + begin, end - begin};
  }
  [[noreturn]] void fail_line(std::uint64_t line, const std::string& facts) const;

  std::string shown_path_;
  int file_ = -1;
  std::uint64_t size_ = 0;

  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< of what is not yet scanned
  std::size_t end_ = 0;
  bool at_end_ = false;
  std::uint64_t bytes_before_ = 0;

  bool is_row_in_hand_ = false;  ///< the first line was no header, and is yet to be given
  std::string header_;
  std::vector<std::string> columns_;
  std::vector<Cell> cells_;
  std::size_t row_begin_ = 0, row_end_ = 0;
  std::uint64_t row_line_ = 0;   ///< of the row in hand
  std::uint64_t next_line_ = 1;  ///< of begin_
  std::uint64_t lines_in_row_ = 0;
};

}  // namespace chainrule::nn
