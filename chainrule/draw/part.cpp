#include <queue>
#include <tuple>

#include "chainrule/draw/part_internal.hpp"

namespace chainrule::detail {
namespace {

struct Candidate {
  double weight;
  std::size_t met;
  std::uint32_t node;

  friend bool operator<(const Candidate& a, const Candidate& b) {
    return std::tie(a.weight, b.met) < std::tie(b.weight, a.met);
  }
};

std::vector<bool> keep(const Bones& bones, std::size_t budget) {
  std::vector<bool> kept(bones.size()), met(bones.size());
  std::priority_queue<Candidate> frontier;
  std::size_t meetings = 0;
  const auto meet = [&](std::uint32_t node) {
    if (met[node]) return;
    met[node] = true;
    frontier.push({bones.weight[node], meetings++, node});
  };
  meet(static_cast<std::uint32_t>(bones.size() - 1));
  for (; budget > 0 && !frontier.empty(); --budget) {
    const std::uint32_t node = frontier.top().node;
    frontier.pop();
    kept[node] = true;
    for (std::uint32_t k = bones.first[node]; k < bones.first[node + 1]; ++k) {
      meet(bones.operands[k]);
    }
  }
  return kept;
}

}  // namespace

Part part_near_output(const Bones& bones, std::size_t budget) {
  Part part{{}, std::vector<std::size_t>(bones.size()), 0};
  part.kept = keep(bones, budget == 0 ? 1 : budget);
  std::vector<bool> counted = part.kept;
  std::vector<std::uint32_t> stack;
  for (std::size_t node = bones.size(); node-- > 0;) {
    if (!part.kept[node]) continue;
    stack.push_back(static_cast<std::uint32_t>(node));
    while (!stack.empty()) {
      const std::uint32_t top = stack.back();
      stack.pop_back();
      for (std::uint32_t k = bones.first[top]; k < bones.first[top + 1]; ++k) {
        const std::uint32_t operand = bones.operands[k];
        if (counted[operand]) continue;
        counted[operand] = true;
        part.behind[node] += bones.stands[operand];
        stack.push_back(operand);
      }
    }
    part.hidden += part.behind[node];
  }
  return part;
}

}  // namespace chainrule::detail
