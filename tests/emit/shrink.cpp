#include "tests/emit/shrink.hpp"

#include <algorithm>
#include <optional>

#include "chainrule/tape/block.hpp"

namespace chainrule::test {
namespace {

// A smaller trace is described by what changes.
struct Change {
  std::uint32_t node = ~0u;              // it, or nothing,
  std::optional<std::uint32_t> by = {};  // is replaced by this node, or by the number 1
  std::size_t output = ~std::size_t{0};  // dropped
  std::size_t guard = ~std::size_t{0};   // dropped
};

// Appends those nodes that are needed, with operands as the change says.
class Rebuilding {
 public:
  Rebuilding(const Trace& from, const Change& change)
      : from_(from), graph_(from.graph), change_(change), place_(graph_.size(), ~0u) {}

  Trace run() {
    for (std::size_t k = 0; k < from_.outputs.size(); ++k) {
      if (k != change_.output) need(from_.outputs[k]);
    }
    for (std::size_t k = 0; k < from_.guards.size(); ++k) {
      if (k != change_.guard) need(from_.guards[k].node);
    }
    for (auto v = static_cast<std::uint32_t>(graph_.size()); v-- > 0;) {
      if (needed_[v]) graph_.each_operand({v}, [&](Vertex x) { need(x); });
    }
    for (const Vertex input : from_.inputs) needed_[input.index] = true;
    to_.name = "found";
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (needed_[v]) append({v});
    }
    for (const Vertex input : from_.inputs) to_.inputs.push_back({place_[input.index]});
    to_.arguments = from_.arguments;
    for (std::size_t k = 0; k < from_.outputs.size(); ++k) {
      if (k != change_.output) to_.outputs.push_back(placed(from_.outputs[k]));
    }
    const auto count = static_cast<std::uint32_t>(to_.outputs.size());
    to_.results = {{"y", {Element::f64, {count}}, 0, count}};
    for (std::size_t k = 0; k < from_.guards.size(); ++k) {
      if (k == change_.guard) continue;
      const Vertex node = placed(from_.guards[k].node);
      // One a node: what was replaced may have one.
      const bool is_there =
          std::ranges::any_of(to_.guards, [&](const Guard& guard) { return guard.node == node; });
      if (!is_there) to_.guards.push_back({node, from_.guards[k].expected, {}});
    }
    return std::move(to_);
  }

 private:
  std::uint32_t meant(Vertex v) const {
    return v.index == change_.node && change_.by ? *change_.by : v.index;
  }
  bool is_one(Vertex v) const { return v.index == change_.node && !change_.by; }

  void need(Vertex v) {
    if (!is_one(v)) needed_[meant(v)] = true;
  }

  Vertex placed(Vertex v) {
    if (!is_one(v)) return {place_[meant(v)]};
    if (!one_) one_ = to_.graph.append_number(VertexKind::constant, 1);
    return *one_;
  }

  void append(Vertex v) {
    const GraphNode& node = graph_[v];
    switch (node.kind) {
      case VertexKind::placeholder: place_[v.index] = to_.graph.append(node).index; break;
      case VertexKind::variable:
      case VertexKind::constant:
        place_[v.index] =
            to_.graph.append_number(node.kind, graph_.numbers()[node.operand[0]]).index;
        break;
      case VertexKind::operation: {
        GraphNode copy = node;
        for (int k = 0; k < info(node.op).arity; ++k)
          copy.operand[k] = placed({node.operand[k]}).index;
        place_[v.index] = to_.graph.append(copy).index;
        break;
      }
      case VertexKind::block: {
        BlockCall call = graph_.calls()[node.operand[0]];
        for (Vertex& x : call.operands) x = placed(x);
        const std::size_t outputs = call.block->outputs();
        const Vertex at = to_.graph.append_call(std::move(call));
        for (std::uint32_t k = 0; k <= outputs; ++k) place_[v.index + k] = at.index + k;
        break;
      }
      case VertexKind::output: break;  // came with its block
    }
  }

  const Trace& from_;
  const Graph& graph_;
  const Change& change_;
  Trace to_;
  std::vector<bool> needed_ = std::vector<bool>(graph_.size());
  std::vector<std::uint32_t> place_;
  std::optional<Vertex> one_;
};

}  // namespace

Trace shrunk(Trace trace, const std::function<bool(const Trace&)>& fails) {
  int questions = 4000;
  const auto try_it = [&](const Change& change) {
    if (questions-- <= 0) return false;
    Trace smaller = Rebuilding(trace, change).run();
    if (!verify(smaller).empty() || !fails(smaller)) return false;
    trace = std::move(smaller);
    return true;
  };
  for (bool changed = true; changed && questions > 0;) {
    changed = false;
    for (std::size_t k = trace.outputs.size(); k-- > 0;) {
      if (trace.outputs.size() > 1) changed = try_it({.output = k}) || changed;
    }
    for (std::size_t k = trace.guards.size(); k-- > 0;) changed = try_it({.guard = k}) || changed;
    for (auto v = static_cast<std::uint32_t>(trace.graph.size()); v-- > 0;) {
      if (v >= trace.graph.size()) continue;
      const VertexKind kind = trace.graph[{v}].kind;
      if (kind != VertexKind::operation && kind != VertexKind::output) continue;
      std::vector<std::uint32_t> instead;
      if (kind == VertexKind::operation) {
        trace.graph.each_operand({v}, [&](Vertex x) { instead.push_back(x.index); });
      }
      for (const Vertex input : trace.inputs) {
        if (input.index < v) instead.push_back(input.index);
      }
      bool is_gone = try_it({.node = v});
      for (std::size_t k = 0; k < instead.size() && !is_gone; ++k) {
        is_gone = try_it({.node = v, .by = instead[k]});
      }
      changed = is_gone || changed;
    }
  }
  return trace;
}

}  // namespace chainrule::test
