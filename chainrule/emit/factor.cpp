#include "chainrule/emit/factor_internal.hpp"

#include "chainrule/tape/block.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule::emit {

std::vector<bool> uniform_vertices(const Trace& trace, const Layout& layout) {
  const Graph& graph = trace.graph;
  std::vector<bool> is_uniform(graph.size(), true);
  for (std::size_t k = 0; k < trace.inputs.size(); ++k) {
    if (!layout.is_shared[k]) is_uniform[trace.inputs[k].index] = false;
  }
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    graph.each_operand({v}, [&](Vertex x) {
      if (!is_uniform[x.index]) is_uniform[v] = false;
    });
  }
  return is_uniform;
}

namespace {

constexpr int kDeepest = 4;

class Factoring {
 public:
  Factoring(const Trace& trace, const Layout& layout)
      : trace_(trace),
        graph_(trace.graph),
        layout_(layout),
        is_uniform_(uniform_vertices(trace, layout)),
        is_plain_(graph_.size()),
        reads_(graph_.size()),
        is_after_(graph_.size()) {
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      const VertexKind kind = graph_.nodes()[v].kind;
      bool plain = is_uniform_[v] && kind != VertexKind::block && kind != VertexKind::output;
      graph_.each_operand({v}, [&](Vertex x) {
        plain = plain && is_plain_[x.index];
        ++reads_[x.index];
      });
      is_plain_[v] = plain;
    }
    for (const Vertex output : trace.outputs) ++reads_[output.index];
    for (const Guard& guard : trace.guards) ++reads_[guard.node.index];
  }

  std::optional<Factored> run() {
    bool found = false;
    for (std::size_t k = 0; k < trace_.outputs.size(); ++k) {
      const Vertex v = trace_.outputs[k];
      if (!layout_.is_summed[k] || reads_[v.index] != 1 || is_uniform_[v.index]) continue;
      if (!is_linear(v, 0) || !reads_a_loop(v, 0)) continue;
      mark(v, 0);
      found = true;
    }
    if (!found) return std::nullopt;
    return factored();
  }

 private:
  // What a loop stacks for this one reader, or what is wanted elsewhere anyway.
  bool is_root(Vertex v) const {
    return !is_uniform_[v.index] && (reads_[v.index] > 1 || is_of_loop(v));
  }

  bool is_of_loop(Vertex v) const {
    if (reads_[v.index] > 1) return false;
    if (graph_[v].kind != VertexKind::output) return false;
    const GraphNode& block = graph_[Vertex{graph_[v].operand[0]}];
    return dynamic_cast<const Loop*>(graph_.calls()[block.operand[0]].block.get()) != nullptr;
  }

  // Only then is something gained: sums of other values would be as many, and lose digits where
  // differences were taken first.
  bool reads_a_loop(Vertex v, int depth) const {
    bool found = false;
    if (depth > kDeepest + 1) return found;
    graph_.each_operand(v, [&](Vertex x) {
      if (is_uniform_[x.index]) return;
      found = found || is_of_loop(x) || (!is_root(x) && reads_a_loop(x, depth + 1));
    });
    return found;
  }

  bool is_part(Vertex v, int depth) const {
    return is_root(v) || (reads_[v.index] == 1 && is_linear(v, depth + 1));
  }

  // A product of a part and what is uniform.
  bool is_scaled(Vertex a, Vertex b, int depth) const {
    return (is_plain_[a.index] && is_part(b, depth)) || (is_plain_[b.index] && is_part(a, depth));
  }

  bool is_linear(Vertex v, int depth) const {
    const GraphNode& node = graph_[v];
    if (depth > kDeepest || is_uniform_[v.index] || node.kind != VertexKind::operation)
      return false;
    const Vertex a{node.operand[0]}, b{node.operand[1]}, c{node.operand[2]};
    if (node.op == Op::neg) return is_part(a, depth);
    if (node.op == Op::mul) return is_scaled(a, b, depth);
    if (node.op == Op::div) return is_plain_[b.index] && is_part(a, depth);
    if (node.op == Op::add || node.op == Op::sub) return is_part(a, depth) && is_part(b, depth);
    if (node.op == Op::fma) return is_scaled(a, b, depth) && is_part(c, depth);
    return false;
  }

  // What comes after the rows, and which sums it reads.
  void mark(Vertex v, int depth) {
    is_after_[v.index] = true;
    graph_.each_operand(v, [&](Vertex x) {
      if (is_uniform_[x.index] || is_root(x)) return;
      mark(x, depth + 1);
    });
  }

  std::optional<Factored> factored() {
    Factored result{trace_, {layout_.is_shared, {}, layout_.sources, {}}, {}};
    result.rows.outputs.clear();
    for (std::size_t k = 0; k < trace_.outputs.size(); ++k) {
      if (!layout_.is_summed[k]) result.rows.outputs.push_back(trace_.outputs[k]);
    }
    const std::size_t stored = result.rows.outputs.size();

    // After the rows: shared inputs, sums, and what is made of them. A shared number may be wanted
    // as it is and as a sum.
    Graph& after = result.after.graph;
    std::vector<Vertex> there(graph_.size(), Vertex{kNone}), sum(there);
    for (std::size_t k = 0; k < trace_.inputs.size(); ++k) {
      if (!layout_.is_shared[k]) continue;
      there[trace_.inputs[k].index] = after.append({VertexKind::placeholder});
      result.after.inputs.push_back(there[trace_.inputs[k].index]);
    }
    const auto add_sum = [&](Vertex v) {
      if (sum[v.index].index != kNone) return;
      sum[v.index] = after.append({VertexKind::placeholder});
      result.after.inputs.push_back(sum[v.index]);
      result.rows.outputs.push_back(v);
    };
    std::vector<bool> needed(graph_.size());
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (!is_after_[v]) continue;
      graph_.each_operand({v}, [&](Vertex x) {
        if (is_uniform_[x.index])
          needed[x.index] = true;
        else if (!is_after_[x.index])
          add_sum(x);
      });
    }
    for (std::size_t k = 0; k < trace_.outputs.size(); ++k) {
      if (layout_.is_summed[k] && !is_after_[trace_.outputs[k].index]) add_sum(trace_.outputs[k]);
    }
    for (auto v = static_cast<std::uint32_t>(graph_.size()); v-- > 0;) {
      if (needed[v]) graph_.each_operand({v}, [&](Vertex x) { needed[x.index] = true; });
    }
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if ((!needed[v] && !is_after_[v]) || there[v].index != kNone) continue;
      GraphNode node = graph_.nodes()[v];
      if (node.kind == VertexKind::operation) {
        for (int k = 0; k < info(node.op).arity; ++k) {
          const std::uint32_t x = node.operand[k];
          node.operand[k] = (is_uniform_[x] || is_after_[x] ? there : sum)[x].index;
        }
        there[v] = after.append(node);
      } else {
        there[v] = after.append_number(VertexKind::constant, graph_.numbers()[node.operand[0]]);
      }
    }
    for (std::size_t k = 0; k < trace_.outputs.size(); ++k) {
      if (!layout_.is_summed[k]) continue;
      const std::uint32_t v = trace_.outputs[k].index;
      result.after.outputs.push_back((is_after_[v] ? there : sum)[v]);
    }
    result.layout.is_summed.assign(result.rows.outputs.size(), true);
    std::fill_n(result.layout.is_summed.begin(), stored, false);
    return result;
  }

  const Trace& trace_;
  const Graph& graph_;
  const Layout& layout_;
  std::vector<bool> is_uniform_, is_plain_;
  std::vector<std::uint32_t> reads_;
  std::vector<bool> is_after_;
};

}  // namespace

std::optional<Factored> factor_sums(const Trace& trace, const Layout& layout) {
  return Factoring(trace, layout).run();
}

}  // namespace chainrule::emit
