// Simplify: a recorded function as Terms.
//
// One pass over the graph, operands first. A chain of sums or of products whose links nobody else
// uses is taken in as one, so that the work is linear in the graph.
#pragma once

#include "chainrule/expr/terms_internal.hpp"
#include "chainrule/graph/trace.hpp"

namespace chainrule::expr {

/// Under which condition the formulas are those of the graph: `holds`, if `given` is (side true) or
/// is not (side false) true; whatever it is, where there is none.
struct Condition {
  TermId holds;
  std::optional<TermId> given;
  bool side = true;
};

struct Formulas {
  Terms terms;
  std::vector<Value> outputs;
  std::vector<Condition> conditions;
  /// Names that the graph's labels give to terms.
  std::vector<std::pair<TermId, std::string>> labels;
};

/// The trace's outputs as terms of its inputs. The trace must have no guards and no blocks.
Formulas simplify(const Trace& trace);

}  // namespace chainrule::expr
