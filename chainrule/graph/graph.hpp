// Graph: a computation as data. Nodes in an order in which every node comes after its operands.
//
// Built by hand, as in a static-graph engine, or by record(). 16 bytes a node; names and source
// lines stand in side tables, and values and adjoints exist only once forward() or backward() has
// run. Nothing recurses.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chainrule/base/error.hpp"
#include "chainrule/base/ids.hpp"
#include "chainrule/op/op.hpp"

namespace chainrule {

class Block;
class Graph;

/// A node's place in its Graph.
using Vertex = Id<struct VertexTag>;

/// What a node's value is. Scalars so far; the shape is where arrays come in.
enum class Element : std::uint8_t { f64 };
struct Type {
  Element element = Element::f64;
  std::vector<std::uint32_t> shape;  ///< empty: a scalar

  friend bool operator==(const Type&, const Type&) = default;
};
/// "f64", "f64[3,4]".
std::string to_string(const Type& type);

enum class VertexKind : std::uint8_t {
  placeholder,
  variable,
  constant,
  operation,
  block,  ///< a call of a Block; has no value of its own
  output  ///< one value of a block: directly after it, in order
};

struct GraphNode {
  VertexKind kind;
  Op op = Op::add;         ///< of an operation
  std::uint16_t type = 0;  ///< place among Graph::types()
  /// operation: its operands. variable, constant: [0] is the place among Graph::numbers().
  /// block: [0] is the place among Graph::calls(). output: [0] is the block's node, [1] which one.
  std::uint32_t operand[3] = {};

  friend bool operator==(const GraphNode&, const GraphNode&) = default;
};

/// A call of a block: what it is, and its operands.
struct BlockCall {
  std::shared_ptr<const Block> block;
  std::vector<Vertex> operands;
};

/// A place in a source: `file` is its place among Graph::files(), where 0 is "unknown".
struct SourceLine {
  std::uint32_t file = 0;
  std::uint32_t line = 0;
  friend bool operator==(const SourceLine&, const SourceLine&) = default;
};

/// A node of a Graph that is being built by hand: arithmetic on it appends nodes. A handle, valid
/// as long as its Graph.
class Node {
 public:
  Node(Graph& graph, Vertex vertex) : graph_(&graph), vertex_(vertex) {}

  Graph& graph() const { return *graph_; }
  Vertex vertex() const { return vertex_; }

  VertexKind kind() const;
  std::string name() const;
  Type type() const;
  /// The number of a variable or constant; else what forward() left here. Throws Error before.
  double value() const;
  /// What backward() left here: 0 if nothing arrived. Throws Error before.
  double grad() const;
  bool has_grad() const;
  /// Gives a variable a new number; values that forward() left stay until the next one. Throws
  /// Error for every other kind.
  void assign(double value) const;

 private:
  Graph* graph_;
  Vertex vertex_;
};

/// A name and the number it is fed with.
struct Fed {
  std::string_view name;
  double value;
};

class Graph {
 public:
  Graph();

  // ---- building -----------------------------------------------------------------------------
  /// Leaves. An empty name gives the automatic ones: plc/0, var/0, const/0. Throws Error for a name
  /// that another node of this Graph has.
  Node placeholder(std::string_view name = {}, Type type = {});
  Node variable(double value, std::string_view name = {});
  Node constant(double value, std::string_view name = {});
  /// Appends an operation. Throws Error if the operands' count is not the operation's arity, or
  /// they are of another Graph.
  Node apply(Op op, std::span<const Node> operands);
  /// Names a node. Throws Error if another has that name.
  void name(Vertex node, std::string_view name);

  // The same for builders that keep their own order of things: unchecked but for asserts.
  Vertex append(const GraphNode& node);
  Vertex append_number(VertexKind kind, double number);
  Vertex append_call(BlockCall call);              ///< the block's node; its outputs follow it
  void label(Vertex node, std::string_view text);  ///< need not be unique
  void locate(Vertex node, SourceLine at);
  std::uint32_t file(std::string_view name);  ///< its place among files()
  std::uint16_t type(const Type& type);       ///< its place among types()

  // ---- reading ------------------------------------------------------------------------------
  std::size_t size() const { return nodes_.size(); }
  const GraphNode& operator[](Vertex v) const { return nodes_[v.index]; }
  std::span<const GraphNode> nodes() const { return nodes_; }
  std::span<const double> numbers() const { return numbers_; }
  std::span<const BlockCall> calls() const { return calls_; }
  std::span<const Type> types() const { return types_; }
  std::span<const std::string> files() const { return files_; }
  /// The label, or null.
  const std::string* label_of(Vertex node) const;
  SourceLine line_of(Vertex node) const;
  /// The label, or the kind or operation and the number of such nodes before it: mul/0. Linear.
  std::string name_of(Vertex node) const;
  /// All names, in one pass.
  std::vector<std::string> names() const;
  /// Calls visit(Vertex) for each operand, left to right.
  template <class Visit>
  void each_operand(Vertex v, Visit&& visit) const {
    const GraphNode& node = nodes_[v.index];
    switch (node.kind) {
      case VertexKind::placeholder:
      case VertexKind::variable:
      case VertexKind::constant: return;
      case VertexKind::operation:
        for (int k = 0; k < info(node.op).arity; ++k) visit(Vertex{node.operand[k]});
        return;
      case VertexKind::block:
        for (const Vertex operand : calls_[node.operand[0]].operands) visit(operand);
        return;
      case VertexKind::output: visit(Vertex{node.operand[0]}); return;
    }
  }

  std::vector<Vertex> placeholders() const;
  std::vector<Vertex> variables() const;
  std::vector<Vertex> constants() const;
  std::vector<Vertex> operations() const;
  /// The node of that name. Throws Error if there is none.
  Node operator[](std::string_view name);

  /// Every node after its operands: the whole Graph in the order it was built in; or what `head`
  /// depends on, depth-first, operands from left to right, itself last.
  std::vector<Vertex> order() const;
  std::vector<Vertex> order(Vertex head) const;

  // ---- running ------------------------------------------------------------------------------
  /// Evaluates every node, or what `head` depends on, which it returns. Throws Error for a
  /// placeholder that is not fed, a name that is no placeholder, and one fed twice; then no value
  /// has changed.
  void forward(std::span<const Fed> feed = {});
  void forward(std::initializer_list<Fed> feed);
  double forward(const Node& head, std::span<const Fed> feed = {});
  double forward(const Node& head, std::initializer_list<Fed> feed);
  /// Fills every node's adjoint: ∂head/∂node · seed. Throws Error before a forward pass that
  /// covered head.
  void backward(const Node& head, double seed = 1.0);

  friend bool operator==(const Graph&, const Graph&);

 private:
  friend class Node;
  struct Label {
    std::uint32_t node;
    std::string text;
    friend bool operator==(const Label&, const Label&) = default;
  };
  struct Line {
    std::uint32_t node;
    SourceLine at;
    friend bool operator==(const Line&, const Line&) = default;
  };

  std::vector<GraphNode> nodes_;
  std::vector<double> numbers_;
  std::vector<BlockCall> calls_;
  std::vector<Type> types_;         ///< [0] is the scalar
  std::vector<std::string> files_;  ///< [0] is ""
  std::vector<Label> labels_;       ///< by node, ascending
  std::vector<Line> lines_;         ///< by node, ascending
  std::vector<double> values_;      ///< by node, once forward() has run
  std::vector<double> adjoints_;    ///< by node, once backward() has run; −0.0: nothing arrived
  std::vector<bool> evaluated_;     ///< by node: values_ is of the last forward()
};

// Arithmetic on Nodes, and every row of the table by its name: sin(x), pow(x, y), select(c, a, b).
// A number becomes a constant of the Graph, one for each distinct number: const/0.

}  // namespace chainrule
