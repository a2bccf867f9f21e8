#include "chainrule/expr/patterns_internal.hpp"

#include <numeric>

namespace chainrule::expr {
namespace {

struct Nodes {
  const Graph& graph;

  const GraphNode& operator()(std::uint32_t v) const { return graph.nodes()[v]; }
  bool is(std::uint32_t v, Op op) const {
    return (*this)(v).kind == VertexKind::operation && (*this)(v).op == op;
  }
  bool is_number(std::uint32_t v, double number) const {
    return (*this)(v).kind == VertexKind::constant &&
           graph.numbers()[(*this)(v).operand[0]] == number;
  }
};

}  // namespace

// 4 σ(2u) σ(−2u) = 1/cosh²u, which is as tanh' is recorded. Accurate wherever cosh²u is finite;
// beyond |u| = 355 the slope is below 1e-307 and becomes 0.
std::optional<std::uint32_t> tanh_slope(const Graph& graph, std::uint32_t v) {
  const Nodes at{graph};
  if (!at.is(v, Op::mul) || !at.is(at(v).operand[0], Op::mul)) return std::nullopt;
  const GraphNode& left = at(at(v).operand[0]);
  const auto doubled = [&](std::uint32_t s, double c) -> std::optional<std::uint32_t> {
    if (!at.is(s, Op::sigmoid) || !at.is(at(s).operand[0], Op::mul)) return std::nullopt;
    const GraphNode& twice = at(at(s).operand[0]);
    if (!at.is_number(twice.operand[0], c)) return std::nullopt;
    return twice.operand[1];
  };
  if (!at.is_number(left.operand[0], 4)) return std::nullopt;
  const auto u = doubled(left.operand[1], 2), w = doubled(at(v).operand[1], -2);
  return u && w && *u == *w ? u : std::nullopt;
}

// y xʸ / x where x ≠ 0 and small y, else y x^(y−1), as the slope of x**y is recorded: they differ
// by rounding alone.
std::optional<std::uint32_t> power_branches(const Graph& graph, std::uint32_t v) {
  const Nodes at{graph};
  if (!at.is(v, Op::select)) return std::nullopt;
  const std::uint32_t a = at(v).operand[1], b = at(v).operand[2];
  if (!at.is(a, Op::div) || !at.is(b, Op::mul) || !at.is(at(a).operand[0], Op::mul))
    return std::nullopt;
  const std::uint32_t x = at(a).operand[1];
  const GraphNode& over = at(at(a).operand[0]);
  const std::uint32_t y = over.operand[0], z = over.operand[1], w = at(b).operand[1];
  const auto is_power_of_x = [&](std::uint32_t p) {
    return at.is(p, Op::pow) && at(p).operand[0] == x;
  };
  if (at(b).operand[0] != y || !is_power_of_x(z) || !is_power_of_x(w)) return std::nullopt;
  if (at(z).operand[1] != y) return std::nullopt;
  const std::uint32_t less = at(w).operand[1];
  const bool is_less =
      (at.is(less, Op::sub) && at(less).operand[0] == y && at.is_number(at(less).operand[1], 1)) ||
      (at(y).kind == VertexKind::constant &&
       at.is_number(less, graph.numbers()[at(y).operand[0]] - 1));
  return is_less ? std::optional(b) : std::nullopt;
}

Trace without_power_branches(const Trace& trace) {
  std::vector<std::uint32_t> stands_for(trace.graph.size());
  std::iota(stands_for.begin(), stands_for.end(), 0u);
  Trace cleaned{trace.name, {}, trace.inputs, trace.arguments, trace.outputs, trace.results, {}};
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    GraphNode node = trace.graph.nodes()[v];
    if (const auto power = power_branches(trace.graph, v)) stands_for[v] = stands_for[*power];
    if (node.kind == VertexKind::constant || node.kind == VertexKind::variable) {
      cleaned.graph.append_number(node.kind, trace.graph.numbers()[node.operand[0]]);
    } else {
      if (node.kind == VertexKind::operation) {
        for (int k = 0; k < info(node.op).arity; ++k) {
          node.operand[k] = stands_for[node.operand[k]];
        }
      }
      cleaned.graph.append(node);
    }
    const std::string* label = trace.graph.label_of({v});
    if (label != nullptr) cleaned.graph.label({v}, *label);
  }
  for (Vertex& output : cleaned.outputs) output = {stands_for[output.index]};
  return cleaned;
}

}  // namespace chainrule::expr
