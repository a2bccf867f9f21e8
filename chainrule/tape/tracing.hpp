// Tracing: an inner tape on which code is recorded for other inputs than those in hand.
//
// Nothing is taken for granted silently: comparisons that decide something and numbers that are
// taken out become guards, formulas keep both branches, frames take nothing back, and operands from
// outside are refused.
#pragma once

#include "chainrule/tape/inner.hpp"

namespace chainrule {

class [[nodiscard]] Tracing {
 public:
  Tracing();

  /// What a guard takes for granted on the active tape, if that is tracing: that s has this value.
  static void guard(const Scalar& s, double expected, Location at);

 private:
  Inner inner_;
};

}  // namespace chainrule
