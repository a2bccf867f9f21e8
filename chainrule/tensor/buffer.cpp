#include "chainrule/tensor/buffer_internal.hpp"

#include <bit>
#include <new>
#include <string>

#include "chainrule/base/error.hpp"
#include "chainrule/tensor/core.hpp"

namespace chainrule {
namespace detail {
namespace {

constexpr std::size_t kLeast = 64;
constexpr std::size_t kMostKept = std::size_t{256} << 20;
constexpr std::size_t kClasses = 4 * 64;

// Sizes 64 · (4 + quarter) / 4 · 2^power.
std::uint32_t class_of(std::size_t bytes) {
  if (bytes <= kLeast) return 0;
  const auto power = static_cast<std::uint32_t>(std::bit_width(bytes - 1)) - 1;  // 2^power < bytes
  const std::size_t quarter = std::size_t{1} << (power - 2);
  const std::size_t steps = (bytes - (std::size_t{1} << power) + quarter - 1) / quarter;  // 1 … 4
  return (power - 6) * 4 + static_cast<std::uint32_t>(steps);
}
std::size_t bytes_of_class(std::uint32_t size_class) {
  const std::size_t power = std::size_t{64} << (size_class / 4);
  return power + power / 4 * (size_class % 4);
}

struct Kept {
  Buffer* buffers[kClasses] = {};
  std::size_t bytes = 0;
  void* bodies = nullptr;
  std::size_t body_count = 0;

  void free_buffers() {
    for (Buffer*& list : buffers) {
      while (list != nullptr)
        ::operator delete (std::exchange(list, list->next), std::align_val_t{64});
    }
    bytes = 0;
  }
  void free_bodies() {
    while (bodies != nullptr)
      ::operator delete(std::exchange(bodies, *static_cast<void**>(bodies)));
    body_count = 0;
  }
};

// The lists of this thread; null before the first use and after the thread's end, when tensors that
// are destroyed later free their memory directly.
constinit thread_local Kept* kept = nullptr;
constinit thread_local bool has_ended = false;

struct Ending {
  ~Ending() {
    has_ended = true;
    kept->free_buffers();
    kept->free_bodies();
    delete std::exchange(kept, nullptr);
  }
};

Kept* lists() {
  if (kept != nullptr || has_ended) return kept;
  kept = new Kept;
  static thread_local const Ending ending;
  return kept;
}

}  // namespace

Buffer* take_buffer(std::size_t bytes) {
  const std::uint32_t size_class = class_of(bytes);
  if (Kept* mine = lists(); mine != nullptr && mine->buffers[size_class] != nullptr) {
    Buffer* buffer = mine->buffers[size_class];
    mine->buffers[size_class] = buffer->next;
    mine->bytes -= bytes_of_class(size_class);
    buffer->references.store(1, std::memory_order_relaxed);
    return buffer;
  }
  void* memory = ::operator new (sizeof(Buffer) + bytes_of_class(size_class), std::align_val_t{64},
                                 std::nothrow);
  if (memory == nullptr)
    fail("tensor", "out of memory: no room for " + std::to_string(bytes) + " bytes");
  Buffer* buffer = new (memory) Buffer;
  buffer->size_class = size_class;
  return buffer;
}

void give_back(Buffer* buffer) noexcept {
  const std::size_t bytes = bytes_of_class(buffer->size_class);
  Kept* mine = lists();
  if (mine == nullptr || mine->bytes + bytes > kMostKept) {
    ::operator delete (buffer, std::align_val_t{64});
    return;
  }
  mine->bytes += bytes;
  buffer->next = mine->buffers[buffer->size_class];
  mine->buffers[buffer->size_class] = buffer;
}

void* take_body() {
  Kept* mine = lists();
  if (mine == nullptr || mine->bodies == nullptr) return ::operator new(sizeof(TensorBody));
  --mine->body_count;
  return std::exchange(mine->bodies, *static_cast<void**>(mine->bodies));
}

void give_body_back(void* memory) noexcept {
  constexpr std::size_t kMostBodies = 1 << 16;
  Kept* mine = lists();
  if (mine == nullptr || mine->body_count == kMostBodies) return ::operator delete(memory);
  *static_cast<void**>(memory) = std::exchange(mine->bodies, memory);
  ++mine->body_count;
}

}  // namespace detail

void release_unused_memory() {
  if (detail::Kept* mine = detail::lists()) {
    mine->free_buffers();
    mine->free_bodies();
  }
}

}  // namespace chainrule
