// The loops that differentiate a Loop, and where the numbers of the two meet.
//
// The adjoint loop runs the steps the other way round: its carry is the adjoint of the carry, its
// slices the numbers that went into the step and the adjoints of what the step gave, and it gives
// the adjoints of the slice and, summed, of what is the same for all steps. The tangent loop runs
// the same way with tangents. Both read the carry before each step, which a third loop stacks.
//
// An adjoint that may or may not have arrived carries a flag, 1 or 0, beside it, so that what has
// not arrived multiplies no infinite slope; one that always has, or never can, has none.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <tuple>

#include "chainrule/transform/loop.hpp"

namespace chainrule {

/// Whether something arrives at a number, over all steps.
enum class Arrives : unsigned char { never, sometimes, always };

/// What a derived loop carries from step to step.
enum class LoopReading : unsigned char { adjoints, tangents };

/// The groups in which the numbers of a loop stand, its inputs and its outputs alike: what is
/// carried, what is each step's own, and the rest: what all steps share.
inline constexpr std::size_t kCarried = 0, kOwn = 1, kShared = 2;
using LoopWidths = std::array<std::size_t, 3>;
LoopWidths input_widths(const Loop::Shape& shape);
LoopWidths output_widths(const Loop::Shape& shape);

/// Of one group, the places at which anything ever arrives, and those of them that have a flag.
struct LoopPlaces {
  std::vector<std::size_t> arriving, flagged;
  std::size_t size() const { return arriving.size() + flagged.size(); }
};

/// Inputs of the derived body: the carried seeds and their flags; of each step, what is read of the
/// slice and of the carry, then seeds and flags; what is read of the rest, then seeds and flags.
/// Outputs: what is found, group by group, each with its flags.
struct LoopLayout {
  std::array<LoopPlaces, 3> seeds, found;
  std::array<std::vector<std::size_t>, 3> read;  ///< of the primal's inputs
};

struct DerivedLoop {
  std::shared_ptr<const Loop> loop;
  LoopLayout layout;
};

/// What is asked of a derived loop: how its seeds arrive, by output of the body (for tangents by
/// input), and which of the numbers of each step anything is to be found at.
struct LoopRequest {
  LoopReading reading;
  std::vector<Arrives> seeds;
  std::vector<bool> wanted;
  friend bool operator<(const LoopRequest& a, const LoopRequest& b) {
    return std::tie(a.reading, a.seeds, a.wanted) < std::tie(b.reading, b.seeds, b.wanted);
  }
};
DerivedLoop derive(const Loop& loop, const LoopRequest& request);

/// What has been derived of a Loop so far.
struct Loop::Derived {
  std::mutex mutex;
  std::shared_ptr<const Loop> with_carries;
  std::map<LoopRequest, std::shared_ptr<const DerivedLoop>> loops;
};

}  // namespace chainrule
