// Lookup: from a hash to the places that were filed under it.
//
// What stands at a place only the owner knows, so find() asks it. Open addressing, 8 bytes a slot;
// it holds nothing but numbers, and so is copied with whatever owns it. Constant time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chainrule::detail {

class Lookup {
 public:
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFFu;

  /// The first place under `hash` of which same(place) is true, or kNowhere.
  template <class Same>
  std::uint32_t find(std::uint64_t hash, Same&& same) const {
    if (slots_.empty()) return kNowhere;
    const std::uint32_t tag = tag_of(hash);
    for (std::size_t i = tag & mask(); slots_[i].place != kNowhere; i = (i + 1) & mask()) {
      if (slots_[i].tag == tag && same(slots_[i].place)) return slots_[i].place;
    }
    return kNowhere;
  }

  void insert(std::uint64_t hash, std::uint32_t place) {
    if (4 * (count_ + 1) > 3 * slots_.size()) grow();
    put({tag_of(hash), place});
    ++count_;
  }

  void clear() {
    slots_.clear();
    count_ = 0;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t place = kNowhere;
  };

  static std::uint32_t tag_of(std::uint64_t hash) {
    hash = (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15u;
    return static_cast<std::uint32_t>(hash >> 32);
  }
  std::size_t mask() const { return slots_.size() - 1; }

  void put(Slot slot) {
    std::size_t i = slot.tag & mask();
    while (slots_[i].place != kNowhere) i = (i + 1) & mask();
    slots_[i] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.place != kNowhere) put(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace chainrule::detail
