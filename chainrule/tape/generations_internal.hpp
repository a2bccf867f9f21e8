// Generations: the numbers by which the stamps of all tapes differ.
//
// A stamp is a generation (24 bits) and a slot (8 bits). Tapes hold generations by the chunk, so
// that a lock is taken once in 64 frames. A chunk is held as long as an open frame's stamp is of
// it. One that is used up waits at the end of a queue, and what a dead tape left of its chunk is
// given out before anything else: so each generation comes round as late as it can.
//
// Between the moment at which a generation is given up and the moment at which it is given out
// again, all other chunks have been given out, and all that are not held by then used up: of
// 2²⁴ generations at least 2²⁴ − 2·64·held, where no more than `most_held` chunks are ever held.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

namespace chainrule {

inline constexpr std::uint32_t kChunk = 64;  ///< generations

/// Chunks of generations, for many threads. All zeros at first: it needs no initialisation, and
/// memory as far as chunks have been given out.
template <std::uint32_t chunks, std::uint32_t most_held>
class Generations {
 public:
  /// From `first` to before `last`; none where they are equal.
  struct Range {
    std::uint32_t first = 0, last = 0;
  };

  /// Takes back chunks that are used up, and gives what is left of one to `owner`: none if too many
  /// are held.
  Range draw(std::span<const std::uint32_t> used_up, std::uint32_t owner) {
    const std::lock_guard lock(mutex_);
    for (const std::uint32_t chunk : used_up) give_back(chunk, kChunk);
    std::uint32_t chunk = 0, first = 0;
    if (begun_ != 0) {
      chunk = begun_ - 1;
      begun_ = next_[chunk];
      first = used_[chunk];
    } else if (held_ >= most_held) {
      return {};
    } else if (fresh_ < chunks) {
      chunk = fresh_++;
      first = chunk == 0 ? 1 : 0;  // stamp 0 is a plain number
    } else {
      chunk = oldest_ - 1;
      oldest_ = next_[chunk];
      first = chunk == 0 ? 1 : 0;
    }
    ++held_;
    owner_[chunk].store(std::uint64_t{owner} << 32 | first, std::memory_order_relaxed);
    return {chunk * kChunk + first, chunk * kChunk + kChunk};
  }

  /// Takes back the chunks of a tape that dies: the last of them is used as far as `next`.
  void give_back(std::span<const std::uint32_t> held, std::uint32_t next) {
    if (held.empty()) return;
    const std::lock_guard lock(mutex_);
    for (const std::uint32_t chunk : held.first(held.size() - 1)) give_back(chunk, kChunk);
    give_back(held.back(), next - held.back() * kChunk);
  }

  /// Who holds the chunk of a generation, or held it last; 0 if that drew it when the generation
  /// had been used.
  std::uint32_t owner_of(std::uint32_t generation) const {
    const std::uint64_t owner = owner_[generation / kChunk].load(std::memory_order_relaxed);
    return generation % kChunk < (owner & 0xFFFFFFFFu) ? 0
                                                       : static_cast<std::uint32_t>(owner >> 32);
  }

 private:
  void give_back(std::uint32_t chunk, std::uint32_t used) {
    --held_;
    used_[chunk] = static_cast<std::uint8_t>(used);
    next_[chunk] = 0;
    if (used < kChunk) {
      next_[chunk] = begun_;
      begun_ = chunk + 1;
    } else {
      (oldest_ == 0 ? oldest_ : next_[newest_ - 1]) = chunk + 1;
      newest_ = chunk + 1;
    }
  }

  std::mutex mutex_;
  std::uint32_t fresh_ = 0;  ///< the first chunk that was never given out
  std::uint32_t held_ = 0;
  // Lists of chunks, by number + 1; 0 is the end.
  std::uint32_t begun_ = 0;                ///< those with generations left
  std::uint32_t oldest_ = 0, newest_ = 0;  ///< those that are used up
  std::uint32_t next_[chunks] = {};
  std::uint8_t used_[chunks] = {};
  std::atomic<std::uint64_t> owner_[chunks] = {};  ///< and from which generation of it on
};

}  // namespace chainrule
