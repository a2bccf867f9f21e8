// Buffer: memory that tensors share, aligned to 64 bytes.
//
// Fresh pages cost six times the copy of their bytes, so that what is given back is kept by the
// thread, in lists by size (four sizes to a power of two), and handed out again: a training loop
// allocates in its first step only. At most 256 MiB are kept a thread, the rest goes back to the
// system, and so does all of it when the thread ends.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace chainrule::detail {

struct alignas(64) Buffer {
  std::atomic<std::uint32_t> references{1};
  std::uint32_t size_class = 0;
  Buffer* next = nullptr;  ///< in the list of those that are kept

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
};

/// Throws Error when memory is refused.
Buffer* take_buffer(std::size_t bytes);
void give_back(Buffer* buffer) noexcept;

inline void hold(Buffer* buffer) { buffer->references.fetch_add(1, std::memory_order_relaxed); }
inline void let_go(Buffer* buffer) noexcept {
  if (buffer->references.fetch_sub(1, std::memory_order_acq_rel) == 1) give_back(buffer);
}

/// Memory of one TensorBody, from a list of the thread's.
void* take_body();
void give_body_back(void* memory) noexcept;

}  // namespace chainrule::detail
