#include "chainrule/emit/x64/liveness_internal.hpp"

#include <algorithm>

namespace chainrule::x64 {

using emit::Act;
using emit::Instr;

Liveness::Liveness(const emit::Program& program)
    : needed(program.code.size()),
      after_def(program.code.size(), kNever),
      after_use(3 * program.code.size(), kNever),
      kept_until(program.code.size()) {
  const auto count = static_cast<std::uint32_t>(program.code.size());
  for (std::uint32_t i = count; i-- > 0;) {
    const Instr& instr = program.code[i];
    if (!emit::has_value(instr.act)) needed[i] = true;
    if (!needed[i]) continue;
    for (int k = 0; k < emit::value_operands(instr); ++k) needed[operand(instr, k)] = true;
  }

  std::vector<std::uint32_t>& next = after_def;  // of the instructions below i
  std::vector<std::uint32_t> loops;
  for (std::uint32_t i = count; i-- > 0;) {
    const Instr& instr = program.code[i];
    if (!needed[i]) continue;
    if (instr.act == Act::end) loops.push_back(instr.a);
    if (instr.act == Act::loop) loops.pop_back();
    const int operands = emit::value_operands(instr);
    for (int k = 0; k < operands; ++k)
      after_use[3 * i + static_cast<unsigned>(k)] = next[operand(instr, k)];
    for (int k = 0; k < operands; ++k) {
      const std::uint32_t value = operand(instr, k);
      next[value] = i;
      for (const std::uint32_t loop : loops) {  // the outermost that does not contain it
        if (program.loops[loop].begin <= value) continue;
        kept_until[value] = std::max(kept_until[value], program.loops[loop].end);
        break;
      }
    }
  }
}

}  // namespace chainrule::x64
