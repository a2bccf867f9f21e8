// Picture: what a drawing shows, and nothing of how it is drawn.
//
// Nodes in the order of computation (each after its operands, the output last) and one edge for
// each pair of an operand and its user, however often the operand is used. Every renderer reads a
// Picture alone, so whatever can be told as one can be drawn. Plain numbers are nodes of their own,
// one a use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chainrule/tape/scalar.hpp"

namespace chainrule {

enum class PictureKind : unsigned char {
  variable,
  constant,
  placeholder,
  number,  ///< a plain number that an operation was given
  operation,
  more  ///< stands for what is not shown: `hidden` nodes
};

struct PictureNode {
  PictureKind kind = PictureKind::operation;
  std::string name;       ///< the label or the automatic name; empty for numbers and `more`
  bool labelled = false;  ///< name is a label
  std::string op;         ///< of an operation: its name in the table, as mul
  std::string glyph;      ///< of an operation: its sign, as *, or else its name
  double value = 0;
  std::optional<double> grad;
  std::string source;      ///< file:line, if known
  std::size_t hidden = 0;  ///< of `more`: how many nodes it stands for
};

/// A node's place in its Picture.
using PictureIndex = Id<struct PictureTag>;

struct PictureEdge {
  PictureIndex from, to;
  std::vector<unsigned> positions;  ///< which operands of `to`: two for the x of x*x
  std::optional<double> partial;  ///< ∂to/∂from over all of these; empty where nothing is pushed
};

struct Picture {
  std::vector<PictureNode> nodes;
  std::vector<PictureEdge> edges;  ///< by `to`, then by first position
  std::size_t hidden = 0;          ///< nodes that belong to the graph and are not here

  const PictureNode& operator[](PictureIndex i) const { return nodes[i.index]; }
  const PictureNode& output() const { return nodes.back(); }
};

struct PictureOptions {
  /// How many nodes (plain numbers are not counted) are kept: those nearest to the output, or,
  /// once the output has an adjoint, those with the largest ones.
  std::size_t nodes = 10'000;
};

/// y and what it was computed from, as they stand on the active tape. Throws as inspect() does.
Picture picture_of(const Scalar& y, const PictureOptions& options = {});

/// At most `nodes` nodes of a picture, chosen as picture_of chooses. Each place where it is cut
/// ends in a `more` node.
Picture trimmed(const Picture& picture, std::size_t nodes);

}  // namespace chainrule
