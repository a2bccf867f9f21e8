// InputFile: a file of known size, read from front to back.
//
// What a file's header claims can be held against left() before memory is taken for it, so that a
// bad file is an error and not an allocation. Bytes go straight to where they are wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace chainrule {

/// Bytes that come one after another, as many as were said to be there.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// The next bytes, exactly so many. Throws Error if they cannot be had.
  virtual void read(void* into, std::size_t bytes) = 0;
  /// Those not yet read.
  virtual std::uint64_t left() const = 0;
};

class InputFile : public ByteSource {
 public:
  /// Throws Error if the file cannot be read, or is none (a folder, a pipe).
  explicit InputFile(std::string path);
  ~InputFile() override;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  void read(void* into, std::size_t bytes) override;
  std::uint64_t left() const override { return left_; }
  const std::string& path() const noexcept { return path_; }

 private:
  [[noreturn]] void refuse(const std::string& reason) const;

  std::string path_;
  std::uint64_t left_ = 0;
  int file_ = -1;
};

}  // namespace chainrule
