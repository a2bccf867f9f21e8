// Cone: what some nodes depend on, and where each of those rows stands in the list.
#pragma once

#include "chainrule/tape/state_internal.hpp"

namespace chainrule {

struct Cone {
  std::vector<std::uint32_t> rows;   ///< ascending, with the headers of blocks
  std::vector<std::uint32_t> place;  ///< by row; kNowhere for a row that is not in it

  /// Plain numbers among the ys depend on nothing. What `ends` depend on is not in it. Throws
  /// HandleError.
  Cone(const Tape::State& state, std::span<const Scalar> ys, std::string_view where,
       std::span<const Scalar> ends = {});

  static constexpr std::uint32_t kNowhere = 0xFFFFFFFFu;
  std::uint32_t place_of(std::uint32_t row) const {
    return row < place.size() ? place[row] : kNowhere;
  }
  std::uint32_t place_of(const Scalar& x) const {
    return x.is_number() ? kNowhere : place_of(ScalarAccess::row(x));
  }
};

}  // namespace chainrule
