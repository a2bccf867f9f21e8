// What stands on the tape, for people and pictures: names, operands, partials, paths, first faults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chainrule/tape/tape.hpp"

namespace chainrule {

enum class NodeKind { variable, constant, placeholder, operation, block };

/// One edge into a node.
struct OperandInfo {
  bool is_number;  ///< a plain number: `node` means nothing
  NodeId node;
  double value;
  std::optional<double> partial;  ///< ∂node/∂operand; empty where nothing is pushed (`none`)
};

struct NodeInfo {
  NodeId id;
  NodeKind kind;
  Op op;                   ///< of an operation
  std::string_view block;  ///< of a value of a block: the block's name
  std::string name;
  bool labelled;  ///< name is a label, not an automatic name
  double value;
  std::optional<double> grad;
  std::vector<OperandInfo> operands;
  Location at;  ///< where it was recorded, if the tape keeps source lines
};

/// All that the tape knows of a node. Throws HandleError for a stale or crossed handle.
NodeInfo inspect(const Scalar& node);
/// The same for many nodes of a tape at once, in one pass over it.
std::vector<NodeInfo> inspect(Tape& tape, const std::vector<NodeId>& nodes);

/// The nodes that y depends on, y last: depth-first post-order, operands from left to right. Every
/// node comes after its operands; reversed, it is the order of a backward pass.
std::vector<NodeId> ancestors(const Scalar& y);

/// A handle to a node of the active tape. Throws Error if there is no such row.
Scalar scalar_of(NodeId node);

/// The node's label, or its operation (var, const, plc for leaves) and the number of such nodes
/// recorded before it: mul/0. Linear in the node's row.
std::string name_of(const Tape& tape, NodeId node);

/// In words: the path of largest |∂y/∂node · ∂node/∂x| by which x matters to y, or where every path
/// is cut, or that y does not depend on x.
std::string explain(const Scalar& y, const Scalar& x);

/// The birth of a NaN: the first node whose value is NaN though no operand's is, or else, in the
/// reverse sweep from y, the first contribution that is NaN though the adjoint is not.
struct Fault {
  NodeId node;
  bool in_reverse;
  std::string text;  ///< one line: node, operands, and the source line if the tape keeps them
};
std::optional<Fault> first_nan(const Scalar& y);

}  // namespace chainrule
