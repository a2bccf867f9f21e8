// The file that `perf inject --jit` reads: a header, and a record for each piece of code, with its
// bytes, so that perf can annotate instructions. perf finds the file by a page of it that this
// process maps as executable, and orders records and samples by the monotonic clock.
#include "chainrule/emit/x64/debug_internal.hpp"

#if defined(__linux__)

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace chainrule::x64 {
namespace {

struct FileHeader {
  std::uint32_t magic = 0x4A695444;  // "JiTD"
  std::uint32_t version = 1;
  std::uint32_t header_bytes = sizeof(FileHeader);
  std::uint32_t machine = EM_X86_64;
  std::uint32_t reserved = 0;
  std::uint32_t process;
  std::uint64_t nanoseconds;
  std::uint64_t flags = 0;
};
static_assert(sizeof(FileHeader) == 40);

// Behind it the name, which ends with a 0, and the code.
struct CodeLoad {
  std::uint32_t kind = 0;
  std::uint32_t record_bytes;
  std::uint64_t nanoseconds;
  std::uint32_t process;
  std::uint32_t thread;
  std::uint64_t address;
  std::uint64_t runs_at;
  std::uint64_t code_bytes;
  std::uint64_t number;
};
static_assert(sizeof(CodeLoad) == 56);

constexpr int kNoFile = -1;

std::uint64_t now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

// Appended in one piece, so that records of several threads stay whole.
bool append(int file, std::initializer_list<iovec> parts) {
  std::size_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return writev(file, parts.begin(), static_cast<int>(parts.size())) == static_cast<ssize_t>(bytes);
}

iovec part(const void* from, std::size_t bytes) { return {const_cast<void*>(from), bytes}; }

int open_dump() {
  const char* const folder = std::getenv("CHAINRULE_JITDUMP");
  if (folder == nullptr || *folder == '\0') return kNoFile;
  const std::string path = std::string(folder) + "/jit-" + std::to_string(getpid()) + ".dump";
  const int file =
      open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
           S_IRUSR | S_IWUSR);
  if (file == kNoFile) return kNoFile;
  FileHeader header{.process = static_cast<std::uint32_t>(getpid()), .nanoseconds = now()};
  const bool is_begun = append(file, {part(&header, sizeof header)});
  // What perf is to see; it stays.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const marker = mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  if (is_begun && marker != MAP_FAILED) return file;
  close(file);
  return kNoFile;
}

}  // namespace

void dump_for_perf(const CodeFacts& facts, std::uint64_t number) {
  static const int file = open_dump();
  if (file == kNoFile) return;
  const auto address = reinterpret_cast<std::uintptr_t>(facts.begin);
  const std::size_t name_bytes = facts.name.size() + 1;
  const CodeLoad load{
      .record_bytes = static_cast<std::uint32_t>(sizeof(CodeLoad) + name_bytes + facts.bytes),
      .nanoseconds = now(),
      .process = static_cast<std::uint32_t>(getpid()),
      .thread = static_cast<std::uint32_t>(syscall(SYS_gettid)),
      .address = address,
      .runs_at = address,
      .code_bytes = facts.bytes,
      .number = number};
  append(file, {part(&load, sizeof load), part(facts.name.c_str(), name_bytes),
                part(facts.begin, facts.bytes)});
}

}  // namespace chainrule::x64

#else

namespace chainrule::x64 {

void dump_for_perf(const CodeFacts&, std::uint64_t) {}

}  // namespace chainrule::x64

#endif
