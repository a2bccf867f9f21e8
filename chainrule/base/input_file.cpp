#include "chainrule/base/input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "chainrule/base/error.hpp"

namespace chainrule {

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  file_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would wait for a writer
  struct stat facts = {};
  if (file_ < 0 || fstat(file_, &facts) != 0) refuse(std::generic_category().message(errno));
  if (!S_ISREG(facts.st_mode)) {
    close(std::exchange(file_, -1));
    refuse(S_ISDIR(facts.st_mode) ? "it is a folder" : "it is no regular file");
  }
  left_ = static_cast<std::uint64_t>(facts.st_size);
}

InputFile::~InputFile() {
  if (file_ >= 0) close(file_);
}

void InputFile::refuse(const std::string& reason) const {
  fail("read", path_ + " cannot be read: " + reason);
}

void InputFile::read(void* into, std::size_t bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // the system takes no more in one call
  char* to = static_cast<char*>(into);
  if (bytes > left_) refuse("it ends " + std::to_string(bytes - left_) + " bytes too early");
  while (bytes > 0) {
    const ssize_t got = ::read(file_, to, std::min(bytes, kMost));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(std::generic_category().message(errno));
    if (got == 0) refuse("it was made shorter meanwhile");
    to += got;
    bytes -= static_cast<std::size_t>(got);
    left_ -= static_cast<std::uint64_t>(got);
  }
}

}  // namespace chainrule
