#include "tests/support/in_floats.hpp"

#include <cmath>

#include "chainrule/op/reading.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule::test {
namespace {

float to_float(double x) { return static_cast<float>(x); }

float value_of(Op op, const double* x) {
  if (op == Op::fma) return std::fma(to_float(x[0]), to_float(x[1]), to_float(x[2]));
  return to_float(read_value<double>(op, x));
}

bool agree(double a, double b) {
  return (a != a && b != b) || (a == b && std::signbit(a) == std::signbit(b));
}

// The steps in their order; false where one leaves its branch.
bool run_loop(const Loop& loop, std::span<const double> x, std::span<double> z) {
  const Loop::Shape& shape = loop.shape();
  std::vector<double> carry(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(shape.carried));
  std::vector<double> sums(shape.summed, 0.0);
  const std::size_t first_sum = shape.carried + shape.steps * shape.stacked;
  for (std::size_t turn = 0; turn < shape.steps; ++turn) {
    const bool ascends = loop.direction() == Loop::Direction::ascending;
    const std::size_t t = ascends ? turn : shape.steps - 1 - turn;
    std::vector<double> in = carry;
    const auto slice = x.subspan(shape.carried + t * shape.sliced, shape.sliced);
    const auto invariant = x.last(shape.invariant);
    in.insert(in.end(), slice.begin(), slice.end());
    in.insert(in.end(), invariant.begin(), invariant.end());
    const InFloats step = in_floats(loop.body().trace(), in);
    if (!step.is_answered()) return false;
    for (std::size_t k = 0; k < shape.carried; ++k) carry[k] = step.outputs[k];
    for (std::size_t k = 0; k < shape.stacked; ++k) {
      z[shape.carried + t * shape.stacked + k] = step.outputs[shape.carried + k];
    }
    for (std::size_t k = 0; k < shape.summed; ++k) {
      sums[k] = to_float(sums[k] + step.outputs[shape.carried + shape.stacked + k]);
    }
  }
  std::copy(carry.begin(), carry.end(), z.begin());
  std::copy(sums.begin(), sums.end(), z.begin() + static_cast<std::ptrdiff_t>(first_sum));
  return true;
}

}  // namespace

InFloats in_floats(const Trace& trace, std::span<const double> point) {
  const Graph& graph = trace.graph;
  std::vector<double> at(graph.size());
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    const GraphNode& node = graph.nodes()[v];
    if (node.kind == VertexKind::variable || node.kind == VertexKind::constant) {
      at[v] = to_float(graph.numbers()[node.operand[0]]);
    }
  }
  for (std::size_t k = 0; k < point.size(); ++k) at[trace.inputs[k].index] = to_float(point[k]);
  InFloats result;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    const GraphNode& node = graph.nodes()[v];
    if (node.kind == VertexKind::operation) {
      double x[3] = {};
      for (int k = 0; k < info(node.op).arity; ++k) x[k] = at[node.operand[k]];
      at[v] = value_of(node.op, x);
    } else if (node.kind == VertexKind::block) {
      const BlockCall& call = graph.calls()[node.operand[0]];
      std::vector<double> x, z(call.block->outputs());
      for (const Vertex operand : call.operands) x.push_back(at[operand.index]);
      if (const auto* loop = dynamic_cast<const Loop*>(call.block.get())) {
        result.loops_hold = run_loop(*loop, x, z) && result.loops_hold;
      } else {
        call.block->value(x, z);
      }
      for (std::uint32_t k = 0; k < z.size(); ++k) at[v + 1 + k] = to_float(z[k]);
    }
  }
  for (const Guard& guard : trace.guards) {
    result.guards_hold =
        result.guards_hold && agree(at[guard.node.index], to_float(guard.expected));
  }
  for (const Vertex output : trace.outputs) result.outputs.push_back(at[output.index]);
  return result;
}

std::vector<double> all_rounded(std::span<const double> numbers) {
  std::vector<double> all;
  for (const double x : numbers) all.push_back(to_float(x));
  return all;
}

std::vector<double> value_in_floats(const Function& f, std::span<const double> point) {
  const InFloats found = in_floats(f.trace(), point);
  if (found.is_answered()) return found.outputs;
  std::vector<double> out(f.outputs());
  f.evaluate(all_rounded(point), out);
  return all_rounded(out);
}

}  // namespace chainrule::test
