// Taking numbers and bools out of Scalars while somebody watches: on a tape that records a Function
// each becomes a guard, and on an inner tape outside operands have the values that they have here.
#include <cmath>

#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tape/tracing.hpp"

namespace chainrule {
namespace {

// s as a row of the active tape. Throws HandleError where it comes from elsewhere and nothing
// stands for it: its number here and now is not known, and what is decided by it would be stale.
Scalar led_in(const Scalar& s) {
  Scalar here = s;
  lead_in(here, "value");
  return here;
}

double taken(const Scalar& s, Location at) {
  if (!s.is_number()) active_state().guard(ScalarAccess::row(s), at);
  return ScalarAccess::value(s);
}

}  // namespace

void Tape::State::guard(std::uint32_t row, Location at) {
  if (tracing) guards.push_back({row, rows.values[row], at});
}

double detail::watched_value(const Scalar& s, Location at) { return taken(led_in(s), at); }

double detail::present_value(const Scalar& s) {
  const double* value = active_state().find_value(s);
  return value == nullptr ? ScalarAccess::value(s) : *value;
}

double detail::watched_whole(const Scalar& s, Location at) {
  const Scalar here = led_in(s);
  return here.is_number() || !active_state().tracing ? ScalarAccess::value(here)
                                                     : taken(trunc(here, at), at);
}

bool detail::watched_truth(Op op, bool negated, const Scalar& x, const Scalar& y, Location at) {
  const Scalar operands[] = {led_in(x), led_in(y)};
  return (taken(apply(op, operands, at), at) != 0) != negated;
}

Tracing::Tracing() {
  Tape::State& state = TapeAccess::state(inner_.tape());
  state.capturing = false;
  state.tracing = true;
  inner_.tape().keep_source_lines();
}

void Tracing::guard(const Scalar& s, double expected, Location at) {
  Tape::State& state = active_state();
  if (state.tracing && !s.is_number()) {
    state.guards.push_back({ScalarAccess::row(s), expected, at});
  }
}

bool keeps_choices(const Scalar&) { return active_state().tracing; }

}  // namespace chainrule
