// Numbered: a Rebuilt Trace in which no value is computed twice.
//
// Value numbering (Cocke & Schwartz 1970): a node is filed by its operation and its operands, and
// one that is there already is used again. Operands of a row that commutes are put in order first:
// numbers last, then by their places. Constant time a node.
#pragma once

#include "chainrule/optimise/facts_internal.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"

namespace chainrule::passes {

class Numbered : public Rebuilt {
 public:
  explicit Numbered(const Trace& from);

  /// The node op(x, y, w): one that is there, or a new one.
  Vertex number(Op op, Vertex x, Vertex y = kNone, Vertex w = kNone);
  Facts facts(Vertex v);

 protected:
  void put_in_order(Op op, Vertex& x, Vertex& y);

 private:
  bool commutes(Op op, Vertex x, Vertex y);

  detail::Lookup numbered_;
  std::vector<Facts> facts_;  // by new vertex, as far as somebody asked
};

}  // namespace chainrule::passes
