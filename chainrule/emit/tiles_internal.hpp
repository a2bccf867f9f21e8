// Tiles: some rows of a few numbers each, transposed in registers.
//
// 128 bits of several rows are brought side by side into one register, as they are loaded, and
// transposed within 128 bits: that takes half of the shuffles of a whole transposition. A column is
// stored as one register, as machine code will load it, for a load that spans two stores waits
// until both have left the processor. Rows are written in their order: of two that go to one place
// the later one stays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace chainrule::emit {

template <class Number>
struct Tiles {
  std::size_t rows;   ///< that are transposed at once
  std::size_t least;  ///< numbers that a row must have
  /// Number k of row i to in[at[k] + i], and back.
  void (*in)(const Number* const* row, std::size_t width, const std::uint32_t* at, Number* in);
  void (*out)(const Number* out, const std::uint32_t* at, std::size_t width, Number* const* row);
};
inline constexpr std::size_t kMostRows = 16;

/// Those that this processor has instructions for, the largest first.
template <class Number>
std::span<const Tiles<Number>> tiles();
template <>
std::span<const Tiles<double>> tiles<double>();
template <>
std::span<const Tiles<float>> tiles<float>();

/// A whole number of the widest registers, which do not overlap.
void copy_registers(const void* from, std::size_t bytes, void* to);

}  // namespace chainrule::emit
