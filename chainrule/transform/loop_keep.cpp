// Loops that keep what later loops compute again: see split.hpp.
//
// Of a pair of loops over the same steps, an input of the second one's body is at hand in the
// first one's, if it is a slice or an invariant of both, or what the first one stacks. What depends
// on such inputs and on numbers alone can be computed in either.
#include <algorithm>
#include <unordered_map>

#include "chainrule/tape/block.hpp"
#include "chainrule/transform/copying_internal.hpp"
#include "chainrule/transform/loop.hpp"
#include "chainrule/transform/split.hpp"

namespace chainrule {

Group flat_group(const char* name, std::size_t first, std::size_t count) {
  return {name,
          {Element::f64, {static_cast<std::uint32_t>(count)}},
          static_cast<std::uint32_t>(first),
          static_cast<std::uint32_t>(count)};
}

void append_image(const Graph& from, Vertex v, Graph& to, std::vector<Vertex>& image) {
  const GraphNode& node = from[v];
  switch (node.kind) {
    case VertexKind::placeholder: {
      GraphNode copy{VertexKind::placeholder};
      if (node.type != 0) copy.type = to.type(from.types()[node.type]);
      image[v.index] = to.append(copy);
      return;
    }
    case VertexKind::variable:
    case VertexKind::constant:
      image[v.index] = to.append_number(node.kind, from.numbers()[node.operand[0]]);
      return;
    case VertexKind::operation: {
      GraphNode copy{VertexKind::operation, node.op};
      for (int k = 0; k < info(node.op).arity; ++k) {
        copy.operand[k] = image[node.operand[k]].index;
      }
      image[v.index] = to.append(copy);
      return;
    }
    case VertexKind::block: {
      BlockCall call = from.calls()[node.operand[0]];
      for (Vertex& operand : call.operands) operand = image[operand.index];
      const std::size_t outputs = call.block->outputs();
      const Vertex at = to.append_call(std::move(call));
      for (std::uint32_t k = 0; k <= outputs; ++k) image[v.index + k] = {at.index + k};
      return;
    }
    case VertexKind::output: return;  // came with its block
  }
}

namespace {

constexpr std::size_t kMostKept = std::size_t{1} << 20;
// How many loops back a partner is looked for.
constexpr std::size_t kFarthest = 16;

bool is_dear(const GraphNode& node) {
  if (node.kind == VertexKind::output) return true;
  if (node.kind != VertexKind::operation) return false;
  const OpInfo& row = info(node.op);
  constexpr double kRounded = 0.5;  // ulps: what is no more off than that is an instruction or two
  return node.op == Op::div || node.op == Op::sqrt ||
         (row.kind != Kind::inline_formula && row.ulps.value > kRounded);
}

// A trace of one argument and one result.
void group_all(Trace& trace) {
  trace.arguments.clear(), trace.results.clear();
  if (!trace.inputs.empty()) trace.arguments = {flat_group("x", 0, trace.inputs.size())};
  trace.results = {flat_group("y", 0, trace.outputs.size())};
}

// A graph to which only what it does not have yet is appended.
class Known {
 public:
  explicit Known(Graph& graph) : graph_(graph) {
    for (std::uint32_t v = 0; v < graph.size(); ++v) places_[hash_of({v})].push_back(v);
  }

  void append_image(const Graph& from, Vertex v, std::vector<Vertex>& image) {
    const auto first = static_cast<std::uint32_t>(graph_.size());
    chainrule::append_image(from, v, graph_, image);
    if (graph_.size() == first) return;
    std::vector<std::uint32_t>& alike = places_[hash_of({first})];
    for (const std::uint32_t other : alike) {
      if (!is_same({other}, {first})) continue;
      // The copy stays behind, and nothing reads it.
      for (std::uint32_t k = 0; first + k < graph_.size(); ++k) image[v.index + k] = {other + k};
      return;
    }
    alike.push_back(first);
  }

 private:
  std::uint64_t hash_of(Vertex v) const {
    const GraphNode& node = graph_[v];
    std::uint64_t hash =
        static_cast<std::uint64_t>(node.kind) << 16 | static_cast<std::uint64_t>(node.op);
    if (node.kind == VertexKind::constant) {
      return hash ^ std::bit_cast<std::uint64_t>(graph_.numbers()[node.operand[0]]);
    }
    graph_.each_operand(v, [&](Vertex x) {
      hash = (hash ^ x.index) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 32;
    });
    return hash;
  }
  bool is_same(Vertex a, Vertex b) const {
    const GraphNode &x = graph_[a], &y = graph_[b];
    if (x.kind != y.kind || x.op != y.op) return false;
    switch (x.kind) {
      case VertexKind::constant:
        return std::bit_cast<std::uint64_t>(graph_.numbers()[x.operand[0]]) ==
               std::bit_cast<std::uint64_t>(graph_.numbers()[y.operand[0]]);
      case VertexKind::operation:
        return std::equal(x.operand, x.operand + info(x.op).arity, y.operand);
      case VertexKind::block: return graph_.calls()[x.operand[0]] == graph_.calls()[y.operand[0]];
      case VertexKind::placeholder:
      case VertexKind::variable:
      case VertexKind::output: return false;
    }
    return false;
  }

  Graph& graph_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> places_;
};

// A loop that is called: what it is, and what becomes of it.
class Site {
 public:
  // Number k of what goes into each step: as it was, or what another loop keeps.
  struct Column {
    const Site* keeper;  ///< null: as it was
    std::size_t place;   ///< among the slices; or among what the keeper stacks
  };

  Site(Vertex at, const BlockCall& call, const Loop& loop)
      : at_(at), call_(call), loop_(loop), shape_(loop.shape()), body_(loop.body().trace()) {
    for (std::size_t k = 0; k < shape_.sliced; ++k) slices_.push_back({nullptr, k});
    for (std::size_t k = 0; k < shape_.invariant; ++k) invariants_.push_back(k);
    if (auto better = keep_steps(body_)) body_ = std::move(*better), is_new_ = true;
  }

  Vertex at() const { return at_; }
  bool is_new() const { return is_new_; }

  // Keeps for this loop what it would compute again of an earlier one's steps. Whether anything.
  bool keep_by(Site& keeper) {
    if (keeper.loop_.shape().steps != loop_.shape().steps) return false;
    std::vector<Vertex> image = at_hand(keeper);
    const Graph& graph = body_.graph;
    std::vector<bool> movable(graph.size());
    for (std::uint32_t v = 0; v < graph.size(); ++v) {
      movable[v] = image[v] != kNoVertex || graph.nodes()[v].kind != VertexKind::placeholder;
      graph.each_operand({v}, [&](Vertex x) { movable[v] = movable[v] && movable[x.index]; });
    }
    // From what comes out to the first that can be kept.
    std::vector<bool> is_read(graph.size()), is_kept(graph.size());
    for (const Vertex output : body_.outputs) is_read[output.index] = true;
    std::size_t count = 0;
    for (auto v = static_cast<std::uint32_t>(graph.size()); v-- > 0;) {
      if (!is_read[v]) continue;
      if (movable[v] && is_dear(graph.nodes()[v])) {
        is_kept[v] = true;
        ++count;
      } else {
        graph.each_operand({v}, [&](Vertex x) { is_read[x.index] = true; });
      }
    }
    if (count == 0 || count * shape_.steps > kMostKept) return false;
    const std::size_t first = keeper.stack(graph, is_kept, image);
    read_kept(keeper, first, is_kept, is_read);
    return true;
  }

  BlockCall call(const std::vector<Vertex>& image) const {
    BlockCall made{call_.block, {}};
    if (is_new_) {
      auto better = keep_steps(body_);  // its own loops may have become pairs
      Trace body = better ? std::move(*better) : body_;
      group_all(body);
      made.block = loop_.extended(Function(std::move(body)), shape_);
    }
    const Loop::Shape& old = loop_.shape();
    const auto operand = [&](std::size_t k) { return image[call_.operands[k].index]; };
    for (std::size_t k = 0; k < old.carried; ++k) made.operands.push_back(operand(k));
    for (std::size_t t = 0; t < old.steps; ++t) {
      for (const Column& c : slices_) {
        made.operands.push_back(c.keeper == nullptr
                                    ? operand(old.carried + t * old.sliced + c.place)
                                    : c.keeper->stacked(image, t, c.place));
      }
    }
    const std::size_t rest = old.carried + old.steps * old.sliced;
    for (const std::size_t k : invariants_) made.operands.push_back(operand(rest + k));
    return made;
  }
  // The images of its outputs, where its new call stands at image[at()].
  void place_outputs(std::vector<Vertex>& image) const {
    const Loop::Shape& old = loop_.shape();
    const auto give = [&](std::size_t was, std::size_t is) {
      image[at_.index + 1 + was] = {image[at_.index].index + 1 + static_cast<std::uint32_t>(is)};
    };
    for (std::size_t k = 0; k < old.carried; ++k) give(k, k);
    for (std::size_t t = 0; t < old.steps; ++t) {
      for (std::size_t y = 0; y < old.stacked; ++y) {
        give(old.carried + t * old.stacked + y, old.carried + t * shape_.stacked + y);
      }
    }
    for (std::size_t s = 0; s < old.summed; ++s) {
      give(old.carried + old.steps * old.stacked + s, old.carried + old.steps * shape_.stacked + s);
    }
  }

 private:
  Vertex stacked(const std::vector<Vertex>& image, std::size_t t, std::size_t y) const {
    return {image[at_.index].index + 1 +
            static_cast<std::uint32_t>(shape_.carried + t * shape_.stacked + y)};
  }
  Vertex old_slice(std::size_t t, std::size_t k) const {
    const Loop::Shape& old = loop_.shape();
    return call_.operands[old.carried + t * old.sliced + k];
  }
  Vertex old_invariant(std::size_t k) const {
    const Loop::Shape& old = loop_.shape();
    return call_.operands[old.carried + old.steps * old.sliced + k];
  }
  Vertex old_stacked(std::size_t t, std::size_t y) const {
    const Loop::Shape& old = loop_.shape();
    return {at_.index + 1 + static_cast<std::uint32_t>(old.carried + t * old.stacked + y)};
  }

  // For each node of this body that is an input, the node of the keeper's that has its value.
  std::vector<Vertex> at_hand(const Site& keeper) const {
    const std::size_t steps = loop_.shape().steps;
    std::unordered_map<std::uint32_t, std::vector<std::size_t>> by_first;
    const std::size_t stacks = keeper.loop_.shape().stacked, slices = keeper.slices_.size();
    for (std::size_t y = 0; y < stacks; ++y) by_first[keeper.old_stacked(0, y).index].push_back(y);
    for (std::size_t k = 0; k < slices; ++k) {
      const Column& c = keeper.slices_[k];
      if (c.keeper == nullptr) {
        by_first[keeper.old_slice(0, c.place).index].push_back(stacks + k);
      }
    }
    std::unordered_map<std::uint32_t, Vertex> invariants;
    const std::size_t carried = shape_.carried;
    for (std::size_t k = 0; k < keeper.invariants_.size(); ++k) {
      invariants.try_emplace(keeper.old_invariant(keeper.invariants_[k]).index,
                             keeper.body_.inputs[keeper.shape_.carried + slices + k]);
    }
    std::vector<Vertex> image(body_.graph.size(), kNoVertex);
    for (std::size_t j = 0; j < slices_.size(); ++j) {
      if (slices_[j].keeper != nullptr) continue;
      const std::size_t own = slices_[j].place;
      const auto found = by_first.find(old_slice(0, own).index);
      if (found == by_first.end()) continue;
      for (const std::size_t c : found->second) {
        bool is_same = true;
        for (std::size_t t = 1; t < steps && is_same; ++t) {
          const Vertex theirs = c < stacks ? keeper.old_stacked(t, c)
                                           : keeper.old_slice(t, keeper.slices_[c - stacks].place);
          is_same = theirs == old_slice(t, own);
        }
        if (!is_same) continue;
        image[body_.inputs[carried + j].index] =
            c < stacks ? keeper.body_.outputs[keeper.shape_.carried + c]
                       : keeper.body_.inputs[keeper.shape_.carried + (c - stacks)];
        break;
      }
    }
    for (std::size_t k = 0; k < invariants_.size(); ++k) {
      const auto found = invariants.find(old_invariant(invariants_[k]).index);
      if (found == invariants.end()) continue;
      image[body_.inputs[carried + slices_.size() + k].index] = found->second;
    }
    return image;
  }

  // Computes nodes of another body here, and stacks them; gives the place of the first among what
  // is stacked. image: where that body's inputs are in this one.
  std::size_t stack(const Graph& from, const std::vector<bool>& is_kept,
                    std::vector<Vertex>& image) {
    std::vector<bool> needed(is_kept);
    for (auto v = static_cast<std::uint32_t>(from.size()); v-- > 0;) {
      if (needed[v]) from.each_operand({v}, [&](Vertex x) { needed[x.index] = true; });
    }
    Known known(body_.graph);
    for (std::uint32_t v = 0; v < from.size(); ++v) {
      if (needed[v] && image[v] == kNoVertex) known.append_image(from, {v}, image);
    }
    std::vector<Vertex> kept;
    for (std::uint32_t v = 0; v < from.size(); ++v) {
      if (is_kept[v]) kept.push_back(image[v]);
    }
    const std::size_t first = shape_.stacked;
    body_.outputs.insert(
        body_.outputs.begin() + static_cast<std::ptrdiff_t>(shape_.carried + first), kept.begin(),
        kept.end());
    shape_.stacked += kept.size();
    is_new_ = true;
    return first;
  }

  // The body made anew: what is kept is read, and what nothing reads any more is left out.
  void read_kept(const Site& keeper, std::size_t first, const std::vector<bool>& is_kept,
                 const std::vector<bool>& is_read) {
    const Graph& graph = body_.graph;
    Trace made;
    made.name = body_.name;
    std::vector<Vertex> image(graph.size(), kNoVertex);
    std::vector<Column> slices;
    std::vector<std::size_t> invariants;
    const auto take = [&](Vertex old) {
      image[old.index] = made.graph.append({VertexKind::placeholder});
      made.inputs.push_back(image[old.index]);
    };
    const std::size_t rest = shape_.carried + slices_.size();
    for (std::size_t k = 0; k < shape_.carried; ++k) take(body_.inputs[k]);
    for (std::size_t k = 0; k < slices_.size(); ++k) {
      if (!is_read[body_.inputs[shape_.carried + k].index]) continue;
      take(body_.inputs[shape_.carried + k]);
      slices.push_back(slices_[k]);
    }
    for (std::uint32_t v = 0; v < graph.size(); ++v) {
      if (!is_kept[v]) continue;
      take({v});
      slices.push_back({&keeper, first++});
    }
    for (std::size_t k = 0; k < invariants_.size(); ++k) {
      if (!is_read[body_.inputs[rest + k].index]) continue;
      take(body_.inputs[rest + k]);
      invariants.push_back(invariants_[k]);
    }
    for (std::uint32_t v = 0; v < graph.size(); ++v) {
      if (is_read[v] && image[v] == kNoVertex) append_image(graph, {v}, made.graph, image);
    }
    for (const Vertex output : body_.outputs) made.outputs.push_back(image[output.index]);
    body_ = std::move(made);
    slices_ = std::move(slices);
    invariants_ = std::move(invariants);
    shape_.sliced = slices_.size();
    shape_.invariant = invariants_.size();
    is_new_ = true;
  }

  Vertex at_;
  const BlockCall& call_;
  const Loop& loop_;
  Loop::Shape shape_;  // as it will be
  Trace body_;
  std::vector<Column> slices_;
  std::vector<std::size_t> invariants_;  // those that are left
  bool is_new_ = false;
};

const Loop* loop_at(const Graph& graph, Vertex v) {
  if (graph[v].kind != VertexKind::block) return nullptr;
  const auto* loop = dynamic_cast<const Loop*>(graph.calls()[graph[v].operand[0]].block.get());
  const bool fits =
      loop != nullptr && loop->body().trace().guards.empty() && loop->shape().steps > 0;
  return fits ? loop : nullptr;
}

// What stands beside the nodes of a graph that has been made anew. Where two became one, and where
// one was moved, labels and lines are left out.
void carry_notes(const Trace& from, const std::vector<Vertex>& image, Trace& to) {
  to.name = from.name;
  to.arguments = from.arguments;
  to.results = from.results;
  for (const Vertex v : from.inputs) to.inputs.push_back(image[v.index]);
  for (const Vertex v : from.outputs) to.outputs.push_back(image[v.index]);
  const auto line = [&](SourceLine at) {
    if (at.file != 0) at.file = to.graph.file(from.graph.files()[at.file]);
    return at;
  };
  for (Guard guard : from.guards) {
    to.guards.push_back({image[guard.node.index], guard.expected, line(guard.at)});
  }
  const auto ascending = [&](const auto& notes, const auto& take) {
    std::uint32_t last = 0;
    for (const auto& note : notes) {
      const Vertex v = image[note.node.index];
      if (last > v.index) continue;
      last = v.index + 1;
      take(v, note);
    }
  };
  ascending(from.graph.labels(),
            [&](Vertex v, const auto& label) { to.graph.label(v, label.text); });
  ascending(from.graph.lines(), [&](Vertex v, const auto& at) { to.graph.locate(v, line(at.at)); });
}

// ---- a loop that is run twice -----------------------------------------------------------------

// By call of a loop: a later one of the same operands that gives as much.
std::unordered_map<std::uint32_t, Vertex> twins(const Graph& graph, std::span<const Vertex> sites) {
  std::unordered_map<std::uint32_t, Vertex> found;
  const auto call = [&](Vertex v) -> const BlockCall& {
    return graph.calls()[graph[v].operand[0]];
  };
  for (std::size_t k = 0; k < sites.size(); ++k) {
    for (std::size_t j = k + 1; j < sites.size() && j <= k + kFarthest; ++j) {
      const bool is_twin = loop_at(graph, sites[j])->extends(*loop_at(graph, sites[k])) &&
                           call(sites[j]).operands == call(sites[k]).operands;
      if (is_twin) found[sites[k].index] = sites[j];  // the last one
    }
  }
  return found;
}

Trace merged(const Trace& trace, const std::unordered_map<std::uint32_t, Vertex>& twin) {
  const Graph& graph = trace.graph;
  Trace made;
  std::vector<Vertex> image(graph.size(), kNoVertex);
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (image[v] != kNoVertex) continue;
    const auto found = twin.find(v);
    if (found == twin.end()) {
      append_image(graph, {v}, made.graph, image);
      continue;
    }
    // It has the same operands, so that it may come as early.
    if (image[found->second.index] == kNoVertex) {
      append_image(graph, found->second, made.graph, image);
    }
    const Loop::Shape& shape = loop_at(graph, {v})->shape();
    const Loop::Shape& both = loop_at(graph, found->second)->shape();
    const std::uint32_t first = found->second.index + 1;
    image[v] = image[found->second.index];
    std::uint32_t next = v + 1;
    const auto give = [&](std::size_t k) {
      image[next++] = image[first + static_cast<std::uint32_t>(k)];
    };
    for (std::size_t k = 0; k < shape.carried; ++k) give(k);
    for (std::size_t t = 0; t < shape.steps; ++t) {
      for (std::size_t y = 0; y < shape.stacked; ++y) give(both.carried + t * both.stacked + y);
    }
    for (std::size_t s = 0; s < shape.summed; ++s) {
      give(both.carried + both.steps * both.stacked + s);
    }
  }
  carry_notes(trace, image, made);
  return made;
}

std::vector<Vertex> loops_of(const Graph& graph) {
  std::vector<Vertex> sites;
  if (graph.calls().empty()) return sites;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (loop_at(graph, {v}) != nullptr) sites.push_back({v});
  }
  return sites;
}

std::optional<Trace> kept(const Trace& trace, std::size_t argument) {
  const Graph& graph = trace.graph;
  const std::vector<bool> is_late = depending_on(trace, argument);
  std::vector<std::unique_ptr<Site>> sites;
  bool is_new = false;
  for (const Vertex at : loops_of(graph)) {
    auto site =
        std::make_unique<Site>(at, graph.calls()[graph[at].operand[0]], *loop_at(graph, at));
    const std::size_t first = sites.size() > kFarthest ? sites.size() - kFarthest : 0;
    for (std::size_t k = first; k < sites.size(); ++k) {
      // What is kept depends on all that its keeper does.
      if (is_late[at.index] || !is_late[sites[k]->at().index]) site->keep_by(*sites[k]);
    }
    sites.push_back(std::move(site));
  }
  for (const auto& site : sites) is_new = is_new || site->is_new();
  if (!is_new) return std::nullopt;
  Trace made;
  std::vector<Vertex> image(graph.size(), kNoVertex);
  auto next = sites.begin();
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    if (next == sites.end() || (*next)->at().index != v) {
      if (image[v] == kNoVertex) append_image(graph, {v}, made.graph, image);
      continue;
    }
    image[v] = made.graph.append_call((*next)->call(image));
    (*next)->place_outputs(image);
    ++next;
  }
  carry_notes(trace, image, made);
  return made;
}

}  // namespace

std::vector<bool> depending_on(const Trace& trace, std::size_t argument) {
  const Graph& graph = trace.graph;
  std::vector<bool> depends(graph.size());
  const std::size_t first =
      argument < trace.arguments.size() ? trace.arguments[argument].first : trace.inputs.size();
  for (std::size_t k = first; k < trace.inputs.size(); ++k) depends[trace.inputs[k].index] = true;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    graph.each_operand({v}, [&](Vertex x) { depends[v] = depends[v] || depends[x.index]; });
  }
  return depends;
}

std::optional<Trace> keep_steps_apart(const Trace& trace, std::size_t argument) {
  const std::vector<Vertex> sites = loops_of(trace.graph);
  if (sites.empty()) return std::nullopt;
  const auto twin = twins(trace.graph, sites);
  if (twin.empty()) return kept(trace, argument);
  Trace once = merged(trace, twin);
  auto better = kept(once, argument);
  return better ? std::move(*better) : std::move(once);
}

std::optional<Trace> keep_steps(const Trace& trace) {
  return keep_steps_apart(trace, trace.arguments.size());
}

}  // namespace chainrule
