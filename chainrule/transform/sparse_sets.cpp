#include <algorithm>

#include "chainrule/transform/sparse_internal.hpp"

namespace chainrule::sparse {
namespace {

// Unions up to this size are listed at once, and known again.
constexpr std::size_t kSmall = 32;
constexpr std::size_t kRecent = std::size_t{1} << 12;

std::size_t hash_of(std::span<const std::uint32_t> indices) {
  std::uint64_t hash = indices.size();
  for (const std::uint32_t index : indices) hash = (hash ^ index) * 0x9E3779B97F4A7C15u;
  return static_cast<std::size_t>(hash >> 32) % kRecent;
}

}  // namespace

IndexSets::IndexSets(std::size_t n)
    : nodes_(n + 1), indices_(n), recent_(kRecent, kEmpty), met_(n, 0) {
  nodes_[kEmpty] = {0, 0, kEmpty, kEmpty};
  for (std::size_t k = 0; k < n; ++k) {
    indices_[k] = static_cast<std::uint32_t>(k);
    nodes_[single(k)] = {k, 1, kEmpty, kEmpty};
  }
}

bool IndexSets::contains(Set large, Set small) const {
  const std::span<const std::uint32_t> all = listed(large);
  return std::ranges::all_of(listed(small),
                             [all](std::uint32_t k) { return std::ranges::binary_search(all, k); });
}

IndexSets::Set IndexSets::unite(Set a, Set b) {
  if (a == b || b == kEmpty) return a;
  if (a == kEmpty) return b;
  if (is_listed(a) && is_listed(b)) {
    if (nodes_[a].count < nodes_[b].count) std::swap(a, b);
    if (nodes_[b].count <= kSmall && contains(a, b)) return a;
    if (nodes_[a].count + nodes_[b].count <= kSmall) return merge(a, b);
  } else if (const Node& node = nodes_[is_listed(a) ? b : a];
             node.left == a || node.right == a || node.left == b || node.right == b) {
    return is_listed(a) ? b : a;
  }
  nodes_.push_back({0, kUnlisted, a, b});
  return static_cast<Set>(nodes_.size() - 1);
}

IndexSets::Set IndexSets::merge(Set a, Set b) {
  const std::size_t begin = indices_.size();
  indices_.resize(begin + nodes_[a].count + nodes_[b].count);
  const auto to = indices_.begin() + static_cast<std::ptrdiff_t>(begin);
  indices_.erase(std::ranges::set_union(listed(a), listed(b), to).out, indices_.end());
  const std::span<const std::uint32_t> merged = std::span(indices_).subspan(begin);
  Set& recent = recent_[hash_of(merged)];
  if (std::ranges::equal(listed(recent), merged)) {
    indices_.resize(begin);
    return recent;
  }
  nodes_.push_back({begin, static_cast<std::uint32_t>(merged.size()), kEmpty, kEmpty});
  return recent = static_cast<Set>(nodes_.size() - 1);
}

// Walks the union down to its listed parts, each once.
std::span<const std::uint32_t> IndexSets::list(Set set) {
  if (is_listed(set)) return listed(set);
  ++listing_;
  entered_.resize(nodes_.size(), 0);
  const std::size_t begin = indices_.size();
  stack_ = {set};
  while (!stack_.empty()) {
    const Set part = stack_.back();
    stack_.pop_back();
    if (entered_[part] == listing_) continue;
    entered_[part] = listing_;
    const Node& node = nodes_[part];
    if (!is_listed(part)) {
      stack_.push_back(node.left);
      stack_.push_back(node.right);
      continue;
    }
    for (std::size_t k = node.begin; k < node.begin + node.count; ++k) {
      const std::uint32_t index = indices_[k];
      if (met_[index] == listing_) continue;
      met_[index] = listing_;
      indices_.push_back(index);
    }
  }
  const std::size_t count = indices_.size() - begin;
  std::ranges::sort(std::span(indices_).subspan(begin));
  nodes_[set] = {begin, static_cast<std::uint32_t>(count), kEmpty, kEmpty};
  return listed(set);
}

}  // namespace chainrule::sparse
