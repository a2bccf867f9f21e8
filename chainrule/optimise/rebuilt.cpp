#include "chainrule/optimise/rebuilt_internal.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace chainrule::passes {
namespace {

// What stands beside a node, on its way to the image.
struct Note {
  Vertex image;
  std::uint32_t place;  // among the old labels, or lines
};

bool is_leaf(const GraphNode& node) {
  return node.kind == VertexKind::placeholder || node.kind == VertexKind::variable ||
         node.kind == VertexKind::constant;
}

// By image; of those for one image the first.
void sort_notes(std::vector<Note>& notes) {
  const auto by_image = [](const Note& a, const Note& b) { return a.image < b.image; };
  if (!std::ranges::is_sorted(notes, by_image)) std::ranges::stable_sort(notes, by_image);
  const auto same = [](const Note& a, const Note& b) { return a.image == b.image; };
  notes.erase(std::unique(notes.begin(), notes.end(), same), notes.end());
}

}  // namespace

bool is_same_number(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

std::vector<std::uint32_t> uses_of(const Trace& trace) {
  const Graph& graph = trace.graph;
  std::vector<std::uint32_t> uses(graph.size());
  for (const Vertex v : trace.outputs) ++uses[v.index];
  for (const Guard& guard : trace.guards) ++uses[guard.node.index];
  for (std::uint32_t v = static_cast<std::uint32_t>(graph.size()); v-- > 0;) {
    if (uses[v] == 0) continue;
    graph.each_operand(Vertex{v}, [&](Vertex x) { ++uses[x.index]; });
  }
  return uses;
}

Repeated repeated(const Graph& graph, std::span<const std::uint32_t> uses, const GraphNode& sum) {
  if (sum.kind != VertexKind::operation || (sum.op != Op::add && sum.op != Op::sub)) return {};
  const bool commutes = sum.op == Op::add;
  for (int k = 0; k < (commutes ? 2 : 1); ++k) {
    const Vertex inner{sum.operand[k]}, term{sum.operand[1 - k]};
    if (!is_operation(graph, inner, sum.op) || uses[inner.index] != 1) continue;
    const Vertex a{graph[inner].operand[0]}, b{graph[inner].operand[1]};
    if (b == term) return {a, term};
    if (a == term && commutes) return {b, term};
  }
  return {};
}

Rebuilt::Rebuilt(const Trace& from, Precision precision)
    : from_(from),
      precision_(precision),
      uses_(uses_of(from)),
      image_(from.graph.size(), kNone),
      is_input_(from.graph.size()) {
  to_.graph.reserve(from.graph.size());
  for (const Vertex v : from.inputs) is_input_[v.index] = true;
}

std::array<Vertex, 3> Rebuilt::images(const GraphNode& old) const {
  std::array<Vertex, 3> x = {kNone, kNone, kNone};
  for (int k = 0; k < info(old.op).arity; ++k) {
    x[static_cast<std::size_t>(k)] = image_[old.operand[k]];
    assert(x[static_cast<std::size_t>(k)] != kNone);
  }
  return x;
}

Vertex Rebuilt::constant(double exact) {
  const double number = rounded(precision_, exact);
  const auto bits = std::bit_cast<std::uint64_t>(number);
  const std::uint32_t known = pool_.find(bits, [&](std::uint32_t place) {
    return std::bit_cast<std::uint64_t>(number_of(to_.graph, {place})) == bits;
  });
  if (known != detail::Lookup::kNowhere) return {known};
  const Vertex v = to_.graph.append_number(VertexKind::constant, number);
  pool_.insert(bits, v.index);
  return v;
}

Vertex Rebuilt::append(Op op, Vertex x, Vertex y, Vertex w) {
  GraphNode node{VertexKind::operation, op};
  const Vertex operands[] = {x, y, w};
  for (int k = 0; k < info(op).arity; ++k) {
    assert(operands[k].index < to_.graph.size());
    node.operand[k] = operands[k].index;
  }
  return to_.graph.append(node);
}

void Rebuilt::copy(Vertex old) {
  const GraphNode& node = from_.graph[old];
  switch (node.kind) {
    case VertexKind::placeholder: {
      GraphNode leaf{VertexKind::placeholder};
      if (node.type != 0) leaf.type = to_.graph.type(from_.graph.types()[node.type]);
      return place(old, to_.graph.append(leaf));
    }
    case VertexKind::variable:
      return place(old, to_.graph.append_number(VertexKind::variable, number_of(from_.graph, old)));
    case VertexKind::constant: return place(old, constant(number_of(from_.graph, old)));
    case VertexKind::operation: {
      const auto [x, y, w] = images(node);
      return place(old, append(node.op, x, y, w));
    }
    case VertexKind::block: {
      BlockCall call = from_.graph.calls()[node.operand[0]];
      for (Vertex& operand : call.operands) operand = image_[operand.index];
      const Vertex block = to_.graph.append_call(std::move(call));
      const auto nodes = static_cast<std::uint32_t>(to_.graph.size()) - block.index;
      for (std::uint32_t k = 0; k < nodes; ++k) {
        image_[old.index + k] = Vertex{block.index + k};
      }
      return;
    }
    case VertexKind::output: return;
  }
}

Trace Rebuilt::finish() {
  to_.name = from_.name;
  to_.arguments = from_.arguments;
  to_.results = from_.results;
  for (const Vertex v : from_.inputs) to_.inputs.push_back(image(v));
  for (const Vertex v : from_.outputs) to_.outputs.push_back(image(v));
  carry_guards();
  carry_labels();
  carry_lines();
  return std::move(to_);
}

// A guard on a number that is as expected always holds, and so does the second of two guards on one
// value. Where two expect different numbers one of them fails, and both stay: on nodes of their
// own, for a node may have but one.
void Rebuilt::carry_guards() {
  constexpr std::uint32_t kUnguarded = 0xFFFFFFFFu;
  if (from_.guards.empty()) return;
  std::vector<std::uint32_t> guard_of(to_.graph.size(), kUnguarded);
  for (Guard guard : from_.guards) {
    Vertex v = image(guard.node);
    guard.expected = rounded(precision_, guard.expected);
    if (is_number(to_.graph, v) && is_same_number(number_of(to_.graph, v), guard.expected))
      continue;
    const std::uint32_t other = guard_of[v.index];
    if (other != kUnguarded) {
      if (is_same_number(to_.guards[other].expected, guard.expected)) continue;
      v = append(Op::copy, v);
      guard_of.push_back(kUnguarded);
    }
    guard_of[v.index] = static_cast<std::uint32_t>(to_.guards.size());
    guard.node = v;
    if (guard.at.file != 0) guard.at.file = to_.graph.file(from_.graph.files()[guard.at.file]);
    to_.guards.push_back(guard);
  }
}

// An operation's label is not for the input or number that it turned out to be.
bool Rebuilt::keeps_notes(Vertex old) const {
  const Vertex v = image(old);
  return v != kNone && (is_leaf(from_.graph[old]) || !is_leaf(to_.graph[v]));
}

void Rebuilt::carry_labels() {
  std::vector<Note> notes;
  for (std::uint32_t k = 0; k < from_.graph.labels().size(); ++k) {
    const Vertex old = from_.graph.labels()[k].node;
    if (keeps_notes(old)) notes.push_back({image(old), k});
  }
  sort_notes(notes);
  for (const Note& note : notes) {
    to_.graph.label(note.image, from_.graph.labels()[note.place].text);
  }
}

void Rebuilt::carry_lines() {
  constexpr std::uint32_t kUnknown = 0xFFFFFFFFu;
  std::vector<std::uint32_t> file(from_.graph.files().size(), kUnknown);
  std::vector<Note> notes;
  for (std::uint32_t k = 0; k < from_.graph.lines().size(); ++k) {
    const Vertex old = from_.graph.lines()[k].node;
    if (keeps_notes(old)) notes.push_back({image(old), k});
  }
  sort_notes(notes);
  for (const Note& note : notes) {
    SourceLine at = from_.graph.lines()[note.place].at;
    if (file[at.file] == kUnknown) file[at.file] = to_.graph.file(from_.graph.files()[at.file]);
    at.file = file[at.file];
    to_.graph.locate(note.image, at);
  }
}

}  // namespace chainrule::passes
