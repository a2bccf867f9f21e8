// Drawings of what was recorded: SVG, PNG, PDF, DOT, Mermaid, JSON and text for a terminal.
//
//   draw(y, "graph.svg");
//   draw(y, "graph.png", {.direction = Direction::top_to_bottom, .look = Look::table});
//   render(picture_of(y), DrawFormat::text);
//
// SVG, PNG and PDF are laid out by the Graphviz library in this process; no program is called. The
// others need no library, and are the same bytes for the same graph. A graph beyond the budget is
// cut, and the picture says where and by how much.
#pragma once

#include <string>
#include <string_view>

#include "chainrule/draw/picture.hpp"

namespace chainrule {

enum class DrawFormat : unsigned char { svg, png, pdf, dot, mermaid, json, text };

/// Which way values flow.
enum class Direction : unsigned char { left_to_right, top_to_bottom, bottom_to_top };

/// graph: each value is a box, each operation a small juncture in front of its result.
/// table: each node is a table with a coloured head.
enum class Look : unsigned char { graph, table };

enum class Colours : unsigned char { on, off };

/// Dashed arrows against the flow, wherever an adjoint that is not 0 was passed on.
enum class Backprop : unsigned char { hidden, shown };

/// ∂user/∂operand beside each edge.
enum class Partials : unsigned char { hidden, shown };

struct DrawOptions {
  Direction direction = Direction::left_to_right;
  Look look = Look::graph;
  Colours colours = Colours::on;
  Backprop backprop = Backprop::hidden;
  Partials partials = Partials::hidden;
  /// Nodes drawn at most; 0 means usual_budget(format). No more than 1,000 are laid out for svg,
  /// png and pdf: that takes some ten seconds.
  std::size_t nodes = 0;
};

/// 300 nodes where a layout is computed, 120 in Mermaid (which refuses more than 500 edges), 2,000
/// in DOT and text, a million in JSON.
std::size_t usual_budget(DrawFormat format);

/// The format that a file's name asks for: .svg .png .pdf .dot .mmd .json .txt. Throws Error,
/// naming these, for any other.
DrawFormat format_of(std::string_view path);

/// The bytes of a drawing. Throws Error for svg, png and pdf if the library was built without
/// Graphviz. Layouts are computed one at a time, whichever thread asks.
std::string render(const Picture& picture, DrawFormat format, const DrawOptions& options = {});

/// Draws y and what it was computed from into a file, which appears whole or not at all.
void draw(const Scalar& y, std::string_view path, const DrawOptions& options = {});

}  // namespace chainrule
