// Where the statements of a program stand, and where its values do.
//
// A statement is the definition of a step that has a name, the check of a guard, or the storing of
// a number. Compilers take more than linear time for a long function (gcc 12: 0.9 s for 2,500
// statements, 60 s for 12,700 whose values live long; in parts 2.4 s), so beyond a size the
// statements are dealt out to parts; a loop is a part by itself. A value that another part than its
// own reads stands in a workspace v, whose slots are used again after the last part that reads
// them.
#pragma once

#include <limits>

#include "chainrule/emit/c/program_internal.hpp"

namespace chainrule::detail {

inline constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

/// A number that is stored in v for a loop.
struct CCopy {
  StepId from;
  std::size_t to;
  std::uint32_t part = 0;
};

/// What a loop needs of the program that it stands in.
struct CNeeds {
  std::vector<StepId> read;   ///< while it runs
  std::vector<CCopy> copies;  ///< before
};

class CLayout {
 public:
  /// `needs` by loop. The program has v from `first_slot` on.
  CLayout(const CProgram& program, std::vector<CNeeds> needs, std::size_t first_slot);

  static constexpr std::size_t kLongest = 500;  ///< statements of a function in one piece

  const CNames& names() const { return names_; }
  std::size_t parts() const { return parts_; }
  std::size_t statements() const { return statements_; }
  std::size_t end_of_slots() const { return first_slot_ + slots_; }

  bool is_inlined(StepId step) const { return is_operation(step) && !names_.is_named[step.index]; }
  /// Of a step's text, a check, a stored output, a loop.
  std::uint32_t part(StepId step) const { return part_[step.index]; }
  std::uint32_t check_part(std::size_t k) const { return check_part_[k]; }
  std::uint32_t store_part(std::size_t k) const { return store_part_[k]; }
  std::uint32_t loop_part(std::size_t j) const { return loop_part_[j]; }
  std::span<const CCopy> copies(std::size_t j) const { return needs_[j].copies; }
  /// A step's place in v, or kNowhere; and whether its own part reads it as well.
  std::size_t slot(StepId step) const {
    return slot_[step.index] == kNowhere ? kNowhere : first_slot_ + slot_[step.index];
  }
  bool is_read_at_home(StepId step) const { return is_read_at_home_[step.index]; }

  /// Calls visit(step) for each step that is used, loop(j) for each loop before the steps that it
  /// is before, and check(k) for each guard as soon as its value and all guards before it are
  /// there.
  template <class Visit, class Run, class Check>
  void each_step(Visit&& visit, Run&& run, Check&& check) const {
    std::size_t next_check = 0, next_loop = 0;
    const auto size = static_cast<std::uint32_t>(program_.formula.size());
    for (std::uint32_t i = 0; i <= size; ++i) {
      for (; next_loop < program_.loops.size() && program_.loops[next_loop].before <= i;
           ++next_loop) {
        run(next_loop);
      }
      if (i < size && names_.uses[i] > 0) visit(StepId{i});
      for (; next_check < program_.checks.size() && program_.checks[next_check].step.index <= i;
           ++next_check) {
        check(next_check);
      }
    }
  }

 private:
  bool is_operation(StepId step) const {
    return program_.formula[step].kind == Formula::Kind::operation;
  }
  std::vector<StepId> roots() const;
  void name_what_loops_read();
  void deal_out();
  void settle(StepId step, std::uint32_t part);
  template <class Visit>
  void each_operand(std::size_t i, Visit&& visit) const;
  void find_readers();
  void assign_slots();

  const CProgram& program_;
  std::vector<CNeeds> needs_;
  std::size_t first_slot_;
  CNames names_;
  std::size_t statements_ = 0;
  std::uint32_t parts_ = 0, slots_ = 0;
  // By step: its part, the last other part that reads it, its place in v from first_slot_ on.
  std::vector<std::uint32_t> part_, last_reader_, slot_;
  std::vector<bool> is_read_at_home_;
  std::vector<std::uint32_t> check_part_, store_part_, loop_part_;
};

}  // namespace chainrule::detail
