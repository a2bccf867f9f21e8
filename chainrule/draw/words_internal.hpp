// Words of a drawing: short numbers, labels made safe, signs, titles.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "chainrule/draw/picture.hpp"

namespace chainrule::detail {

/// Five significant digits: 0.70711, -6, 1.2346e5. With `minus` for the sign.
std::string short_number(double value, std::string_view minus = "-");
inline constexpr std::string_view kMinus = "−";

/// 1,234,567
std::string grouped(std::size_t count);

inline constexpr std::size_t kLongestName = 48;

/// Valid UTF-8: what is not becomes U+FFFD, as do characters that turn the direction of writing;
/// line breaks, tabs and other controls become spaces.
std::string cleaned(std::string_view text);
/// The same, and at most `characters` long; what is cut off ends in an ellipsis.
std::string shortened(std::string_view text, std::size_t characters = kLongestName);

/// & < > " ' as entities.
std::string escaped_xml(std::string_view text);

/// How wide a terminal shows it, in columns, taking every character as one.
std::size_t width_of(std::string_view text);

/// What an operation does, as it is drawn: ×, tanh; with its plain operands in their places: × 2,
/// 1 ÷, leaky_relu(·, 0.01).
std::string action_of(const Picture& picture, const PictureNode& node,
                      std::span<const PictureEdge> uses);

/// A node's name, shortened; a plain number's text; "… 1,234 more nodes".
std::string name_of(const PictureNode& node);

/// What stands beside the adjoint: do/dx where both have labels that are short words and the
/// output's adjoint is 1, so that the adjoint is that derivative; else grad.
std::string grad_caption(const Picture& picture, const PictureNode& node);

/// Says what was left out; empty if nothing was.
std::string title_of(const Picture& picture);

bool is_input(const PictureNode& node);
/// NaN or infinite, in value or adjoint.
bool is_faulty(const PictureNode& node);

/// Whether the reverse sweep brought something along this edge: to its user came an adjoint, and
/// from it a contribution; and what arrived in all is not 0.
bool carries_adjoint(const Picture& picture, const PictureEdge& edge);

/// `f(index, node, edges into the node)` for each node, in order.
template <class F>
void for_each_node(const Picture& picture, F&& f) {
  std::size_t edge = 0;
  for (std::uint32_t k = 0; k < picture.nodes.size(); ++k) {
    const std::size_t first = edge;
    while (edge < picture.edges.size() && picture.edges[edge].to.index == k) ++edge;
    f(PictureIndex{k}, picture.nodes[k],
      std::span<const PictureEdge>(picture.edges.data() + first, edge - first));
  }
}

}  // namespace chainrule::detail
