// share: common subexpressions, by value numbering. Every bit stays as it is, but for the sign of
// a NaN that is made of two.
#include <bit>
#include <utility>

#include "chainrule/op/reading.hpp"
#include "chainrule/optimise/numbered_internal.hpp"
#include "chainrule/optimise/passes_internal.hpp"

namespace chainrule::passes {
namespace {

// max(+0, −0) is −0 and max(−0, +0) is +0: the law that the rows commute does not speak of signs
// of zeros. Those rows that give the same zero either way commute whatever the operands are.
std::array<bool, kOpCount> rows_that_always_commute() {
  std::array<bool, kOpCount> always = {};
  for (const OpInfo& row : kOps) {
    if (row.arity != 2 || !obeys(row.laws, Laws::commutes)) continue;
    const double zeros[] = {0.0, -0.0, 0.0};
    always[static_cast<std::size_t>(row.op)] =
        is_same_number(read_value<double>(row.op, zeros), read_value<double>(row.op, zeros + 1));
  }
  return always;
}

std::uint64_t hash_of(const GraphNode& node) {
  std::uint64_t hash = (std::uint64_t{node.operand[0]} << 32 | node.operand[1]) +
                       (std::uint64_t{node.operand[2]} << 8 | static_cast<std::uint8_t>(node.op)) *
                           0xD1B54A32D192ED03u;
  hash *= 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

}  // namespace

Numbered::Numbered(const Trace& from, Precision precision) : Rebuilt(from, precision) {
  facts_.reserve(from.graph.size());
  first_reader_.reserve(from.graph.size());
  next_reader_.reserve(from.graph.size());
}

Facts Numbered::facts(Vertex v) {
  for (auto next = static_cast<std::uint32_t>(facts_.size()); next <= v.index; ++next) {
    facts_.push_back(facts_of(graph(), {next}, facts_, precision()));
  }
  return facts_[v.index];
}

bool Numbered::commutes(Op op, Vertex x, Vertex y) {
  static const std::array<bool, kOpCount> always = rows_that_always_commute();
  if (always[static_cast<std::size_t>(op)]) return true;
  return info(op).arity == 2 && obeys(info(op).laws, Laws::commutes) &&
         (facts(x) & facts(y)).has(Facts::not_minus_zero);
}

void Numbered::put_in_order(Op op, Vertex& x, Vertex& y) {
  if (y == kNone || !commutes(op, x, y)) return;
  const bool x_is_number = is_number(graph(), x), y_is_number = is_number(graph(), y);
  if (x_is_number != y_is_number ? x_is_number : y < x) std::swap(x, y);
}

// Of those that are no numbers, if there are any: numbers have too many readers.
Vertex Numbered::last_operand(const GraphNode& node) const {
  Vertex last{node.operand[0]};
  for (int k = 1; k < info(node.op).arity; ++k) {
    const Vertex v{node.operand[k]};
    const bool is_first = is_number(graph(), last), is_next = is_number(graph(), v);
    if (is_first != is_next ? is_first : last < v) last = v;
  }
  return last;
}

Vertex Numbered::number(Op op, Vertex x, Vertex y, Vertex w) {
  constexpr int kListed = 8;
  put_in_order(op, x, y);
  GraphNode node{VertexKind::operation, op};
  const Vertex operands[] = {x, y, w};
  for (int k = 0; k < info(op).arity; ++k) node.operand[k] = operands[k].index;

  const Vertex last = last_operand(node);
  if (first_reader_.size() <= last.index) first_reader_.resize(graph().size(), kNone.index);
  int listed = 0;
  for (std::uint32_t v = first_reader_[last.index]; v != kNone.index; v = next_reader_[v]) {
    if (graph()[{v}] == node) return {v};
    ++listed;
  }
  if (listed < kListed) {
    const Vertex v = append(op, x, y, w);
    next_reader_.resize(graph().size(), kNone.index);
    next_reader_[v.index] = std::exchange(first_reader_[last.index], v.index);
    return v;
  }
  const std::uint64_t hash = hash_of(node);
  const std::uint32_t known =
      more_readers_.find(hash, [&](std::uint32_t place) { return graph()[{place}] == node; });
  if (known != detail::Lookup::kNowhere) return {known};
  const Vertex v = append(op, x, y, w);
  more_readers_.insert(hash, v.index);
  return v;
}

Trace share(Trace trace, const OptimiseOptions& options) {
  Numbered built(trace, options.precision);
  built.each_needed([&](Vertex v) {
    const GraphNode& node = trace.graph[v];
    if (node.kind != VertexKind::operation) return built.copy(v);
    const auto [x, y, w] = built.images(node);
    built.place(v, built.number(node.op, x, y, w));
  });
  return built.finish();
}

}  // namespace chainrule::passes
