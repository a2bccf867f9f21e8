#include "chainrule/optimise/optimise.hpp"
namespace chainrule {
Trace optimise(Trace trace, const OptimiseOptions&, std::vector<PassReport>*) { return trace; }
}  // namespace chainrule
