// Which part of a graph is drawn when all of it is too much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chainrule::detail {

/// A graph reduced to who uses whom: node k's operands are operands[first[k]] up to first[k + 1];
/// every operand comes before its user, the output last.
struct Bones {
  std::vector<std::uint32_t> first{0};
  std::vector<std::uint32_t> operands;
  std::vector<double> weight;       ///< |adjoint|; what weighs more is kept first
  std::vector<std::size_t> stands;  ///< how many nodes each stands for

  std::size_t size() const { return weight.size(); }
  void close_node(double node_weight, std::size_t node_stands) {
    first.push_back(static_cast<std::uint32_t>(operands.size()));
    weight.push_back(node_weight);
    stands.push_back(node_stands);
  }
};

struct Part {
  std::vector<bool> kept;
  std::vector<std::size_t> behind;  ///< of a kept node: hidden nodes first met through it
  std::size_t hidden = 0;
};

/// Grows from the output, always to the operand of largest weight, and among equals to the one met
/// first, so that equal weights give breadth-first order. n log n.
Part part_near_output(const Bones& bones, std::size_t budget);

}  // namespace chainrule::detail
