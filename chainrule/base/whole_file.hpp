// WholeFile: an output file that appears whole or not at all.
//
// Bytes go to a temporary file beside the target, which takes the target's place when everything is
// written and on the disk. Whatever goes wrong before that leaves the target as it was. "-" is the
// standard output; a device or a pipe is written directly.
#pragma once

#include <string>
#include <string_view>

#include "chainrule/base/error.hpp"

namespace chainrule {

/// The reader of a pipe has gone away: nobody is left to tell.
class OutputClosed : public Error {
 public:
  using Error::Error;
};

/// Throws Error if both are names of one file: what is read would be written over. "-" is none.
void refuse_same_file(std::string_view where, const std::string& written, const std::string& read);

class WholeFile {
 public:
  /// Throws Error if the file cannot be made.
  explicit WholeFile(std::string path);
  /// Removes what was not committed.
  ~WholeFile();
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  /// Appends; buffered. Throws Error when the system refuses, OutputClosed for a closed pipe.
  void write(std::string_view bytes) {
    if (buffer_.size() + bytes.size() > kBuffer) flush();
    if (bytes.size() > kBuffer) return write_through(bytes);
    buffer_.append(bytes);
  }
  /// Writes the rest and puts the file in its place. Nothing may be written after it.
  void commit();

  const std::string& path() const noexcept { return path_; }

 private:
  static constexpr std::size_t kBuffer = std::size_t{1} << 18;

  void flush();
  void write_through(std::string_view bytes);
  [[noreturn]] void fail_system(const char* doing) const;

  std::string path_;       ///< as the user gave it
  std::string target_;     ///< where it leads, links followed
  std::string temporary_;  ///< empty when written directly
  std::string buffer_;
  int file_ = -1;
  int registered_ = -1;
};

/// Makes `path` hold `bytes`, whole or not at all.
void write_whole_file(const std::string& path, std::string_view bytes);

/// Removes the temporary files of all WholeFiles that are open. May be called from a signal
/// handler.
void remove_unfinished_files() noexcept;

}  // namespace chainrule
