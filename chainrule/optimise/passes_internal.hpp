// The passes, each in a file of its own. Each is linear and gives a Trace with the same inputs,
// outputs and guards; what the values are in the end stands in the head of its file.
#pragma once

#include "chainrule/optimise/optimise.hpp"

namespace chainrule::passes {

/// Drops what neither the outputs nor the guards need.
Trace prune(Trace trace, const OptimiseOptions& options);
/// Computes what depends on numbers alone.
Trace fold(Trace trace, const OptimiseOptions& options);
/// Computes the same value once.
Trace share(Trace trace, const OptimiseOptions& options);
/// Applies the algebraic rules that are exact.
Trace rewrite(Trace trace, const OptimiseOptions& options);
/// Lets σ(x) and σ(−x) share an exponential.
Trace sigmoids(Trace trace, const OptimiseOptions& options);
/// Makes products and roots of powers whose exponent is a number.
Trace power(Trace trace, const OptimiseOptions& options);
/// Makes products of divisions by numbers, and of divisions by the same value.
Trace reciprocal(Trace trace, const OptimiseOptions& options);
/// Lets factors of 2 and of ½ that meet in a product cancel.
Trace scale(Trace trace, const OptimiseOptions& options);
/// Makes one fused operation of a product and a sum.
Trace fuse(Trace trace, const OptimiseOptions& options);
/// Puts the sign of a product or quotient into its number.
Trace signs(Trace trace, const OptimiseOptions& options);
/// Puts the nodes into an order in which fewer values live at once.
Trace order(Trace trace, const OptimiseOptions& options);

}  // namespace chainrule::passes
