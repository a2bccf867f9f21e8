// A row of the table as the laws see it: values and pullbacks over several algebras, behind one
// type.
//
// A Reading may carry a Mutation, a fault put into the row on purpose, so that the same laws run on
// the rows as they are and on broken copies of them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "chainrule/op/complex.hpp"
#include "chainrule/op/dual.hpp"

namespace chainrule::laws {

template <class V>
using Operands = std::array<V, 3>;
using Point = Operands<double>;
using Dual1 = Dual<double>;
using Dual2 = Dual<Dual1>;

/// One entry of a pullback, as Push, but with a plain truth.
template <class V>
struct Entry {
  V value = V(0.0);
  bool taken = false;
};
template <class V>
using Entries = std::array<Entry<V>, 3>;

/// What is wrong with a row. `entry` faults touch one entry of the pullback.
enum class Fault {
  nothing,
  value_scaled,      // z (1 + 1e-6)
  value_offset,      // z + 1e-6
  value_flipped,     // -z
  value_nan_to_0,    // 0 where z is NaN
  entry_flipped,     // the sign forgotten
  entry_scaled,      // (1 + 1e-3) times as large
  entry_offset,      // g 1e-3 more
  entry_dropped,     // nothing pushed
  entry_none_to_0,   // a zero pushed where nothing is to be
  entry_0_to_none,   // nothing pushed where a zero is to be
  entry_swapped,     // exchanged with the other operand's
  entry_0_above,     // 0 where its operand is > 0
  entry_0_below,     // 0 where its operand is < 0
  entry_0_at_0,      // 0 where its operand is 0
  entry_nan_to_0,    // 0 where it is NaN
  entry_inf_to_0,    // 0 where it is infinite
  entry_not_linear,  // g too much: |g| in place of g
};

struct Mutation {
  Fault fault = Fault::nothing;
  int entry = 0;
  int other = 0;
};

std::string describe(const Mutation& mutation);
/// Every mutation that applies to a row of that arity.
std::vector<Mutation> mutations(int arity);

class Reading {
 public:
  explicit Reading(Op op, Mutation mutation = {}) : op_(op), mutation_(mutation) {}

  const OpInfo& row() const { return info(op_); }
  int arity() const { return row().arity; }
  std::string name() const;

  double value(const Point& x) const;
  Entries<double> pullback(double g, const Point& x) const;
  Entries<double> partials(const Point& x) const { return pullback(1.0, x); }
  /// The partials over dual numbers: tangents of partials are second derivatives.
  Entries<Dual1> partials(const Operands<Dual1>& x) const;
  Entries<Dual2> partials(const Operands<Dual2>& x) const;

  /// Forward mode: the row applied to dual numbers.
  Dual1 forward(const Operands<Dual1>& x) const;
  Complex value(const Operands<Complex>& x) const;

 private:
  Op op_;
  Mutation mutation_;
};

/// "(1.5, 2)", with 17 digits.
std::string print(const Point& x, int arity);

}  // namespace chainrule::laws
