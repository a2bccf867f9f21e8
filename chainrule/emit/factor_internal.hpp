// factor_sums: what may be done once after the rows instead of in each of them.
//
// Σᵣ (u aᵣ + cᵣ) = u Σᵣ aᵣ + Σᵣ cᵣ, where u is the same for all rows: the sums of a and c are
// taken, and the rest is a small Trace that is run once. It pays where a comes out of a loop, so
// that the loop itself adds it up, or where a and c are wanted elsewhere anyway; only then is it
// done.
#pragma once

#include <optional>

#include "chainrule/emit/lower_internal.hpp"

namespace chainrule::emit {

struct Factored {
  Trace rows;     ///< outputs: those that are stored, in order, then what is summed
  Layout layout;  ///< of `rows`
  Trace after;    ///< shared inputs in order, then the sums, in; the summed outputs, in order, out
};

/// None if nothing is gained.
std::optional<Factored> factor_sums(const Trace& trace, const Layout& layout);

/// Which vertices depend on shared inputs and constants alone.
std::vector<bool> uniform_vertices(const Trace& trace, const Layout& layout);

}  // namespace chainrule::emit
