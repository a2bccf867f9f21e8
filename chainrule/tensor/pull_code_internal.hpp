// PullCode: the contributions of an elementwise operation to the adjoints of its operands, in
// recorded numbers, where what has not arrived is told from what is zero.
#pragma once

#include "chainrule/graph/function.hpp"
#include "chainrule/tape/arrival.hpp"

namespace chainrule {

class PullCode : public Callable {
 public:
  /// The contributions to the wanted operands; `in` holds the operands, and the result of a row.
  virtual void arrivals(const Arrival& g, std::span<const Scalar> in,
                        std::vector<Arrival>& out) const = 0;
  /// The same where −0.0 stands for what has not arrived: (g, in…) ↦ contributions.
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override;
};

/// A number in which −0.0 stands for "has not arrived", and back.
Arrival arrival_of(const Scalar& g);
Scalar with_gap(const Arrival& arrival);

}  // namespace chainrule
