// A Loop as a loop of the Program: what it carries and sums lies in the frame, what it slices is
// read where it lies if that is at even distances, and what it stacks goes out at once where
// nothing else reads it. Its body is optimised on its own.
#include <algorithm>

#include "chainrule/emit/lowering_internal.hpp"

namespace chainrule::emit {

std::uint32_t Lowering::pointer(std::uint32_t loop, std::uint32_t parent, std::uint32_t stride,
                                Space space, std::uint32_t table) {
  for (std::size_t k = program_.pointers.size(); k-- > 0;) {
    const Pointer& p = program_.pointers[k];
    if (p.loop != loop) continue;
    if (p.parent == parent && p.stride == stride && p.space == space && p.table == table) {
      return static_cast<std::uint32_t>(k);
    }
  }
  program_.pointers.push_back({loop, parent, stride, space, table});
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
      program_.constants.push_back(builder_.bits_of(item(t).number));
    }
    return Item::of(Place{Space::constant, run, pointer(loop, kNone, 1, Space::constant)});
  }
  if (!all(Item::Kind::place) || item(1).place.first < first.place.first) return std::nullopt;
  const std::uint32_t stride = item(1).place.first - first.place.first;
  for (std::size_t t = 0; t < by_step.size(); ++t) {
    const Place& place = item(t).place;
    if (place.space != first.place.space || place.table != first.place.table ||
        place.pointer != first.place.pointer || place.first != first.place.first + t * stride) {
      return std::nullopt;
    }
  }
  Place place = first.place;
  place.pointer = pointer(loop, place.pointer, stride, place.space, place.table);
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
    if (next->place.space != first->place.space || next->place.table != first->place.table ||
        next->place.first < first->place.first) {
      return std::nullopt;
    }
    if (t == 1) stride = next->place.first - first->place.first;
    if (next->place.first != first->place.first + t * stride) return std::nullopt;
  }
  Destinations::To to = *first;
  if (to.act == Act::store) {
    to.place.pointer = pointer(loop, kNone, stride, to.place.space, to.place.table);
  }
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

}  // namespace chainrule::emit
