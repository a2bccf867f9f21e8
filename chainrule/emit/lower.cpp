#include "chainrule/emit/lower_internal.hpp"

#include <algorithm>

#include "chainrule/emit/factor_internal.hpp"
#include "chainrule/emit/lowering_internal.hpp"

namespace chainrule::emit {
namespace {

class Whole {
 public:
  Whole(const Trace& trace, const Layout& layout, const OptimiseOptions& options, SumForm form,
        Lowered& lowered)
      : trace_(trace),
        graph_(trace.graph),
        layout_(layout),
        options_(options),
        form_(form),
        lowered_(lowered),
        needed_(graph_.size()),
        is_uniform_(uniform_vertices(trace, layout)),
        exported_(graph_.size(), kNone) {}

  void run() {
    for (const Vertex output : trace_.outputs) needed_[output.index] = true;
    for (const Guard& guard : trace_.guards) needed_[guard.node.index] = true;
    mark_ancestors(graph_, needed_);
    place_inputs();
    place_outputs();
    export_uniform();
    lower_uniform();
    lower_rows();
  }

 private:
  class Outputs;

  // Where input or output k stands in a table, if it does.
  static std::optional<Place> column(std::span<const Columns> all, std::size_t first_table,
                                     std::size_t k) {
    const auto at = std::ranges::upper_bound(all, k, {}, &Columns::first);
    if (at == all.begin()) return std::nullopt;
    const Columns& columns = *(at - 1);
    if (k - columns.first >= columns.count) return std::nullopt;
    const auto table = first_table + static_cast<std::size_t>(at - 1 - all.begin());
    return Place{Space::column, static_cast<std::uint32_t>(k - columns.first), kNone,
                 static_cast<std::uint32_t>(table)};
  }
  std::optional<Place> input_column(std::size_t k) const { return column(layout_.sources, 0, k); }
  std::optional<Place> output_column(std::size_t k) const {
    return column(layout_.sinks, layout_.sources.size(), k);
  }

  void place_inputs() {
    for (const auto* all : {&layout_.sources, &layout_.sinks}) {
      for (const Columns& columns : *all) lowered_.rows.tables.push_back(columns.step);
    }
    for (std::size_t k = 0; k < trace_.inputs.size(); ++k) {
      if (input_column(k)) {
        lowered_.input_place.push_back(0);
        continue;
      }
      std::uint32_t& next = layout_.is_shared[k] ? lowered_.shared_inputs : lowered_.row_inputs;
      lowered_.input_place.push_back(next++);
    }
  }

  void place_outputs() {
    for (std::size_t k = 0; k < trace_.outputs.size(); ++k) {
      const bool has_none = layout_.is_summed[k] || output_column(k);
      lowered_.output_place.push_back(has_none ? kNone : lowered_.rows.outs++);
    }
  }

  bool is_computed(Vertex v) const {
    const VertexKind kind = graph_[v].kind;
    return kind == VertexKind::operation || kind == VertexKind::output;
  }

  void export_vertex(Vertex v) {
    if (!is_uniform_[v.index] || !is_computed(v) || exported_[v.index] != kNone) return;
    exported_[v.index] = lowered_.uniform.outs++;
  }

  // What the rows read of it. What a loop slices comes first, so that it lies in a row.
  void export_uniform() {
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (graph_.nodes()[v].kind != VertexKind::block || !needed_[v] || is_uniform_[v]) continue;
      const BlockCall& call = graph_.calls()[graph_.nodes()[v].operand[0]];
      const auto* loop = dynamic_cast<const Loop*>(call.block.get());
      if (loop == nullptr) continue;
      const Loop::Shape& shape = loop->shape();
      for (std::size_t k = 0; k < shape.sliced; ++k) {
        for (std::size_t t = 0; t < shape.steps; ++t) {
          export_vertex(call.operands[shape.carried + t * shape.sliced + k]);
        }
      }
    }
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (needed_[v] && !is_uniform_[v])
        graph_.each_operand({v}, [&](Vertex x) { export_vertex(x); });
    }
    for (const Vertex output : trace_.outputs) export_vertex(output);
    for (const Guard& guard : trace_.guards) export_vertex(guard.node);
  }

  void give_inputs(Scope& scope) const {
    for (std::size_t k = 0; k < trace_.inputs.size(); ++k) {
      const Space space = layout_.is_shared[k] ? Space::shared : Space::row;
      scope.items[trace_.inputs[k].index] =
          Item::of(input_column(k).value_or(Place{space, lowered_.input_place[k]}));
    }
  }

  void lower_uniform() {
    if (lowered_.uniform.outs == 0) return;
    Scope scope(trace_);
    give_inputs(scope);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) scope.needed[v] = exported_[v] != kNone;
    mark_ancestors(graph_, scope.needed);
    Lowering lowering(lowered_.uniform, options_, form_);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (scope.needed[v]) lowering.vertex(scope, {v}, nullptr);
    }
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (exported_[v] == kNone) continue;
      lowering.builder().store(lowering.value(scope, {v}), {Space::out, exported_[v]});
    }
  }

  void lower_rows();

  const Trace& trace_;
  const Graph& graph_;
  const Layout& layout_;
  const OptimiseOptions& options_;
  SumForm form_;
  Lowered& lowered_;
  std::vector<bool> needed_, is_uniform_;
  std::vector<std::uint32_t> exported_;  // by vertex: among the uniform outputs
};

// Outputs by vertex, and how often each vertex is read.
class Whole::Outputs final : public Destinations {
 public:
  explicit Outputs(Whole& whole)
      : whole_(whole), first_(whole.graph_.size(), kNone), reads_(whole.graph_.size()) {
    const Trace& trace = whole.trace_;
    next_.resize(trace.outputs.size(), kNone);
    for (auto k = static_cast<std::uint32_t>(trace.outputs.size()); k-- > 0;) {
      const std::uint32_t v = trace.outputs[k].index;
      next_[k] = first_[v];
      first_[v] = k;
      ++reads_[v];
    }
    for (const Guard& guard : trace.guards) {
      ++reads_[guard.node.index];
      last_guard_ = std::max(last_guard_, guard.node.index + 1);
    }
    for (std::uint32_t v = 0; v < whole.graph_.size(); ++v) {
      const bool is_output = whole.graph_.nodes()[v].kind == VertexKind::output;
      if (!whole.needed_[v] || is_output) continue;
      whole.graph_.each_operand({v}, [&](Vertex x) { ++reads_[x.index]; });
    }
  }

  // Sums wait until every guard has been decided.
  bool may_leave(Vertex v) const { return v.index >= last_guard_; }

  std::optional<To> of(Vertex v) const override {
    if (whole_.layout_.stores_last) return std::nullopt;
    if (reads_[v.index] != 1 || first_[v.index] == kNone || !may_leave(v)) return std::nullopt;
    return to(first_[v.index]);
  }
  void settle(Vertex v, std::uint32_t place) override {
    if (place != kNone) whole_.lowered_.output_place[first_[v.index]] = place;
    first_[v.index] = kNone;
  }

  void leave(Lowering& lowering, Scope& scope, Vertex v) {
    for (std::uint32_t k = first_[v.index]; k != kNone; k = next_[k]) {
      const To out = to(k);
      if (out.act == Act::sum) {
        const std::uint32_t place = whole_.lowered_.output_place[k] = lowering.take_sum();
        lowering.sum(lowering.value(scope, v), {lowering.sum_space(), place});
      } else {
        lowering.builder().store(lowering.value(scope, v), out.place);
      }
    }
    first_[v.index] = kNone;
  }

 private:
  To to(std::uint32_t output) const {
    const bool is_summed = whole_.layout_.is_summed[output];
    const Place place{Space::out, whole_.lowered_.output_place[output]};
    return {is_summed ? Act::sum : Act::store, whole_.output_column(output).value_or(place)};
  }

  Whole& whole_;
  std::vector<std::uint32_t> first_, next_;  // lists of outputs, by vertex
  std::vector<std::uint32_t> reads_;
  std::uint32_t last_guard_ = 0;
};

void Whole::lower_rows() {
  Scope scope(trace_);
  give_inputs(scope);
  scope.needed = needed_;
  for (std::uint32_t v = 0; v < graph_.size(); ++v) {
    if (!is_uniform_[v]) continue;
    scope.needed[v] = false;
    if (exported_[v] == kNone) continue;
    scope.items[v] = Item::of(Place{Space::shared, lowered_.shared_inputs + exported_[v]});
  }
  Outputs outputs(*this);
  Lowering lowering(lowered_.rows, options_, form_);
  std::size_t guard = 0;
  for (std::uint32_t v = 0; v < graph_.size(); ++v) {
    if (scope.needed[v]) lowering.vertex(scope, {v}, &outputs);
    for (; guard < trace_.guards.size() && trace_.guards[guard].node.index <= v; ++guard) {
      const Guard& g = trace_.guards[guard];
      lowering.builder().guard(lowering.mask_of(lowering.value(scope, g.node), g.expected));
    }
    const bool leaves = scope.needed[v] && outputs.may_leave({v}) && !layout_.stores_last;
    if (leaves) outputs.leave(lowering, scope, {v});
  }
  for (std::uint32_t v = 0; v < graph_.size(); ++v) outputs.leave(lowering, scope, {v});
  lowering.end_group();
  lowered_.guards_late = lowering.has_guarded_loop() && lowered_.rows.sums > 0;
}

}  // namespace

Lowered lower(const Trace& trace, const Layout& layout, const OptimiseOptions& options,
              SumForm form) {
  Lowered lowered;
  lowered.form = form;
  lowered.uniform.precision = lowered.rows.precision = options.precision;
  Whole(trace, layout, options, form, lowered).run();
  return lowered;
}

}  // namespace chainrule::emit
