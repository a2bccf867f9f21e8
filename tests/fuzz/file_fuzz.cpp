// Any bytes are a file of each format: an Error or tensors, and these have no more elements than
// the file accounts for.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "chainrule/nn/data.hpp"
#include "chainrule/nn/safetensors.hpp"
#include "chainrule/tensor/npy.hpp"

namespace {

using namespace chainrule;

// A file in memory, under a path.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : file_(memfd_create("fuzz", 0)) {
    if (file_ < 0 || write(file_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

// Every element takes a byte at least, which deflate makes 1032 of at most.
void require_accounted(const Tensor& t, std::size_t size) {
  if (t.size() > static_cast<std::int64_t>(1032 * size)) std::abort();
  if (static_cast<std::int64_t>(t.values().size()) != t.size()) std::abort();
}

template <class Load>
void attempt(Load&& load) {
  try {
    load();
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const MemoryFile file(data, size);
  const std::string path = file.path();
  attempt([&] { require_accounted(load_npy(path), size); });
  attempt([&] {
    for (const auto& [name, t] : load_npz(path)) require_accounted(t, size);
  });
  attempt([&] {
    for (const auto& [name, t] : nn::load_tensors(path).tensors) require_accounted(t, size);
  });
  attempt([&] { require_accounted(nn::load_idx(path), size); });
  attempt([&] { require_accounted(nn::read_csv(path).numbers, size); });
  return 0;
}
