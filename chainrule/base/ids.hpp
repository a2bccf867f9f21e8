// Strong indices: a node is never confused with a slot, a row or a count.
#pragma once

#include <compare>
#include <cstdint>

namespace chainrule {

/// An index that only compares with its own kind. Id<struct NodeTag> is a node's place on its tape.
template <class Tag>
struct Id {
  std::uint32_t index = 0;

  friend constexpr bool operator==(Id, Id) = default;
  friend constexpr auto operator<=>(Id, Id) = default;
};

using NodeId = Id<struct NodeTag>;

}  // namespace chainrule
