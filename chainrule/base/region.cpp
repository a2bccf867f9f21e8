#include "chainrule/base/region.hpp"

#include <sys/mman.h>
#include <unistd.h>

namespace chainrule {
namespace {

constexpr std::size_t kLong = std::size_t{8} << 20;

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Huge pages for long tapes: fewer faults and TLB misses. The whole range is advised, and only once
// it is long: advice for a part would split the mapping, which mremap then refuses to move.
void prefer_huge_pages(void* data, std::size_t bytes) noexcept {
  if (bytes >= kLong) madvise(data, bytes, MADV_HUGEPAGE);
}

}  // namespace

Pages::~Pages() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

bool Pages::resize(std::size_t bytes) noexcept {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t wanted = round_up(bytes, page);
  void* moved = data_ == nullptr ? mmap(nullptr, wanted, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                                 : mremap(data_, bytes_, wanted, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) return false;
  data_ = moved;
  bytes_ = wanted;
  prefer_huge_pages(data_, bytes_);
  return true;
}

}  // namespace chainrule
