// Recorder: the part of a tape that recording touches, and the stamps that make handles safe.
//
// A row is a code (1 byte), two links (8 bytes) and a value (8 bytes), in three arrays. Every open
// frame of the tape has a stamp in `stamps`; a handle carries the stamp of the frame in which it
// was recorded, and is live while stamps[slot of its stamp] still equals it: one load and one
// compare an operand. Slot 255 is never filled: it marks placeholders without a value.
#pragma once

#include <bit>
#include <cstdint>

#include "chainrule/tape/code.hpp"

namespace chainrule {
class Tape;
}

namespace chainrule::detail {

inline constexpr unsigned kSlots = 256;
inline constexpr unsigned kUnfedSlot = kSlots - 1;
constexpr unsigned slot_of(std::uint32_t stamp) { return stamp % kSlots; }

struct Links {
  std::uint32_t x, y;
};

struct Recorder {
  std::uint32_t size = 0;
  std::uint32_t limit = 0;  ///< rows before the slow path is taken; 0 while source lines are kept
  Code* codes = nullptr;
  Links* links = nullptr;
  double* values = nullptr;
  double* numbers = nullptr;  ///< the pool of plain operands
  std::uint32_t number_count = 0;
  std::uint32_t number_limit = 0;
  std::uint32_t stamp = 0;  ///< the innermost open frame's
  bool watching = false;    ///< whether taking a plain number or a bool out goes through watch()
  Tape* tape = nullptr;
  std::uint32_t stamps[kSlots] = {};
  std::uint32_t recent[256] = {};  ///< where a number was last put, by its hash

  bool live(std::uint32_t handle_stamp) const {
    return stamps[slot_of(handle_stamp)] == handle_stamp;
  }

  /// The place in the pool of `number`; needs number_count < number_limit.
  std::uint32_t intern(double number) {
    const auto bits = std::bit_cast<std::uint64_t>(number);
    std::uint32_t& place = recent[(bits * 0x9E3779B97F4A7C15u) >> 56];
    if (place < number_count && std::bit_cast<std::uint64_t>(numbers[place]) == bits) return place;
    numbers[number_count] = number;
    return place = number_count++;
  }

  /// Appends a row; needs size < limit.
  std::uint32_t append(Code code, std::uint32_t x, std::uint32_t y, double value) {
    const std::uint32_t row = size;
    codes[row] = code;
    links[row] = std::bit_cast<Links>(std::uint64_t{y} << 32 | x);
    values[row] = value;
    size = row + 1;
    return row;
  }

  /// Room for one operation with its continuation row and three numbers.
  bool has_room() const { return size + 1 < limit && number_count + 3 <= number_limit; }
};

/// Stands for "no tape": nothing is live on it and it has no room.
inline constinit Recorder no_recorder;
inline thread_local constinit Recorder* active_recorder = &no_recorder;

}  // namespace chainrule::detail
