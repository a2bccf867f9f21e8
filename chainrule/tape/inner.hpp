// Inner: a tape of its own for what is computed inside of something else: in a block's derivative,
// in a body that is computed again, while a Function is recorded.
//
// Operands from outside (a lambda's captures, say) become leaves, one each, with the value that
// they have here and now, so that a body's derivative by what it captured can be taken, and so that
// a body can be computed again with other values than those that its captures had. Tapes are pooled
// a thread: after the first one nothing is allocated.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "chainrule/tape/tape.hpp"

namespace chainrule {

class [[nodiscard]] Inner {
 public:
  /// A tape on which no outside operand may be read: for the code of a block, whose operands are
  /// all that it may depend on.
  struct Sealed {};
  explicit Inner(Sealed);
  /// A tape on which every outside operand is captured, first of all `known` with these values.
  explicit Inner(std::span<const Scalar> known = {}, std::span<const double> values = {});
  ~Inner();
  Inner(const Inner&) = delete;
  Inner& operator=(const Inner&) = delete;

  /// The outside operands, in the order in which they were met; `known` come first.
  const std::vector<Scalar>& captured() const;
  /// The leaf that stands for the k-th of them.
  Scalar leaf(std::size_t k) const;
  /// The value that s has here and now; it is not captured.
  double value_of(const Scalar& s) const;
  /// s as recorded here: itself, or the leaf that stands for it.
  Scalar here(Scalar s) const;
  Tape& tape() const { return *tape_; }

 private:
  std::unique_ptr<Tape> tape_;
  detail::Recorder* before_;
};

/// While it lives, operands that are not recorded on the active tape but are among `known` stand
/// for `here`, which are: how a body that captured them is recorded elsewhere.
class [[nodiscard]] Substitution {
 public:
  Substitution(std::span<const Scalar> known, std::span<const Scalar> here);
  ~Substitution();
  Substitution(const Substitution&) = delete;
  Substitution& operator=(const Substitution&) = delete;

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

}  // namespace chainrule
