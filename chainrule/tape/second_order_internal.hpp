// Hessian times many directions.
#pragma once

#include <span>
#include <vector>

#include "chainrule/tape/scalar.hpp"

namespace chainrule {

/// ∂²y/∂x∂x' times each direction. `seeds` holds one direction after another, as many as there are;
/// so does the result. The seed −0.0 is no seed at all. Throws as hessian().
std::vector<double> hvps(const Scalar& y, std::span<const Scalar> xs,
                         std::span<const double> seeds);

}  // namespace chainrule
