// Numbered: a Rebuilt Trace in which no value is computed twice.
//
// Value numbering (Cocke & Schwartz 1970): a node is looked for by its operation and its operands,
// and one that is there already is used again. Operands of a row that commutes are put in order
// first: numbers last, then by their places.
//
// A node is among the readers of its last operand. These are few and were made lately, so that the
// search stays in the cache, where a hash table would not; of an operand with many readers only the
// first ones stand in a list, and the others in a hash table. Constant time a node.
#pragma once

#include "chainrule/optimise/facts_internal.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"

namespace chainrule::passes {

class Numbered : public Rebuilt {
 public:
  Numbered(const Trace& from, Precision precision);

  /// The node op(x, y, w): one that is there, or a new one.
  Vertex number(Op op, Vertex x, Vertex y = kNone, Vertex w = kNone);
  Facts facts(Vertex v);

 protected:
  void put_in_order(Op op, Vertex& x, Vertex& y);

 private:
  bool commutes(Op op, Vertex x, Vertex y);
  Vertex last_operand(const GraphNode& node) const;

  std::vector<std::uint32_t> first_reader_, next_reader_;  // by new vertex
  detail::Lookup more_readers_;
  std::vector<Facts> facts_;  // by new vertex, as far as somebody asked
};

}  // namespace chainrule::passes
