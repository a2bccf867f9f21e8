// Frame: where the code of a Program keeps what is not in registers. One layout, one place.
//
//   [0, 8)        active lanes, 16 bits a row vector, for AVX-512
//   [64, 192)     the same as masks, 32 bytes a row vector, for AVX2
//   then          where the tables stand, pointers and counters of loops, 8 bytes each; the cells;
//                 vectors that wait to be added to narrow sums; the spill slots
//
// The code's base register points kReach vectors into the spill slots, so that an instruction names
// the most used of them, those before and behind it, in one byte.
#pragma once

#include <algorithm>
#include <functional>

#include "chainrule/emit/program_internal.hpp"

namespace chainrule::x64 {

class Frame {
 public:
  Frame(const emit::Program& program, std::size_t row_vectors, std::size_t vector_bytes)
      : vector_(vector_bytes),
        row_vectors_(row_vectors),
        pointers_(kTables + 8 * program.tables.size()),
        counters_(pointers_ + 8 * program.pointers.size()),
        cells_((counters_ + 8 * program.loops.size() + 63) / 64 * 64),
        waiting_(cells_ + program.cells * row_vectors * vector_bytes),
        slots_(waiting_ + emit::sum_group(program.precision) * vector_bytes) {}

  std::size_t base() const { return waiting_ + kReach * vector_; }
  static constexpr std::size_t active_bits(std::size_t r) { return 2 * r; }
  static constexpr std::size_t active_mask(std::size_t r) { return 64 + 32 * r; }
  std::size_t waiting(std::size_t k) const { return waiting_ + k * vector_; }
  static constexpr std::size_t table(std::size_t number) { return kTables + 8 * number; }
  std::size_t pointer(std::uint32_t number) const { return pointers_ + 8 * number; }
  std::size_t counter(std::uint32_t loop) const { return counters_ + 8 * loop; }
  std::size_t cell(std::uint32_t number, std::size_t r) const {
    return cells_ + (number * row_vectors_ + r) * vector_;
  }
  std::size_t slot(std::uint32_t number) const { return slots_ + number * vector_; }

  std::uint32_t take() {
    if (free_.empty()) return spills_++;
    std::pop_heap(free_.begin(), free_.end(), std::greater<>());
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give_back(std::uint32_t slot) {
    free_.push_back(slot);
    std::push_heap(free_.begin(), free_.end(), std::greater<>());
  }

  std::size_t spills() const { return spills_; }
  std::size_t bytes() const { return std::max(slots_ + spills_ * vector_, base()); }

 private:
  static constexpr std::size_t kTables = 192, kReach = 128;
  std::size_t vector_, row_vectors_, pointers_, counters_, cells_, waiting_, slots_;
  std::uint32_t spills_ = 0;
  std::vector<std::uint32_t> free_;  // a heap: the nearest slot is taken first
};

}  // namespace chainrule::x64
