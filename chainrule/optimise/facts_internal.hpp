// Facts: what is known of a node's value for all inputs, where a rule holds for some values only.
//
// Found forward, a node from its operands; every fact is "or NaN", because a NaN goes through every
// rule that asks. A fact that is not found is not known to be false. Constant time a node.
#pragma once

#include <cstdint>
#include <span>

#include "chainrule/graph/graph.hpp"
#include "chainrule/op/precision.hpp"

namespace chainrule::passes {

class Facts {
 public:
  enum Fact : std::uint8_t {
    not_minus_zero = 1,
    not_negative = 2,  ///< +0 or above
    truth = 4,         ///< +0 or 1, and no NaN
    not_subnormal = 8,
    normal_above = 16,  ///< the smallest normal number or above
  };
  constexpr Facts() = default;
  /// The facts of `bits`, and those that follow.
  constexpr explicit Facts(unsigned bits) : bits_(with_consequences(bits)) {}

  constexpr bool has(Fact fact) const { return (bits_ & fact) != 0; }
  constexpr Facts only(unsigned facts) const { return Facts(bits_ & facts); }
  friend constexpr Facts operator&(Facts a, Facts b) { return Facts(a.bits_ & b.bits_); }
  friend constexpr Facts operator|(Facts a, Facts b) { return Facts(a.bits_ | b.bits_); }

 private:
  static constexpr std::uint8_t with_consequences(unsigned bits) {
    if ((bits & truth) != 0) bits |= not_negative | not_subnormal;
    if ((bits & normal_above) != 0) bits |= not_negative | not_subnormal;
    if ((bits & not_negative) != 0) bits |= not_minus_zero;
    return static_cast<std::uint8_t>(bits);
  }

  std::uint8_t bits_ = 0;
};

/// The facts of a node, from those of the nodes before it.
Facts facts_of(const Graph& graph, Vertex v, std::span<const Facts> before,
               Precision precision = Precision::f64);

}  // namespace chainrule::passes
