#include "chainrule/optimise/steps_internal.hpp"

#include <array>

#include "chainrule/op/reading.hpp"

namespace chainrule::passes {
namespace {

// By operation: a bit for each operand into which the row pushes nothing, whatever branch it takes.
std::array<unsigned, kOpCount> operands_without_derivative() {
  std::array<unsigned, kOpCount> without = {};
  for (const OpInfo& row : kOps) {
    unsigned pushed = 0;
    // The first operand largest, smallest, negative, and false.
    constexpr double kPoints[][3] = {
        {0.75, 0.5, 0.25}, {0.25, 0.5, 0.75}, {-0.75, 0.5, 0.25}, {0, 0.5, 0.25}};
    for (const auto& point : kPoints) {
      const double z = read_value<double>(row.op, point);
      read_pullback<double>(row.op, 1.0, point, z, [&](int k, double) { pushed |= 1u << k; });
    }
    without[static_cast<std::size_t>(row.op)] = ~pushed & ((1u << row.arity) - 1);
  }
  return without;
}

}  // namespace

std::vector<bool> nodes_that_decide(const Trace& trace, std::span<const std::uint32_t> uses) {
  static const std::array<unsigned, kOpCount> without = operands_without_derivative();
  std::vector<bool> decides(trace.graph.size());
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    const GraphNode& node = trace.graph.nodes()[v];
    if (node.kind != VertexKind::operation || uses[v] == 0) continue;
    const unsigned mask = without[static_cast<std::size_t>(node.op)];
    for (int k = 0; k < info(node.op).arity; ++k) {
      if ((mask >> k & 1) != 0) decides[node.operand[k]] = true;
    }
  }
  for (const Guard& guard : trace.guards) decides[guard.node.index] = true;
  return decides;
}

}  // namespace chainrule::passes
