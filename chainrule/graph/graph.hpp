// Graph: a computation as data. Nodes in an order in which every node comes after its operands.
//
// Built by hand, as in a static-graph engine, or by record(). 16 bytes a node; names and source
// lines stand in side tables, and values and adjoints exist only once forward() or backward() has
// run. Nothing recurses.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chainrule/base/error.hpp"
#include "chainrule/base/ids.hpp"
#include "chainrule/graph/lookup.hpp"
#include "chainrule/op/precision.hpp"

namespace chainrule {

class Block;
class Graph;
class Node;

/// What stands beside a Node in arithmetic: a number, or another Node.
template <class T>
concept NodeOrNumber = std::same_as<T, Node> || Number<T>;
/// Operands of which at least one is a Node.
template <class... T>
concept WithNode = (NodeOrNumber<T> && ...) && (std::same_as<T, Node> || ...);

/// A node's place in its Graph.
using Vertex = Id<struct VertexTag>;

/// What a node's value is. Scalars so far; the shape is where arrays come in.
using Element = Precision;
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

/// A call of a block: what it is, and its operands. Two are equal if they are of the same block, or
/// of two with the same words, which are not empty.
struct BlockCall {
  std::shared_ptr<const Block> block;
  std::vector<Vertex> operands;

  friend bool operator==(const BlockCall& a, const BlockCall& b);
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
  /// Whether the last backward() arrived here.
  bool has_grad() const;
  /// Gives a variable a new number; values that forward() left stay until the next one. Throws
  /// Error for every other kind.
  void assign(double value) const;

  template <NodeOrNumber T>
  Node& operator+=(const T& y);
  template <NodeOrNumber T>
  Node& operator-=(const T& y);
  template <NodeOrNumber T>
  Node& operator*=(const T& y);
  template <NodeOrNumber T>
  Node& operator/=(const T& y);

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

  struct Label {
    Vertex node;
    std::string text;
    friend bool operator==(const Label&, const Label&) = default;
  };
  struct Line {
    Vertex node;
    SourceLine at;
    friend bool operator==(const Line&, const Line&) = default;
  };

  // ---- building -----------------------------------------------------------------------------
  /// Leaves. An empty name gives the automatic ones: plc/0, var/0, const/0. Throws Error for a name
  /// that another node of this Graph has, and for one that looks automatic: mul/3.
  Node placeholder(std::string_view name = {}, Type type = {});
  Node variable(double value, std::string_view name = {});
  Node constant(double value, std::string_view name = {});
  /// Appends an operation. Throws Error if the operands' count is not the operation's arity, if
  /// they are of another Graph, or arrays.
  Node apply(Op op, std::span<const Node> operands);
  /// Appends a call of a block; gives its outputs. Throws Error as apply() does.
  std::vector<Node> call(std::shared_ptr<const Block> block, std::span<const Node> operands);
  /// The constant that stands for a plain number: one for each distinct number (by its bits).
  Node number(double value);
  /// Names a node; an empty name gives the automatic one back. Throws Error as the leaves do.
  void name(Vertex node, std::string_view name);

  // The same for builders that keep their own order of things: unchecked but for asserts.
  // (Throws Error beyond 2³² − 2 nodes, and beyond 65,536 types.)
  Vertex append(const GraphNode& node);
  Vertex append_number(VertexKind kind, double number);
  Vertex append_call(BlockCall call);              ///< the block's node; its outputs follow it
  void label(Vertex node, std::string_view text);  ///< need not be unique; empty: none
  void locate(Vertex node, SourceLine at);
  std::uint32_t file(std::string_view name);  ///< its place among files()
  std::uint16_t type(const Type& type);       ///< its place among types()
  void reserve(std::size_t nodes);            ///< room for so many
  void forget_notes();                        ///< drops all labels and source lines

  // ---- reading ------------------------------------------------------------------------------
  std::size_t size() const { return nodes_.size(); }
  const GraphNode& operator[](Vertex v) const { return nodes_[v.index]; }
  std::span<const GraphNode> nodes() const { return nodes_; }
  std::span<const double> numbers() const { return numbers_; }
  std::span<const BlockCall> calls() const { return calls_; }
  std::span<const Type> types() const { return types_; }
  std::span<const std::string> files() const { return files_; }
  std::span<const Label> labels() const { return labels_; }  ///< by node, ascending
  std::span<const Line> lines() const { return lines_; }     ///< by node, ascending
  /// The label, or null.
  const std::string* label_of(Vertex node) const;
  SourceLine line_of(Vertex node) const;
  /// The label, or the kind or operation and the number of such nodes before it: mul/0; for a
  /// block's output solve/1, or solve/1[0] where it has several. Linear.
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
  /// The node of that name, given or automatic. Throws Error if there is none.
  Node operator[](std::string_view name);

  /// The operands of a node, left to right, as each_operand visits them.
  std::size_t operand_count(Vertex v) const;
  Vertex operand(Vertex v, std::size_t k) const;

  /// Every node after its operands: the whole Graph in the order it was built in; or what `head`
  /// depends on, depth-first, operands from left to right, itself last.
  std::vector<Vertex> order() const;
  std::vector<Vertex> order(Vertex head) const;

  // ---- running ------------------------------------------------------------------------------
  /// Evaluates every node, or what `head` depends on, whose value it returns. Throws one Error that
  /// names every placeholder that is not fed (where it is needed), every name that is no
  /// placeholder, every one fed twice and every array, which cannot be evaluated yet; then no value
  /// has changed. Where a block throws, it and what comes after it have no value.
  void forward(std::span<const Fed> feed = {});
  void forward(std::initializer_list<Fed> feed);
  double forward(const Node& head, std::span<const Fed> feed = {});
  double forward(const Node& head, std::initializer_list<Fed> feed);
  /// Fills every node's adjoint: ∂head/∂node · seed, at the values of the last forward pass. A node
  /// is entered only if something was pushed into it. Throws Error before a forward pass that
  /// covered head.
  void backward(const Node& head, double seed = 1.0);

  /// The same nodes, numbers (bit by bit), blocks, labels and source lines; not what forward() and
  /// backward() left.
  friend bool operator==(const Graph&, const Graph&);

 private:
  friend class Node;
  friend struct GraphAccess;  // for the tests of verify(), which need broken ones

  void check_name(Vertex node, std::string_view name) const;
  void check_operand(std::string_view where, const Node& operand) const;
  Vertex find_label(std::string_view text) const;
  void file_label(Vertex node, std::string_view text);
  std::vector<double> fed_values(std::span<const Fed> feed, const std::vector<bool>& needed) const;
  void run(std::span<const Fed> feed, const std::vector<bool>& needed);
  void run_call(Vertex block);
  void pull_back(Vertex v, double g);
  void pull_back_call(Vertex block);

  std::vector<GraphNode> nodes_;
  std::vector<double> numbers_;
  std::vector<BlockCall> calls_;
  std::vector<Type> types_;         ///< [0] is the scalar
  std::vector<std::string> files_;  ///< [0] is ""
  std::vector<Label> labels_;       ///< by node, ascending
  std::vector<Line> lines_;         ///< by node, ascending
  std::vector<double> values_;      ///< by node, as far as evaluated_
  std::vector<double> adjoints_;    ///< by node, once backward() has run; −0.0: nothing arrived
  std::vector<bool> evaluated_;     ///< by node: values_ is of the last forward()
  detail::Lookup named_;            ///< nodes by label; what no longer has it is passed over
  bool has_twins_ = false;          ///< two labels were equal: then named_ lacks one of them
  detail::Lookup pooled_;           ///< constants made by number(), by their bits
  detail::Lookup filed_;            ///< files_ by name
  detail::Lookup typed_;            ///< types_ by shape
};

// ---- arithmetic on Nodes ----------------------------------------------------------------------

namespace detail {

/// One side of an operation on Nodes.
struct NodeOperand {
  NodeOperand(const Node& at) : node(at), is_number(false) {}
  template <Number T>
  NodeOperand(T value) : number(static_cast<double>(value)), is_number(true) {}

  union {
    Node node;
    double number;
  };
  bool is_number;
};

/// Appends op to the Graph of those operands that are Nodes.
Node apply(Op op, std::initializer_list<NodeOperand> operands);

}  // namespace detail

// Every row of the table by its name: sin(x), pow(x, 2), select(c, a, 0), lt(x, y). A number
// becomes a constant of the Graph, one for each distinct number: const/0.
#define CR_NODE_TYPES_1 class X
#define CR_NODE_TYPES_2 class X, class Y
#define CR_NODE_TYPES_3 class X, class Y, class W
#define CR_NODE_LIST_1  X
#define CR_NODE_LIST_2  X, Y
#define CR_NODE_LIST_3  X, Y, W
#define CR_NODES_1      const X& x
#define CR_NODES_2      const X &x, const Y &y
#define CR_NODES_3      const X &x, const Y &y, const W &w
#define CR_OP(name, arity, ...)                                         \
  template <CR_NODE_TYPES_##arity>                                      \
  requires WithNode<CR_NODE_LIST_##arity> Node name(CR_NODES_##arity) { \
    return detail::apply(Op::name, {CR_NAMES_##arity});                 \
  }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"

// The signs. A comparison of Nodes is a Node too: 1 or 0.
#define CR_NODE_SIGN(sign, op)                                         \
  template <class X, class Y>                                          \
  requires WithNode<X, Y> Node operator sign(const X& x, const Y& y) { \
    return detail::apply(Op::op, {x, y});                              \
  }
CR_NODE_SIGN(+, add)
CR_NODE_SIGN(-, sub)
CR_NODE_SIGN(*, mul)
CR_NODE_SIGN(/, div)
CR_NODE_SIGN(==, eq)
CR_NODE_SIGN(!=, ne)
CR_NODE_SIGN(<, lt)
CR_NODE_SIGN(<=, le)
CR_NODE_SIGN(>, gt)
CR_NODE_SIGN(>=, ge)
CR_NODE_SIGN(&, both)
CR_NODE_SIGN(|, either)
#undef CR_NODE_SIGN
#undef CR_NODE_TYPES_1
#undef CR_NODE_TYPES_2
#undef CR_NODE_TYPES_3
#undef CR_NODE_LIST_1
#undef CR_NODE_LIST_2
#undef CR_NODE_LIST_3
#undef CR_NODES_1
#undef CR_NODES_2
#undef CR_NODES_3

inline Node operator-(const Node& x) { return neg(x); }
inline Node operator+(const Node& x) { return x; }
inline Node operator!(const Node& x) { return negate(x); }

template <NodeOrNumber T>
Node& Node::operator+=(const T& y) {
  return *this = *this + y;
}
template <NodeOrNumber T>
Node& Node::operator-=(const T& y) {
  return *this = *this - y;
}
template <NodeOrNumber T>
Node& Node::operator*=(const T& y) {
  return *this = *this * y;
}
template <NodeOrNumber T>
Node& Node::operator/=(const T& y) {
  return *this = *this / y;
}

// The last operand of these rows has a usual value; and what <cmath> calls otherwise.
inline Node leaky_relu(const Node& x) { return leaky_relu(x, usual_last_operand(Op::leaky_relu)); }
inline Node elu(const Node& x) { return elu(x, usual_last_operand(Op::elu)); }
inline Node selu(const Node& x) { return selu(x, usual_last_operand(Op::selu)); }
inline Node fabs(const Node& x) { return abs(x); }
template <class X, class Y, class W>
requires WithNode<X, Y, W> Node hypot(const X& x, const Y& y, const W& w) {
  return hypot3(x, y, w);
}

/// "x: 3, grad 2", for messages and debugging: its name, and the numbers that it has.
std::string to_string(const Node& node);

}  // namespace chainrule
