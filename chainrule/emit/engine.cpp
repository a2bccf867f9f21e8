#include "chainrule/emit/engine_internal.hpp"

#include <cstdlib>
#include <new>

namespace chainrule::emit {

Arena::~Arena() { std::free(memory_); }

std::byte* Arena::fit(std::size_t bytes) {
  if (bytes <= size_) return memory_;
  std::free(memory_);
  size_ = (bytes + 4095) / 4096 * 4096;
  memory_ = static_cast<std::byte*>(std::aligned_alloc(64, size_));
  if (memory_ == nullptr) {
    size_ = 0;
    throw std::bad_alloc();
  }
  return memory_;
}

void Engine::lay_out(std::byte* memory, Work& work) const {
  const auto next = [&memory](std::size_t bytes) {
    std::byte* const here = memory;
    memory += bytes;
    return here;
  };
  work.sums = next(sums_bytes_);
  work.in = next(packs_ * in_bytes_);
  work.out = next(packs_ * out_bytes_);
  work.frame = next(packs_ * frame_bytes_);
}

}  // namespace chainrule::emit
