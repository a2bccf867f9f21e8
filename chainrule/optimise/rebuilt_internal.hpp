// Rebuilt: a Trace that is being made from another one, node by node.
//
// Every pass reads the old nodes in their order, appends new ones, and says which new node has the
// value of an old one: its image. finish() carries over what stands beside the nodes: inputs,
// outputs, guards, labels and source lines. What nothing needs is left out on the way. Numbers are
// rounded to the precision of the Trace, and pooled by their bits. Linear.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "chainrule/graph/trace.hpp"
#include "chainrule/op/precision.hpp"

namespace chainrule::passes {

inline constexpr Vertex kNone{0xFFFFFFFFu};

class Rebuilt {
 public:
  Rebuilt(const Trace& from, Precision precision);

  const Graph& graph() const { return to_.graph; }
  /// How often old nodes are read: see uses_of().
  std::span<const std::uint32_t> uses() const { return uses_; }
  std::uint32_t uses(Vertex old) const { return uses_[old.index]; }
  /// Calls visit(Vertex) for each old node that is needed, or an input, in order.
  template <class Visit>
  void each_needed(Visit&& visit) const {
    for (std::uint32_t v = 0; v < uses_.size(); ++v) {
      if (uses_[v] > 0 || is_input_[v]) visit(Vertex{v});
    }
  }
  bool is_input(Vertex old) const { return is_input_[old.index]; }
  /// The new node that has the value of an old one; kNone before it has one.
  Vertex image(Vertex old) const { return image_[old.index]; }
  void place(Vertex old, Vertex image) { image_[old.index] = image; }
  /// The images of an operation's operands; kNone beyond its arity.
  std::array<Vertex, 3> images(const GraphNode& old) const;

  Precision precision() const { return precision_; }
  Vertex constant(double exact);
  Vertex append(Op op, Vertex x, Vertex y = kNone, Vertex w = kNone);
  /// Appends a node as it is, but for its operands, which are the images. A block brings its
  /// outputs; of an output nothing is left to do.
  void copy(Vertex old);

  /// The new Trace; this object has none any more.
  Trace finish();

 private:
  void carry_guards();
  void carry_labels();
  void carry_lines();
  bool keeps_notes(Vertex old) const;

  const Trace& from_;
  Precision precision_;
  Trace to_;
  std::vector<std::uint32_t> uses_;  // by old vertex
  std::vector<Vertex> image_;        // by old vertex
  std::vector<bool> is_input_;       // by old vertex
  detail::Lookup pool_;              // constants by their bits
};

/// How often each node is an operand of a node that is needed. An output or a guard counts as one
/// more; a node that is not needed is used 0 times.
std::vector<std::uint32_t> uses_of(const Trace& trace);

/// t and m where a sum or difference is (t ± m) ± m, both with the same sign, and nothing else
/// reads t ± m; else kNone twice.
struct Repeated {
  Vertex first = kNone;
  Vertex term = kNone;
};
Repeated repeated(const Graph& graph, std::span<const std::uint32_t> uses, const GraphNode& sum);

/// The same number, bit by bit, or both NaN.
bool is_same_number(double a, double b);

/// Whether v is a constant: what depends on numbers alone becomes one.
inline bool is_number(const Graph& graph, Vertex v) {
  return graph[v].kind == VertexKind::constant;
}
inline double number_of(const Graph& graph, Vertex v) {
  return graph.numbers()[graph[v].operand[0]];
}
inline bool is_operation(const Graph& graph, Vertex v, Op op) {
  return graph[v].kind == VertexKind::operation && graph[v].op == op;
}

}  // namespace chainrule::passes
