#include "chainrule/emit/lower_internal.hpp"

#include <algorithm>

#include "chainrule/base/error.hpp"
#include "chainrule/emit/factor_internal.hpp"
#include "chainrule/emit/wire_internal.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule::emit {
namespace {

// What stands for a vertex: a number, a value that has been computed, or a place in memory.
struct Item {
  enum class Kind : std::uint8_t { absent, number, value, place } kind = Kind::absent;
  Value value = kNone;
  double number = 0;
  Place place{};

  static Item of(Value value) { return {Kind::value, value, 0, {}}; }
  static Item of(const Place& place) { return {Kind::place, kNone, 0, place}; }
  static Item of(double number) { return {Kind::number, kNone, number, {}}; }
};

// Which vertices the marked ones depend on, themselves included.
void mark_ancestors(const Graph& graph, std::vector<bool>& needed) {
  for (auto v = static_cast<std::uint32_t>(graph.size()); v-- > 0;) {
    if (needed[v]) graph.each_operand({v}, [&](Vertex x) { needed[x.index] = true; });
  }
}

// A graph that is being lowered: what stands for each of its vertices so far.
struct Scope {
  explicit Scope(const Trace& of)
      : trace(of), graph(of.graph), items(graph.size()), needed(graph.size()) {
    for (std::uint32_t v = 0; v < graph.size(); ++v) {
      const GraphNode& node = graph.nodes()[v];
      if (node.kind == VertexKind::constant || node.kind == VertexKind::variable) {
        items[v] = Item::of(graph.numbers()[node.operand[0]]);
      }
    }
    for (const Vertex input : trace.inputs) items[input.index] = {};
  }

  const Trace& trace;
  const Graph& graph;
  std::vector<Item> items;
  std::vector<bool> needed;
};

// Where loops may leave what they stack, if nothing else reads it.
class Destinations {
 public:
  virtual ~Destinations() = default;
  // Where output vertex v goes, if it goes nowhere but into an output: to a place, or into a sum,
  // whose place is whatever settle() is told.
  struct To {
    Act act;
    Place place;
  };
  virtual std::optional<To> of(Vertex v) const = 0;
  // v has been taken there.
  virtual void settle(Vertex v, std::uint32_t place) = 0;
};

// ---- one graph into one Program ---------------------------------------------------------------

class Lowering {
 public:
  Lowering(Program& program, const OptimiseOptions& options, SumForm form)
      : program_(program),
        builder_(program_),
        building_(builder_),
        options_(options),
        form_(form) {}

  Builder& builder() { return builder_; }

  Value value(Scope& scope, Vertex v) {
    const Item& item = scope.items[v.index];
    switch (item.kind) {
      case Item::Kind::number: return builder_.constant(item.number);
      case Item::Kind::value: return item.value;
      case Item::Kind::place: return builder_.load(item.place);
      case Item::Kind::absent: break;
    }
    fail("compile", "a node is read before it is computed");
  }

  void vertex(Scope& scope, Vertex v, Destinations* destinations) {
    const GraphNode& node = scope.graph[v];
    if (node.kind == VertexKind::operation) {
      Value operands[3] = {kNone, kNone, kNone};
      for (int k = 0; k < info(node.op).arity; ++k) operands[k] = value(scope, {node.operand[k]});
      scope.items[v.index] = Item::of(lower_row(node.op, operands));
    } else if (node.kind == VertexKind::block) {
      const BlockCall& call = scope.graph.calls()[node.operand[0]];
      if (const auto* loop = dynamic_cast<const Loop*>(call.block.get())) {
        lower_loop(scope, v, *loop, call.operands, destinations);
      } else {
        lower_block(scope, v, call);
      }
    }
  }

  Value mask_of(Value number, double expected) {
    if (const auto mask = builder_.mask_of(number)) {
      if (expected == 1) return *mask;
      if (expected == 0) return builder_.mask_not(*mask);
    }
    if (expected != expected) return builder_.compare(Compare::not_equal, number, number);
    return builder_.compare(Compare::same_bits, number, builder_.constant(expected));
  }

  void sum(Value value, const Place& place) {
    if (options_.arithmetic == Arithmetic::relaxed) {
      builder_.sum_fused(value, place);
    } else {
      builder_.sum(value, place);
    }
  }

  void end_group() { program_.sums = whole_groups(program_.sums); }
  std::uint32_t take_sum() { return program_.sums++; }
  Space sum_space() const { return form_ == SumForm::narrow ? Space::narrow_sum : Space::sum; }

  bool has_guarded_loop() const { return has_guarded_loop_; }

 private:
  std::uint32_t take_cells(std::size_t count) {
    const std::uint32_t first = program_.cells;
    program_.cells += static_cast<std::uint32_t>(count);
    return first;
  }
  static Place cell(std::size_t number) {
    return {Space::frame, static_cast<std::uint32_t>(number)};
  }

  void lower_block(Scope& scope, Vertex v, const BlockCall& call) {
    const std::uint32_t operands = take_cells(call.operands.size());
    const std::uint32_t results = take_cells(call.block->outputs());
    for (std::size_t k = 0; k < call.operands.size(); ++k) {
      builder_.store(value(scope, call.operands[k]), cell(operands + k));
    }
    program_.blocks.push_back({call.block, operands, results});
    builder_.block(static_cast<std::uint32_t>(program_.blocks.size() - 1));
    for (std::uint32_t k = 0; k < call.block->outputs(); ++k) {
      scope.items[v.index + 1 + k] = Item::of(cell(results + k));
    }
  }

  // Narrow sums are written a group at a time, and a group lies on one side of a loop's border.
  std::uint32_t whole_groups(std::uint32_t count) const {
    return form_ == SumForm::narrow ? (count + kSumGroup - 1) / kSumGroup * kSumGroup : count;
  }

  // ---- loops ----------------------------------------------------------------------------------

  template <class OutputOf>
  std::optional<Destinations::To> destination(std::size_t steps, const Destinations* destinations,
                                              std::uint32_t loop, const OutputOf& output_of);
  void lower_loop(Scope& scope, Vertex v, const Loop& loop, const std::vector<Vertex>& operands,
                  Destinations* destinations);
  Item slice(Scope& scope, std::span<const Vertex> by_step, std::uint32_t loop);
  std::optional<Item> slice_in_place(Scope& scope, std::span<const Vertex> by_step,
                                     std::uint32_t loop);
  std::uint32_t pointer(std::uint32_t loop, std::uint32_t parent, std::uint32_t stride,
                        Space space);

  Program& program_;
  Builder builder_;
  Building building_;
  const OptimiseOptions& options_;
  SumForm form_;
  bool has_guarded_loop_ = false;
};

std::uint32_t Lowering::pointer(std::uint32_t loop, std::uint32_t parent, std::uint32_t stride,
                                Space space) {
  for (std::size_t k = program_.pointers.size(); k-- > 0;) {
    const Pointer& p = program_.pointers[k];
    if (p.loop != loop) continue;
    if (p.parent == parent && p.stride == stride && p.space == space) {
      return static_cast<std::uint32_t>(k);
    }
  }
  program_.pointers.push_back({loop, parent, stride, space});
  return static_cast<std::uint32_t>(program_.pointers.size() - 1);
}

// Operands of all steps that lie at even distances are read where they are.
std::optional<Item> Lowering::slice_in_place(Scope& scope, std::span<const Vertex> by_step,
                                             std::uint32_t loop) {
  const Item& first = scope.items[by_step[0].index];
  const bool all_same = std::ranges::all_of(by_step, [&](Vertex v) { return v == by_step[0]; });
  if (all_same) return first;
  const auto item = [&](std::size_t t) -> const Item& { return scope.items[by_step[t].index]; };
  const auto all = [&](Item::Kind kind) {
    return std::ranges::all_of(by_step,
                               [&](Vertex v) { return scope.items[v.index].kind == kind; });
  };
  if (all(Item::Kind::number)) {
    const auto run = static_cast<std::uint32_t>(program_.constants.size());
    for (std::size_t t = 0; t < by_step.size(); ++t) {
      program_.constants.push_back(std::bit_cast<std::uint64_t>(item(t).number));
    }
    return Item::of(Place{Space::constant, run, pointer(loop, kNone, 1, Space::constant)});
  }
  if (!all(Item::Kind::place) || item(1).place.first < first.place.first) return std::nullopt;
  const std::uint32_t stride = item(1).place.first - first.place.first;
  for (std::size_t t = 0; t < by_step.size(); ++t) {
    const Place& place = item(t).place;
    if (place.space != first.place.space || place.pointer != first.place.pointer ||
        place.first != first.place.first + t * stride) {
      return std::nullopt;
    }
  }
  Place place = first.place;
  place.pointer = pointer(loop, place.pointer, stride, place.space);
  return Item::of(place);
}

// The others are brought together in the frame.
Item Lowering::slice(Scope& scope, std::span<const Vertex> by_step, std::uint32_t loop) {
  if (const auto found = slice_in_place(scope, by_step, loop)) return *found;
  const std::uint32_t cells = take_cells(by_step.size());
  for (std::size_t t = 0; t < by_step.size(); ++t) {
    builder_.store(value(scope, by_step[t]), cell(cells + t));
  }
  return Item::of(Place{Space::frame, cells, pointer(loop, kNone, 1, Space::frame)});
}

// Where one number of each step may go at once: all into sums, or to places at even distances.
template <class OutputOf>
std::optional<Destinations::To> Lowering::destination(std::size_t steps,
                                                      const Destinations* destinations,
                                                      std::uint32_t loop,
                                                      const OutputOf& output_of) {
  if (destinations == nullptr) return std::nullopt;
  const auto first = destinations->of(output_of(0));
  if (!first) return std::nullopt;
  std::uint32_t stride = 0;
  for (std::size_t t = 1; t < steps; ++t) {
    const auto next = destinations->of(output_of(t));
    if (!next || next->act != first->act) return std::nullopt;
    if (first->act == Act::sum) continue;
    if (next->place.first < first->place.first) return std::nullopt;
    if (t == 1) stride = next->place.first - first->place.first;
    if (next->place.first != first->place.first + t * stride) return std::nullopt;
  }
  Destinations::To to = *first;
  if (to.act == Act::store) to.place.pointer = pointer(loop, kNone, stride, to.place.space);
  return to;
}

void Lowering::lower_loop(Scope& scope, Vertex v, const Loop& loop,
                          const std::vector<Vertex>& operands, Destinations* destinations) {
  const Loop::Shape& shape = loop.shape();
  const std::size_t first_sliced = shape.carried;
  const std::size_t first_invariant = first_sliced + shape.steps * shape.sliced;
  const auto carried_out = [&](std::size_t k) { return v.index + 1 + k; };
  const auto stacked_out = [&](std::size_t t, std::size_t y) {
    return v.index + 1 + shape.carried + t * shape.stacked + y;
  };
  const auto summed_out = [&](std::size_t s) {
    return v.index + 1 + shape.carried + shape.steps * shape.stacked + s;
  };
  if (shape.steps == 0) {
    for (std::size_t k = 0; k < shape.carried; ++k) {
      scope.items[carried_out(k)] = scope.items[operands[k].index];
    }
    for (std::size_t s = 0; s < shape.summed; ++s) scope.items[summed_out(s)] = Item::of(0.0);
    return;
  }

  const Trace trace = optimise(loop.body().trace(), options_);
  Scope body(trace);
  const auto outputs = [&](std::size_t k) { return trace.outputs[k].index; };
  const std::size_t first_sum = shape.carried + shape.stacked;

  // What comes out and is read; and what goes round for its sake.
  std::vector<bool> stacks(shape.stacked), sums(shape.summed), carries(shape.carried);
  for (std::size_t y = 0; y < shape.stacked; ++y) {
    for (std::size_t t = 0; t < shape.steps && !stacks[y]; ++t) {
      stacks[y] = scope.needed[stacked_out(t, y)];
    }
    if (stacks[y]) body.needed[outputs(shape.carried + y)] = true;
  }
  for (std::size_t s = 0; s < shape.summed; ++s) {
    sums[s] = scope.needed[summed_out(s)];
    if (sums[s]) body.needed[outputs(first_sum + s)] = true;
  }
  for (const Guard& guard : trace.guards) body.needed[guard.node.index] = true;
  for (std::size_t k = 0; k < shape.carried; ++k) {
    carries[k] = scope.needed[carried_out(k)];
    if (carries[k]) body.needed[outputs(k)] = true;
  }
  for (bool changed = true; changed;) {
    changed = false;
    mark_ancestors(body.graph, body.needed);
    for (std::size_t k = 0; k < shape.carried; ++k) {
      if (carries[k] || !body.needed[trace.inputs[k].index]) continue;
      changed = carries[k] = true;
      body.needed[outputs(k)] = true;
    }
  }
  if (!trace.guards.empty()) has_guarded_loop_ = true;

  // Before the loop: first carries, sums of 0, and what is sliced.
  program_.loops.push_back(
      {static_cast<std::uint32_t>(shape.steps), loop.direction() == Loop::Direction::descending});
  const auto number = static_cast<std::uint32_t>(program_.loops.size() - 1);
  const std::uint32_t carry_cells = take_cells(shape.carried), sum_cells = take_cells(shape.summed);
  for (std::size_t k = 0; k < shape.carried; ++k) {
    if (carries[k]) builder_.store(value(scope, operands[k]), cell(carry_cells + k));
  }
  for (std::size_t s = 0; s < shape.summed; ++s) {
    if (sums[s]) builder_.store(builder_.constant(0.0), cell(sum_cells + s));
  }
  std::vector<Vertex> by_step(shape.steps);
  for (std::size_t k = 0; k < shape.sliced; ++k) {
    const std::uint32_t input = trace.inputs[shape.carried + k].index;
    if (!body.needed[input]) continue;
    for (std::size_t t = 0; t < shape.steps; ++t) {
      by_step[t] = operands[first_sliced + t * shape.sliced + k];
    }
    body.items[input] = slice(scope, by_step, number);
  }
  for (std::size_t k = 0; k < shape.invariant; ++k) {
    body.items[trace.inputs[shape.carried + shape.sliced + k].index] =
        scope.items[operands[first_invariant + k].index];
  }

  // Where each stacked number goes: out at once if it goes nowhere else, else to the frame.
  const auto output_of = [&](std::size_t t, std::size_t y) {
    return Vertex{static_cast<std::uint32_t>(stacked_out(t, y))};
  };
  std::vector<Destinations::To> to(shape.stacked);
  std::uint32_t summed_at_once = 0;
  for (std::size_t y = 0; y < shape.stacked; ++y) {
    if (!stacks[y]) continue;
    if (const auto out = destination(shape.steps, destinations, number,
                                     [&](std::size_t t) { return output_of(t, y); })) {
      to[y] = *out;
      if (out->act == Act::sum) {
        ++summed_at_once;
        continue;  // its place is known when it is there
      }
      for (std::size_t t = 0; t < shape.steps; ++t) destinations->settle(output_of(t, y), kNone);
      continue;
    }
    const std::uint32_t cells = take_cells(shape.steps);
    to[y] = {Act::store, {Space::frame, cells, pointer(number, kNone, 1, Space::frame)}};
    for (std::size_t t = 0; t < shape.steps; ++t) {
      scope.items[stacked_out(t, y)] = Item::of(cell(cells + t));
    }
  }
  // Sums of a step stand side by side, step after step.
  end_group();
  const std::uint32_t sum_stride = whole_groups(summed_at_once), first_sum_place = program_.sums;
  program_.sums += static_cast<std::uint32_t>(shape.steps) * sum_stride;
  std::uint32_t next_sum_place = first_sum_place;
  const std::uint32_t sum_pointer =
      summed_at_once == 0 ? kNone : pointer(number, kNone, sum_stride, sum_space());

  // One step.
  builder_.begin_loop(number);
  for (std::size_t k = 0; k < shape.carried; ++k) {
    if (carries[k]) {
      body.items[trace.inputs[k].index] = Item::of(builder_.load_now(cell(carry_cells + k)));
    }
  }
  // What comes out goes where it belongs as soon as it is there: it need not be kept.
  std::vector<std::uint32_t> first_out(body.graph.size(), kNone), next_out(trace.outputs.size());
  for (auto k = static_cast<std::uint32_t>(trace.outputs.size()); k-- > shape.carried;) {
    next_out[k] = first_out[outputs(k)];
    first_out[outputs(k)] = k;
  }
  const auto leave = [&](std::uint32_t k) {
    if (k >= first_sum) {
      const std::size_t s = k - first_sum;
      if (!sums[s]) return;
      const Value so_far = builder_.load_now(cell(sum_cells + s));
      const Value more = value(body, trace.outputs[k]);
      builder_.store(builder_.arithmetic(Act::add, so_far, more), cell(sum_cells + s));
      return;
    }
    const std::size_t y = k - shape.carried;
    if (!stacks[y]) return;
    const Value found = value(body, trace.outputs[k]);
    if (to[y].act == Act::sum) {
      const std::uint32_t place = next_sum_place++;
      sum(found, {sum_space(), place, sum_pointer});
      for (std::size_t t = 0; t < shape.steps; ++t) {
        destinations->settle(output_of(t, y), place + static_cast<std::uint32_t>(t) * sum_stride);
      }
    } else {
      builder_.store(found, to[y].place);
    }
  };
  std::size_t guard = 0;
  for (std::uint32_t x = 0; x < body.graph.size(); ++x) {
    if (body.needed[x]) vertex(body, {x}, nullptr);
    for (; guard < trace.guards.size() && trace.guards[guard].node.index <= x; ++guard) {
      const Guard& g = trace.guards[guard];
      builder_.guard(mask_of(value(body, g.node), g.expected));
    }
    if (body.graph.nodes()[x].kind == VertexKind::block) continue;  // its outputs follow
    for (std::uint32_t k = first_out[x]; k != kNone; k = next_out[k]) leave(k);
  }
  std::vector<Value> next(shape.carried);
  for (std::size_t k = 0; k < shape.carried; ++k) {
    if (carries[k]) next[k] = value(body, trace.outputs[k]);
  }
  for (std::size_t k = 0; k < shape.carried; ++k) {
    if (carries[k]) builder_.store(next[k], cell(carry_cells + k));
  }
  builder_.end_loop(number);
  for (std::size_t k = 0; k < shape.carried; ++k) {
    scope.items[carried_out(k)] = Item::of(cell(carry_cells + k));
  }
  for (std::size_t s = 0; s < shape.summed; ++s) {
    scope.items[summed_out(s)] = Item::of(cell(sum_cells + s));
  }
}

// ---- the Trace as a whole ---------------------------------------------------------------------

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

  void place_inputs() {
    for (std::size_t k = 0; k < trace_.inputs.size(); ++k) {
      std::uint32_t& next = layout_.is_shared[k] ? lowered_.shared_inputs : lowered_.row_inputs;
      lowered_.input_place.push_back(next++);
    }
  }

  void place_outputs() {
    for (std::size_t k = 0; k < trace_.outputs.size(); ++k) {
      lowered_.output_place.push_back(layout_.is_summed[k] ? kNone : lowered_.rows.outs++);
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
      scope.items[trace_.inputs[k].index] = Item::of(Place{space, lowered_.input_place[k]});
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
    return {is_summed ? Act::sum : Act::store, {Space::out, whole_.lowered_.output_place[output]}};
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
    if (scope.needed[v] && outputs.may_leave({v})) outputs.leave(lowering, scope, {v});
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
  Whole(trace, layout, options, form, lowered).run();
  return lowered;
}

}  // namespace chainrule::emit
