#include "chainrule/draw/picture.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_map>

#include "chainrule/draw/part_internal.hpp"
#include "chainrule/tape/inspect.hpp"

namespace chainrule {
namespace {

using detail::Bones;
using detail::Part;

// NaN outweighs everything: a fault is what one looks for.
double weight_of(const std::optional<double>& grad) {
  if (!grad) return 0;
  return std::isnan(*grad) ? HUGE_VAL : std::fabs(*grad);
}

PictureKind kind_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::variable: return PictureKind::variable;
    case NodeKind::constant: return PictureKind::constant;
    case NodeKind::placeholder: return PictureKind::placeholder;
    case NodeKind::operation:
    case NodeKind::block: return PictureKind::operation;
  }
  __builtin_unreachable();
}

PictureNode node_of(const NodeInfo& from) {
  PictureNode node;
  node.kind = kind_of(from.kind);
  node.name = from.name;
  node.labelled = from.labelled;
  node.value = from.value;
  node.grad = from.grad;
  if (from.kind == NodeKind::operation) {
    const OpInfo& op = info(from.op);
    node.op = op.name;
    node.glyph = op.glyph.empty() ? op.name : op.glyph;
  }
  if (from.kind == NodeKind::block) node.glyph = node.op = from.block;
  if (from.at.file != nullptr) {
    node.source = std::string(from.at.file) + ":" + std::to_string(from.at.line);
  }
  return node;
}

// Builds a picture node by node, operands first.
class Builder {
 public:
  PictureIndex add(PictureNode node) {
    picture_.nodes.push_back(std::move(node));
    return {static_cast<std::uint32_t>(picture_.nodes.size() - 1)};
  }

  // One more use of `from` by the node that is added next.
  void use(PictureIndex from, unsigned position, const std::optional<double>& partial) {
    for (PictureEdge& edge : uses_) {
      if (edge.from != from) continue;
      edge.positions.push_back(position);
      if (partial) edge.partial = edge.partial.value_or(0) + *partial;
      return;
    }
    uses_.push_back({from, {}, {position}, partial});
  }

  PictureIndex add_user(PictureNode node) {
    const PictureIndex to = add(std::move(node));
    for (PictureEdge& edge : uses_) {
      edge.to = to;
      picture_.edges.push_back(std::move(edge));
    }
    uses_.clear();
    return to;
  }

  Picture finish(std::size_t hidden) {
    picture_.hidden = hidden;
    return std::move(picture_);
  }

 private:
  Picture picture_;
  std::vector<PictureEdge> uses_;
};

PictureNode number_node(double value) {
  PictureNode node;
  node.kind = PictureKind::number;
  node.value = value;
  return node;
}

PictureNode more_node(std::size_t hidden) {
  PictureNode node;
  node.kind = PictureKind::more;
  node.hidden = hidden;
  return node;
}

// All that y depends on, a few bytes a node. Read in runs: inspect() passes over the tape once a
// run.
class Skeleton {
 public:
  explicit Skeleton(const Scalar& y) : nodes(ancestors(y)) {
    std::vector<std::uint32_t> place(nodes.back().index + std::size_t{1});
    constexpr std::size_t kRun = 1 << 16;
    for (std::size_t start = 0; start < nodes.size(); start += kRun) {
      const auto from = nodes.begin() + static_cast<std::ptrdiff_t>(start);
      const auto length = std::min(kRun, nodes.size() - start);
      for (const NodeInfo& node :
           inspect(Tape::active(),
                   std::vector<NodeId>(from, from + static_cast<std::ptrdiff_t>(length)))) {
        place[node.id.index] = static_cast<std::uint32_t>(bones.size());
        for (const OperandInfo& operand : node.operands) {
          if (!operand.is_number) bones.operands.push_back(place[operand.node.index]);
        }
        bones.close_node(weight_of(node.grad), 1);
      }
    }
  }

  std::vector<NodeId> nodes;
  Bones bones;
};

}  // namespace

Picture picture_of(const Scalar& y, const PictureOptions& options) {
  const Skeleton skeleton(y);
  const Part part = part_near_output(skeleton.bones, options.nodes);
  std::vector<NodeId> kept;
  std::vector<std::size_t> behind;
  for (std::size_t k = 0; k < skeleton.nodes.size(); ++k) {
    if (!part.kept[k]) continue;
    kept.push_back(skeleton.nodes[k]);
    behind.push_back(part.behind[k]);
  }
  std::unordered_map<std::uint32_t, PictureIndex> drawn;
  Builder builder;
  std::size_t k = 0;
  for (const NodeInfo& node : inspect(Tape::active(), kept)) {
    std::optional<PictureIndex> more;
    for (unsigned position = 0; position < node.operands.size(); ++position) {
      const OperandInfo& operand = node.operands[position];
      if (operand.is_number) {
        builder.use(builder.add(number_node(operand.value)), position, operand.partial);
      } else if (const auto found = drawn.find(operand.node.index); found != drawn.end()) {
        builder.use(found->second, position, operand.partial);
      } else {
        if (!more) more = builder.add(more_node(behind[k]));
        builder.use(*more, position, {});
      }
    }
    drawn[node.id.index] = builder.add_user(node_of(node));
    ++k;
  }
  return builder.finish(part.hidden);
}

Picture trimmed(const Picture& picture, std::size_t nodes) {
  if (picture.nodes.size() <= nodes) return picture;
  // Plain numbers go with their users, so they are left out of the choice.
  constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<std::uint32_t> bone_of(picture.nodes.size(), kNone);
  Bones bones;
  std::size_t edge = 0;
  std::vector<std::size_t> first_edge;
  for (std::uint32_t k = 0; k < picture.nodes.size(); ++k) {
    const PictureNode& node = picture.nodes[k];
    first_edge.push_back(edge);
    for (; edge < picture.edges.size() && picture.edges[edge].to.index == k; ++edge) {
      const std::uint32_t operand = bone_of[picture.edges[edge].from.index];
      if (operand != kNone) bones.operands.push_back(operand);
    }
    if (node.kind == PictureKind::number) continue;
    bone_of[k] = static_cast<std::uint32_t>(bones.size());
    const bool more = node.kind == PictureKind::more;
    bones.close_node(weight_of(node.grad), more ? node.hidden : 1);
  }
  first_edge.push_back(edge);
  if (bones.size() <= nodes) return picture;

  const Part part = part_near_output(bones, nodes);
  std::vector<PictureIndex> moved(picture.nodes.size());
  Builder builder;
  std::size_t hidden = 0;
  for (std::uint32_t k = 0; k < picture.nodes.size(); ++k) {
    if (bone_of[k] == kNone || !part.kept[bone_of[k]]) continue;
    std::optional<PictureIndex> more;
    for (std::size_t e = first_edge[k]; e < first_edge[k + 1]; ++e) {
      const PictureEdge& use = picture.edges[e];
      const std::uint32_t operand = bone_of[use.from.index];
      PictureIndex from;
      const bool shown = operand == kNone || part.kept[operand];
      if (operand == kNone) {
        from = builder.add(picture[use.from]);
      } else if (shown) {
        from = moved[use.from.index];
      } else {
        if (!more) more = builder.add(more_node(part.behind[bone_of[k]]));
        from = *more;
      }
      bool first = true;
      for (const unsigned position : use.positions) {
        builder.use(from, position, shown && first ? use.partial : std::nullopt);
        first = false;
      }
    }
    if (picture.nodes[k].kind == PictureKind::more) hidden += picture.nodes[k].hidden;
    moved[k] = builder.add_user(picture.nodes[k]);
  }
  return builder.finish(part.hidden + hidden);
}

}  // namespace chainrule
