#include <algorithm>
#include <numeric>

#include "chainrule/draw/far_internal.hpp"

namespace chainrule::detail {
namespace {

// How many layers each node stands before the output; a leaf stands just before its first user.
std::vector<std::size_t> layers_of(const Picture& picture) {
  std::vector<std::size_t> layer(picture.nodes.size());
  for (std::size_t e = picture.edges.size(); e-- > 0;) {
    const PictureEdge& edge = picture.edges[e];
    layer[edge.from.index] = std::max(layer[edge.from.index], layer[edge.to.index] + 1);
  }
  return layer;
}

}  // namespace

std::vector<bool> far_edges(const Picture& picture, std::size_t bends) {
  const std::vector<std::size_t> layer = layers_of(picture);
  const auto length = [&](std::size_t e) {
    return layer[picture.edges[e].from.index] - layer[picture.edges[e].to.index] - 1;
  };
  std::vector<std::size_t> longest_first(picture.edges.size());
  std::iota(longest_first.begin(), longest_first.end(), std::size_t{0});
  std::stable_sort(longest_first.begin(), longest_first.end(),
                   [&](std::size_t a, std::size_t b) { return length(a) > length(b); });
  std::size_t left = 0;
  for (const std::size_t e : longest_first) left += length(e);
  std::vector<bool> far(picture.edges.size());
  for (const std::size_t e : longest_first) {
    if (left <= bends) break;
    far[e] = true;
    left -= length(e);
  }
  return far;
}

}  // namespace chainrule::detail
