// Lowering: one graph into one Program. A vertex stands for a number, for a value that has been
// computed, or for a place in memory; rows of the table are read over Wire, blocks are called, and
// a Loop becomes a loop of the Program (lower_loop.cpp). Linear in the vertices and in the operands
// of the loops.
#pragma once

#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "chainrule/base/error.hpp"
#include "chainrule/emit/lower_internal.hpp"
#include "chainrule/emit/wire_internal.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule::emit {

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
inline void mark_ancestors(const Graph& graph, std::vector<bool>& needed) {
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
        builder_(program_, options.arithmetic),
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
      if (expected == 0 && !std::signbit(expected)) return builder_.mask_not(*mask);
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
    const std::uint32_t group = sum_group(program_.precision);
    return form_ == SumForm::narrow ? (count + group - 1) / group * group : count;
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
  std::uint32_t pointer(std::uint32_t loop, std::uint32_t parent, std::uint32_t stride, Space space,
                        std::uint32_t table = 0);

  Program& program_;
  Builder builder_;
  Building building_;
  const OptimiseOptions& options_;
  SumForm form_;
  bool has_guarded_loop_ = false;
};

}  // namespace chainrule::emit
