// When each value of a Program is read next: what furthest-next-use allocation asks for.
//
// One pass backward. A value that a loop reads from outside is wanted until the loop ends, because
// its next step reads it again.
#pragma once

#include "chainrule/emit/program_internal.hpp"

namespace chainrule::x64 {

inline constexpr std::uint32_t kNever = 0xFFFFFFFFu;

struct Liveness {
  explicit Liveness(const emit::Program& program);

  std::vector<bool> needed;              ///< by instruction: an effect comes of it
  std::vector<std::uint32_t> after_def;  ///< by value: the first instruction that reads it
  std::vector<std::uint32_t> after_use;  ///< by 3 · instruction + operand: the next after this one
  std::vector<std::uint32_t> kept_until;  ///< by value: the end of the loop that reads it, or 0
};

inline const std::uint32_t& operand(const emit::Instr& instr, int k) {
  return k == 0 ? instr.a : k == 1 ? instr.b : instr.c;
}

}  // namespace chainrule::x64
