// Arrivals: whether anything has come to an adjoint or a tangent.
//
// Nothing and zero are different answers: nothing times an infinite slope is nothing, zero times it
// is NaN. Where numbers pass, −0.0 says "nothing has arrived", and a zero that arrives is +0. Where
// recorded adjoints pass, the plain number −0.0 says so. While a Function is recorded it may depend
// on its inputs whether anything arrives: then an Arrival has the truth beside the value.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "chainrule/tape/scalar.hpp"

namespace chainrule {

/// Nothing has arrived.
inline constexpr double kUnreached = -0.0;

constexpr bool is_unreached(double adjoint) {
  return std::bit_cast<std::uint64_t>(adjoint) == std::bit_cast<std::uint64_t>(kUnreached);
}

/// A recorded adjoint or tangent to which nothing has arrived: the plain number −0.0.
inline bool is_cut(const Scalar& adjoint) {
  return adjoint.is_number() && is_unreached(ScalarAccess::value(adjoint));
}

/// A recorded adjoint or tangent that may have arrived.
struct Arrival {
  Scalar value = kUnreached;  ///< 0 where it has not arrived
  Scalar holds = 0.0;         ///< a recorded truth, or a plain 1, always, or 0, never

  Arrival() = default;
  Arrival(const Scalar& v, const Scalar& truth) : value(v), holds(truth) {}
  /// Never where v is_cut, always elsewhere.
  explicit Arrival(const Scalar& v) : Arrival(v, is_cut(v) ? 0.0 : 1.0) {}

  bool is_never() const { return holds.is_number() && ScalarAccess::value(holds) == 0; }
  bool is_always() const { return holds.is_number() && ScalarAccess::value(holds) != 0; }
};

/// What has arrived, where it is a number: a zero is +0.
constexpr double arrived(double number) { return is_unreached(number) ? 0.0 : number; }
inline Scalar arrived(const Scalar& number) { return is_cut(number) ? Scalar(0.0) : number; }
/// Says of all that they have arrived.
template <class S>
void arrive_all(std::span<S> found) {
  for (S& entry : found) entry = arrived(entry);
}

inline std::vector<Arrival> arrivals_of(std::span<const Scalar> values) {
  std::vector<Arrival> all;
  for (const Scalar& value : values) all.emplace_back(value);
  return all;
}

}  // namespace chainrule
