#include "chainrule/emit/c/layout_internal.hpp"

#include <algorithm>

namespace chainrule::detail {
namespace {

constexpr std::size_t kPart = 250;  // statements of a part

}  // namespace

CLayout::CLayout(const CProgram& program, std::vector<CNeeds> needs, std::size_t first_slot)
    : program_(program),
      needs_(std::move(needs)),
      first_slot_(first_slot),
      names_(program.formula, roots()) {
  name_what_loops_read();
  deal_out();
  find_readers();
  assign_slots();
}

std::vector<StepId> CLayout::roots() const {
  std::vector<StepId> roots = program_.outputs;
  for (const CCheck& check : program_.checks) roots.push_back(check.step);
  for (const CNeeds& needs : needs_) {
    roots.insert(roots.end(), needs.read.begin(), needs.read.end());
    for (const CCopy& copy : needs.copies) roots.push_back(copy.from);
  }
  return roots;
}

// They are in v while a loop runs.
void CLayout::name_what_loops_read() {
  for (const CNeeds& needs : needs_) {
    for (const StepId step : needs.read) names_.is_named[step.index] = is_operation(step);
  }
}

void CLayout::deal_out() {
  statements_ = static_cast<std::size_t>(std::ranges::count(names_.is_named, true)) +
                program_.checks.size() + program_.outputs.size();
  for (const CNeeds& needs : needs_) statements_ += needs.copies.size();
  const std::size_t size = statements_ > kLongest ? kPart : kLongest;
  std::size_t room = 0;  // in the last part
  const auto next_part = [&] {
    if (room == 0) ++parts_, room = size;
    --room;
    return parts_ - 1;
  };
  part_.resize(program_.formula.size());
  each_step(
      [&](StepId step) {
        if (names_.is_named[step.index]) part_[step.index] = next_part();
      },
      [&](std::size_t j) {
        for (CCopy& copy : needs_[j].copies) {
          copy.part = next_part();
          settle(copy.from, copy.part);
        }
        loop_part_.push_back(parts_++);
        room = 0;
      },
      [&](std::size_t k) {
        check_part_.push_back(next_part());
        settle(program_.checks[k].step, check_part_.back());
      });
  for (const StepId output : program_.outputs) {
    store_part_.push_back(next_part());
    settle(output, store_part_.back());
  }
  for (std::size_t i = program_.formula.size(); i-- > 0;) {
    each_operand(i, [&](StepId x) { settle(x, part_[i]); });
  }
}

// What is spelled where it is used is spelled in the part of its one reader.
void CLayout::settle(StepId step, std::uint32_t part) {
  if (is_inlined(step)) part_[step.index] = part;
}

template <class Visit>
void CLayout::each_operand(std::size_t i, Visit&& visit) const {
  const Formula::Step& step = program_.formula.steps()[i];
  if (names_.uses[i] == 0 || step.kind != Formula::Kind::operation) return;
  for (int k = 0; k < info(step.op).arity; ++k) visit(StepId{step.at[k]});
}

void CLayout::find_readers() {
  last_reader_.assign(program_.formula.size(), kNowhere);
  is_read_at_home_.resize(program_.formula.size());
  const auto read = [&](StepId x, std::uint32_t part) {
    if (!names_.is_named[x.index]) return;
    std::uint32_t& last = last_reader_[x.index];
    if (part == part_[x.index]) {
      is_read_at_home_[x.index] = true;
    } else if (last == kNowhere || last < part) {
      last = part;
    }
  };
  for (std::size_t i = 0; i < program_.formula.size(); ++i) {
    each_operand(i, [&](StepId x) { read(x, part_[i]); });
  }
  for (std::size_t k = 0; k < check_part_.size(); ++k)
    read(program_.checks[k].step, check_part_[k]);
  for (std::size_t k = 0; k < store_part_.size(); ++k) read(program_.outputs[k], store_part_[k]);
  for (std::size_t j = 0; j < needs_.size(); ++j) {
    for (const StepId step : needs_[j].read) read(step, loop_part_[j]);
    for (const CCopy& copy : needs_[j].copies) read(copy.from, copy.part);
  }
}

void CLayout::assign_slots() {
  slot_.assign(program_.formula.size(), kNowhere);
  std::vector<std::vector<std::uint32_t>> let_go(parts_ + 1);
  std::vector<std::uint32_t> free;
  std::uint32_t part = 0;
  for (std::size_t i = 0; i < program_.formula.size(); ++i) {
    if (last_reader_[i] == kNowhere) continue;
    for (; part < part_[i]; ++part) {
      free.insert(free.end(), let_go[part + 1].begin(), let_go[part + 1].end());
    }
    if (free.empty()) free.push_back(slots_++);
    slot_[i] = free.back();
    free.pop_back();
    let_go[last_reader_[i] + 1].push_back(slot_[i]);
  }
}

}  // namespace chainrule::detail
