#include "chainrule/base/whole_file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <system_error>

namespace chainrule {
namespace {

// Temporary files that a signal would leave behind. A handler may read nothing but such plain
// arrays.
constexpr int kRemembered = 16;
char remembered[kRemembered][PATH_MAX];
std::atomic<int> remembered_state[kRemembered];  // 0 free, 1 being written, 2 in use

int remember(const std::string& path) {
  if (path.size() >= PATH_MAX) return -1;
  for (int i = 0; i < kRemembered; ++i) {
    int unused = 0;
    if (!remembered_state[i].compare_exchange_strong(unused, 1)) continue;
    std::memcpy(remembered[i], path.c_str(), path.size() + 1);
    remembered_state[i] = 2;
    return i;
  }
  return -1;
}

void forget(int place) {
  if (place >= 0) remembered_state[place] = 0;
}

// What a symbolic link leads to; the path itself where there is none.
std::string followed(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string target = resolved;
  free(resolved);
  return target;
}

// Opens a new file, whose name is `stem` and six letters. The system takes the umask off `mode`
// (which no thread can read without setting it for all). −1 with errno set if it cannot be made.
int open_new(std::string& stem, mode_t mode) {
  constexpr int kTries = 100;
  const std::size_t length = stem.size();
  for (int k = 0; k < kTries; ++k) {
    unsigned char random[6];
    if (getentropy(random, sizeof random) != 0) return -1;
    stem.resize(length);
    for (const unsigned char byte : random) stem += static_cast<char>('a' + byte % 26);
    const int file = open(stem.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
    if (file >= 0 || errno != EEXIST) return file;
  }
  return -1;
}

}  // namespace

WholeFile::WholeFile(std::string path) : path_(std::move(path)), target_(followed(path_)) {
  if (path_ == "-") {
    file_ = STDOUT_FILENO;
    return;
  }
  struct stat old = {};
  const bool exists = stat(target_.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) {
    file_ = open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    if (file_ < 0) fail_system("cannot be written");
    return;
  }
  // A file that may not be written is not replaced either, though its directory would allow it.
  if (exists && access(target_.c_str(), W_OK) != 0) fail_system("cannot be written");
  const std::size_t slash = target_.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  temporary_ = target_.substr(0, name) + '.' + target_.substr(name, 200) + '.';
  // What is to have another file's permissions is nobody else's until it has them.
  file_ = open_new(temporary_, exists ? 0600 : 0666);
  if (file_ < 0) {
    temporary_.clear();
    fail_system("cannot be written");
  }
  registered_ = remember(temporary_);
  if (exists) fchmod(file_, old.st_mode & 07777);
}

WholeFile::~WholeFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
  forget(registered_);
  if (file_ > STDERR_FILENO) close(file_);
}

void WholeFile::flush() {
  write_through(buffer_);
  buffer_.clear();
}

void WholeFile::write_through(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE)
      throw OutputClosed("[write] " + path_ + ": the reader is gone");
    if (written < 0) fail_system("cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void WholeFile::commit() {
  flush();
  if (temporary_.empty()) return;
  if (fsync(file_) != 0 && errno != EINVAL && errno != EROFS) fail_system("cannot be written");
  if (rename(temporary_.c_str(), target_.c_str()) != 0) fail_system("cannot be put in its place");
  temporary_.clear();
  forget(registered_);
  registered_ = -1;
}

void WholeFile::fail_system(const char* doing) const {
  const std::string reason = std::generic_category().message(errno);
  fail("write", (path_ == "-" ? "the standard output" : path_) + " " + doing + ": " + reason);
}

void write_whole_file(const std::string& path, std::string_view bytes) {
  WholeFile file(path);
  file.write(bytes);
  file.commit();
}

void remove_unfinished_files() noexcept {
  for (int i = 0; i < kRemembered; ++i) {
    if (remembered_state[i] == 2) unlink(remembered[i]);
  }
}

void refuse_same_file(std::string_view where, const std::string& written, const std::string& read) {
  struct stat a = {}, b = {};
  if (written == "-" || read == "-") return;
  if (::stat(written.c_str(), &a) != 0 || ::stat(read.c_str(), &b) != 0) return;
  if (S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
    fail(where, written + " would be written over what is read: name another file");
  }
}

}  // namespace chainrule
