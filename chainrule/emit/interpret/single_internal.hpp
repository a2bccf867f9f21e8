// Single: a Plan replayed on up to 64 rows at once, every number rounded to float. Numbers are kept
// as doubles; a Loop's body is a Plan of its own, and its steps are replayed likewise.
#pragma once

#include "chainrule/graph/plan_internal.hpp"
#include "chainrule/optimise/optimise.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule::emit {

class Single {
 public:
  /// The Plan stays where it is. `options` are for the bodies of loops.
  Single(const Plan& plan, const OptimiseOptions& options);
  ~Single();
  Single(const Single&) = delete;
  Single& operator=(const Single&) = delete;

  /// Of the memory that run() is given.
  std::size_t bytes() const { return bytes_; }
  /// The first `count` rows of `values`, which are as Plan::run_lanes() has them: constants and
  /// inputs are in place, rounded. alive[i] is cleared where a guard does not hold.
  void run(double* values, std::byte* memory, bool* alive, std::size_t count) const;

 private:
  struct Body;
  void call(std::uint32_t number, double* values, std::byte* memory, bool* alive,
            std::size_t count) const;
  void call_block(const Plan::Call& call, double* values, double* scratch) const;
  void repeat(const Plan::Call& call, const Body& body, double* values, std::byte* memory,
              bool* alive, std::size_t count) const;

  const Plan& plan_;
  std::vector<std::unique_ptr<const Body>> bodies_;  ///< by call; null if it is no loop
  std::size_t bytes_ = 0;
};

}  // namespace chainrule::emit
