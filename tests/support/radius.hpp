// What relaxed arithmetic may give: the eager value of every node, and how far from it.
#pragma once

#include <span>
#include <vector>

#include "chainrule/graph/trace.hpp"
#include "chainrule/op/precision.hpp"

namespace chainrule {

/// A value, and how far from it relaxed arithmetic may be: 0 where every bit must be as it is,
/// infinite where nothing is promised.
struct Within {
  double value;
  double radius;
};

/// Whether `found` may stand for it. NaN for NaN; where the radius is 0 a zero keeps its sign.
bool holds(const Within& expected, double found);

/// What computes the functions of the table: the C library, or a vector function that keeps the
/// row's ulps.
enum class Functions : unsigned char { exact, in_ulps };

/// The outputs at a point. A radius is what the operands' radii make of it (the operation asked at
/// their ends, at 0 and where they meet), and the roundings that optimise() states:
///   pow within 9 ulps, other operations within 3 and a subnormal number;
///   a sum, which may be fused with its terms, within an ulp of each of them as well.
/// Nothing is promised of a sum with a product, quotient or power (or x + x) that overflows, itself
/// or times a number: fused, the exact sum decides. Nor of functions whose operand is too
/// uncertain, of where on its saw a remainder of too large a quotient is, and of the sign of a NaN.
std::vector<Within> relaxed_values_at(const Trace& trace, std::span<const double> point);

/// The same with every number rounded to a precision, and what becomes of the guards.
struct Relaxed {
  std::vector<Within> outputs;
  enum class Guards : unsigned char { hold, fail, unsure } guards;
  /// Whether every number on the way is 0, infinite because an operand is, or of a size at which no
  /// product of two over- or underflows: then rows may be added up in another order, and multiplied
  /// by what they share after it.
  bool is_tame;
};
Relaxed relaxed_at(const Trace& trace, std::span<const double> point, Functions functions,
                   Precision precision = Precision::f64);

}  // namespace chainrule
