// Trace: a recorded function as plain data: its graph, what goes in, what comes out, and what it
// takes for granted. It can be verified, printed, parsed, saved and loaded.
#pragma once

#include "chainrule/graph/graph.hpp"

namespace chainrule {

/// What recording took for granted: that this node has this value. The node of a branch is its
/// comparison, and the value 1 or 0.
struct Guard {
  Vertex node;
  double expected;
  SourceLine at;
  friend bool operator==(const Guard& a, const Guard& b);  // NaN equals NaN
};

/// Inputs, or outputs, that belong together: an argument, or a result. `count` of them from
/// `first`.
struct Group {
  std::string name;
  Type type;  ///< a scalar has no axes; a span of n has shape [n]
  std::uint32_t first = 0;
  std::uint32_t count = 1;
  friend bool operator==(const Group&, const Group&) = default;
};

struct Trace {
  std::string name;
  Graph graph;
  std::vector<Vertex> inputs;  ///< placeholders (all there are), or variables to be replaced
  std::vector<Group> arguments;
  std::vector<Vertex> outputs;
  std::vector<Group> results;
  std::vector<Guard> guards;  ///< in the order in which they were decided; one a node

  friend bool operator==(const Trace&, const Trace&);
};

/// A Graph that was built by hand as a recorded function: an argument for each placeholder, in the
/// order in which they were made, and a result for each output, by their names. Variables keep
/// their numbers. Throws Error for an output of another Graph.
Trace to_trace(const Graph& graph, std::span<const Node> outputs, std::string_view name = "f");
Trace to_trace(const Graph& graph, std::initializer_list<Node> outputs,
               std::string_view name = "f");

/// Empty, or what is wrong and where: "node 7: mul has operand 9, which comes after it".
std::string verify(const Trace& trace);

}  // namespace chainrule
