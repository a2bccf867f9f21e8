// The truth about a row, by MPFR: values from a definition of each operation in many digits,
// partials from central differences of those values. Nothing here knows a derivative formula.
#pragma once

#include "tests/laws/reading.hpp"

namespace chainrule::laws {

/// A number to twice the digits of a double: the nearest double, and what that leaves over.
struct Truth {
  double nearest;
  double rest;
};

struct Measure {
  Point x;
  Truth value;
  std::array<Truth, 3> partials;  ///< of the operands that are no parameters
  bool smooth;                    ///< left and right slopes agree: no kink here
};

/// Whether the definition used here converges at x in reasonable time.
bool is_measurable(Op op, const Point& x);

/// Value and partials of the operation at x.
Measure measure(Op op, const Point& x);

/// Error of v in units of the last place of the truth (or of `size`, where that is larger).
double ulps(double v, const Truth& truth, double size = 0);

/// λ and α of selu, from the equations that define them (Klambauer et al. 2017, eq. 14), and
/// √½ minus its nearest double.
Truth selu_scale();
Truth selu_alpha();
Truth sqrt_half();

}  // namespace chainrule::laws
