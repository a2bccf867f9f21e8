#include "chainrule/graph/trace.hpp"
#include "chainrule/graph/words_internal.hpp"

#include <algorithm>
#include <bit>

namespace chainrule {
namespace {

bool same_number(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

}  // namespace

bool operator==(const Guard& a, const Guard& b) {
  return same_number(a.expected, b.expected) && a.node == b.node && a.at == b.at;
}

bool operator==(const Trace& a, const Trace& b) {
  const auto same_guard = [&](const Guard& p, const Guard& q) {
    return p.node == q.node && same_number(p.expected, q.expected) && p.at.line == q.at.line &&
           a.graph.files()[p.at.file] == b.graph.files()[q.at.file];
  };
  return a.name == b.name && a.graph == b.graph && a.inputs == b.inputs &&
         a.arguments == b.arguments && a.outputs == b.outputs && a.results == b.results &&
         std::ranges::equal(a.guards, b.guards, same_guard);
}

Trace to_trace(const Graph& graph, std::span<const Node> outputs, std::string_view name) {
  Trace trace{std::string(name), graph, {}, {}, {}, {}, {}};
  const std::vector<std::string> names = graph.names();
  for (const Vertex v : graph.placeholders()) {
    const auto place = static_cast<std::uint32_t>(trace.inputs.size());
    trace.arguments.push_back({names[v.index], graph.types()[graph[v].type], place, 1});
    trace.inputs.push_back(v);
  }
  for (const Node& output : outputs) {
    if (&output.graph() != &graph) {
      fail("to_trace", detail::shown(output.name()) + " is a node of another graph");
    }
    const Vertex v = output.vertex();
    const auto place = static_cast<std::uint32_t>(trace.outputs.size());
    trace.results.push_back({names[v.index], graph.types()[graph[v].type], place, 1});
    trace.outputs.push_back(v);
  }
  return trace;
}

Trace to_trace(const Graph& graph, std::initializer_list<Node> outputs, std::string_view name) {
  return to_trace(graph, std::span(outputs.begin(), outputs.size()), name);
}

}  // namespace chainrule
