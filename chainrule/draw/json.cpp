// A picture as data: one node and one edge a line, numbers in full, names whole.
#include <cmath>
#include <nlohmann/json.hpp>

#include "chainrule/base/text.hpp"
#include "chainrule/draw/render_internal.hpp"
#include "chainrule/draw/words_internal.hpp"

namespace chainrule::detail {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no NaN and no infinities: they are "nan", "inf", "-inf".
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(shortest(value)); }
Json number(const std::optional<double>& value) { return value ? number(*value) : Json(nullptr); }

std::string_view word(PictureKind kind) {
  switch (kind) {
    case PictureKind::variable: return "variable";
    case PictureKind::constant: return "constant";
    case PictureKind::placeholder: return "placeholder";
    case PictureKind::number: return "number";
    case PictureKind::operation: return "operation";
    case PictureKind::more: return "more";
  }
  __builtin_unreachable();
}

Json json_of(PictureIndex i, const PictureNode& node) {
  Json object{{"id", i.index}, {"kind", word(node.kind)}};
  if (node.kind == PictureKind::more) {
    object["hidden"] = node.hidden;
    return object;
  }
  if (node.kind != PictureKind::number) {
    object["name"] = node.name;
    object["labelled"] = node.labelled;
  }
  if (node.kind == PictureKind::operation) object["op"] = node.op;
  object["value"] = number(node.value);
  if (node.kind != PictureKind::number) object["grad"] = number(node.grad);
  if (!node.source.empty()) object["source"] = node.source;
  return object;
}

Json json_of(const PictureEdge& edge) {
  return {{"from", edge.from.index},
          {"to", edge.to.index},
          {"positions", edge.positions},
          {"count", edge.positions.size()},
          {"partial", number(edge.partial)}};
}

// Bytes that are no UTF-8 become U+FFFD.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void list(std::string& out, std::string_view name, const std::vector<std::string>& lines) {
  out.append("  \"").append(name).append("\": [");
  for (std::size_t k = 0; k < lines.size(); ++k) {
    out.append(k == 0 ? "\n    " : ",\n    ").append(lines[k]);
  }
  out.append(lines.empty() ? "]" : "\n  ]");
}

}  // namespace

std::string render_json(const Picture& picture) {
  std::vector<std::string> nodes, edges;
  for_each_node(picture,
                [&](PictureIndex i, const PictureNode& node, std::span<const PictureEdge>) {
                  nodes.push_back(text_of(json_of(i, node)));
                });
  for (const PictureEdge& edge : picture.edges) edges.push_back(text_of(json_of(edge)));
  std::string out = "{\n  \"output\": " + std::to_string(picture.nodes.size() - 1) +
                    ",\n  \"hidden\": " + std::to_string(picture.hidden) + ",\n";
  list(out, "nodes", nodes);
  out += ",\n";
  list(out, "edges", edges);
  return out + "\n}\n";
}

}  // namespace chainrule::detail
