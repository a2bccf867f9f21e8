#include "chainrule/optimise/schedule_internal.hpp"

#include <algorithm>

namespace chainrule::passes {
namespace {

bool is_item(const GraphNode& node) {
  return node.kind == VertexKind::operation || node.kind == VertexKind::block;
}

// What computes the value: itself, or the block whose output it is.
std::uint32_t item_of(const Graph& graph, std::uint32_t v) {
  const GraphNode& node = graph.nodes()[v];
  return node.kind == VertexKind::output ? node.operand[0] : v;
}

bool is_computed(const Graph& graph, Vertex v) {
  return is_item(graph[v]) || graph[v].kind == VertexKind::output;
}

// Calls visit(Vertex) for each value that an item computes.
template <class Visit>
void each_result(const Graph& graph, Vertex item, Visit&& visit) {
  if (graph[item].kind == VertexKind::operation) return visit(item);
  for (std::uint32_t v = item.index + 1; v < graph.size(); ++v) {
    const GraphNode& node = graph.nodes()[v];
    if (node.kind != VertexKind::output || node.operand[0] != item.index) return;
    visit(Vertex{v});
  }
}

// How often each value is read by items.
std::vector<std::uint32_t> reads_of(const Graph& graph) {
  std::vector<std::uint32_t> reads(graph.size());
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (!is_item(graph.nodes()[v])) continue;
    graph.each_operand(Vertex{v}, [&](Vertex x) { ++reads[x.index]; });
  }
  return reads;
}

}  // namespace

Schedule as_built(const Graph& graph) {
  Schedule schedule;
  schedule.reserve(graph.size());
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (is_item(graph.nodes()[v])) schedule.push_back({v});
  }
  return schedule;
}

std::size_t most_live(const Graph& graph, const Schedule& schedule) {
  std::vector<std::uint32_t> reads = reads_of(graph);
  std::size_t live = 0, most = 0;
  for (const Vertex item : schedule) {
    graph.each_operand(item, [&](Vertex x) {
      if (--reads[x.index] == 0 && is_computed(graph, x)) --live;
    });
    each_result(graph, item, [&](Vertex z) {
      if (reads[z.index] > 0) ++live;
    });
    most = std::max(most, live);
  }
  return most;
}

// ---- on demand --------------------------------------------------------------------------------

namespace {

// Depth-first from each output, guard, and what nothing reads, in the order of the graph. Which
// operand goes first: Sethi & Ullman 1970; of equals the left one, so that a long sum takes up its
// terms one by one.
class Demand {
 public:
  explicit Demand(const Trace& trace)
      : graph_(trace.graph), is_placed_(graph_.size()), need_(graph_.size()) {
    for (std::uint32_t v = 0; v < graph_.size(); ++v) need_[v] = need_of({v});
    std::vector<bool> is_end(graph_.size());
    for (const Vertex v : trace.outputs) is_end[item_of(graph_, v.index)] = true;
    for (const Guard& guard : trace.guards) is_end[item_of(graph_, guard.node.index)] = true;
    const std::vector<std::uint32_t> reads = reads_of(graph_);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (is_item(graph_.nodes()[v]) && (is_end[v] || reads[v] == 0)) demand(v);
    }
  }

  Schedule schedule;

 private:
  struct Open {
    std::uint32_t item;
    std::uint32_t next = 0;  // which operand
  };

  // How many values live while v is computed, were nothing shared.
  std::uint16_t need_of(Vertex v) const {
    const GraphNode& node = graph_[v];
    if (node.kind == VertexKind::output) return need_[node.operand[0]];
    if (!is_item(node)) return 0;
    std::uint32_t need = 1;
    if (node.kind == VertexKind::operation) {
      for (std::uint32_t k = 0; k < 3; ++k) {
        const std::uint32_t x = operand(node, k);
        if (x != kNowhere) need = std::max(need, need_[x] + k);
      }
    } else {
      std::uint32_t held = 0;
      graph_.each_operand(v, [&](Vertex x) { need = std::max(need, need_[x.index] + held++); });
    }
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(need, 0xFFFF));
  }

  // Operand k of an operation by need, the largest first.
  std::uint32_t operand(const GraphNode& node, std::uint32_t k) const {
    const auto arity = static_cast<std::uint32_t>(info(node.op).arity);
    if (k >= arity) return kNowhere;
    std::uint32_t x[3] = {node.operand[0], node.operand[1], node.operand[2]};
    const auto sink = [&](int i) {
      if (need_[x[i]] < need_[x[i + 1]]) std::swap(x[i], x[i + 1]);
    };
    if (arity >= 2) sink(0);
    if (arity == 3) sink(1), sink(0);
    return x[k];
  }

  std::uint32_t operand_of(std::uint32_t item, std::uint32_t k) const {
    const GraphNode& node = graph_.nodes()[item];
    if (node.kind == VertexKind::operation) return operand(node, k);
    const std::vector<Vertex>& operands = graph_.calls()[node.operand[0]].operands;
    return k < operands.size() ? operands[k].index : kNowhere;
  }

  void demand(std::uint32_t top) {
    if (is_placed_[top]) return;
    stack_.push_back({top});
    while (!stack_.empty()) {
      Open& open = stack_.back();
      const std::uint32_t x = operand_of(open.item, open.next++);
      if (x == kNowhere) {
        schedule.push_back({open.item});
        is_placed_[open.item] = true;
        stack_.pop_back();
      } else if (const std::uint32_t item = item_of(graph_, x);
                 is_item(graph_.nodes()[item]) && !is_placed_[item]) {
        stack_.push_back({item});
      }
    }
  }

  static constexpr std::uint32_t kNowhere = 0xFFFFFFFFu;

  const Graph& graph_;
  std::vector<bool> is_placed_;
  std::vector<std::uint16_t> need_;
  std::vector<Open> stack_;
};

}  // namespace

Schedule on_demand(const Trace& trace) { return std::move(Demand(trace).schedule); }

// ---- from the end -----------------------------------------------------------------------------

namespace {

// Backward list scheduling. Placing an item before all that is placed ends the life of its results
// there, and begins the life of those operands that nothing placed reads. Items wait in stacks by
// how many values more that makes, which is counted down as operands come to live; an entry that is
// out of date is passed over.
class Backward {
 public:
  explicit Backward(const Trace& trace)
      : graph_(trace.graph),
        unplaced_reads_(reads_of(graph_)),
        is_live_(graph_.size()),
        is_placed_(graph_.size()),
        more_(graph_.size()),
        readers_begin_(graph_.size() + 1) {
    list_readers();
    waiting_reads_.assign(graph_.size(), 0);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (is_computed(graph_, {v})) waiting_reads_[item_of(graph_, v)] += unplaced_reads_[v];
    }
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (is_item(graph_.nodes()[v]) && waiting_reads_[v] == 0) begin_to_wait(v);
    }
    for (std::uint32_t item = next(); item != kNowhere; item = next()) place(item);
    std::ranges::reverse(schedule);
  }

  Schedule schedule;

 private:
  void list_readers() {
    for (std::uint32_t v = 0; v < graph_.size(); ++v) readers_begin_[v + 1] = unplaced_reads_[v];
    for (std::size_t v = 0; v < graph_.size(); ++v) readers_begin_[v + 1] += readers_begin_[v];
    readers_.resize(readers_begin_.back());
    readers_end_.assign(readers_begin_.begin(), readers_begin_.end() - 1);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (!is_item(graph_.nodes()[v])) continue;
      each_other_operand(v, [&](Vertex x) { readers_[readers_end_[x.index]++] = v; });
    }
  }

  // In x x, x once.
  template <class Visit>
  void each_other_operand(std::uint32_t item, Visit&& visit) const {
    std::uint32_t before = kNowhere;
    graph_.each_operand(Vertex{item}, [&](Vertex x) {
      if (x.index != before) visit(x);
      before = x.index;
    });
  }

  // All that read its results are placed: from now on only its operands come to live.
  void begin_to_wait(std::uint32_t item) {
    each_other_operand(item, [&](Vertex x) {
      if (is_computed(graph_, x) && !is_live_[x.index]) ++more_[item];
    });
    each_result(graph_, {item}, [&](Vertex z) { more_[item] -= is_live_[z.index] ? 1 : 0; });
    wait(item);
  }

  // In which stack: the values more, from −1 to 2, and 1 more.
  void wait(std::uint32_t item) {
    stacks_[static_cast<std::size_t>(std::clamp(more_[item], -1, 2) + 1)].push_back(item);
  }

  std::uint32_t next() {
    for (std::size_t k = 0; k < kStacks; ++k) {
      while (!stacks_[k].empty()) {
        const std::uint32_t item = stacks_[k].back();
        stacks_[k].pop_back();
        if (!is_placed_[item]) return item;
      }
    }
    return kNowhere;
  }

  void place(std::uint32_t item) {
    schedule.push_back({item});
    is_placed_[item] = true;
    each_result(graph_, {item}, [&](Vertex z) { is_live_[z.index] = false; });
    graph_.each_operand(Vertex{item}, [&](Vertex x) {
      if (!is_computed(graph_, x)) return;
      if (!is_live_[x.index]) {
        is_live_[x.index] = true;
        // Those that wait and read x have become cheaper.
        for (std::uint32_t k = readers_begin_[x.index]; k < readers_end_[x.index]; ++k) {
          const std::uint32_t reader = readers_[k];
          if (is_placed_[reader] || waiting_reads_[reader] > 0) continue;
          --more_[reader];
          wait(reader);
        }
      }
      const std::uint32_t from = item_of(graph_, x.index);
      if (--waiting_reads_[from] == 0) begin_to_wait(from);
    });
  }

  static constexpr std::uint32_t kNowhere = 0xFFFFFFFFu;
  static constexpr std::size_t kStacks = 4;

  const Graph& graph_;
  std::vector<std::uint32_t> unplaced_reads_;
  std::vector<std::uint32_t> waiting_reads_;  // by item: of its results by what is not placed
  std::vector<bool> is_live_, is_placed_;
  std::vector<int> more_;  // by waiting item: values that live once it is placed, less those now
  // Items by the value that they read.
  std::vector<std::uint32_t> readers_begin_, readers_end_, readers_;
  std::vector<std::uint32_t> stacks_[kStacks];
};

}  // namespace

Schedule from_the_end(const Trace& trace) { return std::move(Backward(trace).schedule); }

}  // namespace chainrule::passes
