// Colourings, greedy: each vertex in turn, those of most neighbours first, takes the least colour
// that nothing forbids. Gebremedhin, Manne & Pothen 2005, "What color is your Jacobian?", SIAM
// Review 47(4).
#include <algorithm>
#include <functional>
#include <numeric>
#include <unordered_map>

#include "chainrule/transform/sparse_internal.hpp"

namespace chainrule::sparse {
namespace {

using Index = std::size_t;

Index index(int k) { return static_cast<Index>(k); }
Index length(const SparsityPattern& pattern, Index row) { return pattern.row(row).size(); }

// Longest rows first, otherwise in order.
std::vector<Index> longest_first(const SparsityPattern& pattern) {
  std::vector<Index> order(index(pattern.rows));
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](Index i) { return length(pattern, i); });
  return order;
}

// The colours forbidden to the vertex in hand.
class Palette {
 public:
  void forbid(int colour) {
    if (index(colour) >= forbidden_.size()) forbidden_.resize(index(colour) + 1);
    forbidden_[index(colour)] = vertex_;
  }
  /// The least colour that is left; the next vertex starts with none forbidden.
  int take() {
    const auto free = std::ranges::find_if(forbidden_, [&](Index by) { return by != vertex_; });
    ++vertex_;
    return static_cast<int>(free - forbidden_.begin());
  }

 private:
  std::vector<Index> forbidden_;  // by colour: the last vertex that it was forbidden to
  Index vertex_ = 1;
};

int count_colours(const std::vector<int>& colours) {
  return colours.empty() ? 0 : *std::ranges::max_element(colours) + 1;
}

// The rows for which keep(i) holds; the others empty.
template <class Keep>
SparsityPattern rows_of(const SparsityPattern& pattern, Keep&& keep) {
  SparsityPattern kept = pattern;
  kept.column_indices.clear();
  for (Index i = 0; i < index(pattern.rows); ++i) {
    const std::span<const int> row = pattern.row(i);
    if (keep(i)) kept.column_indices.insert(kept.column_indices.end(), row.begin(), row.end());
    kept.row_starts[i + 1] = static_cast<int>(kept.column_indices.size());
  }
  return kept;
}

// How many of the longest rows are best swept one by one: each takes an adjoint, and the columns of
// the others take as many directions as the longest of those is long.
struct Cut {
  Index rows = 0;
  Index colours = 0;
};
Cut best_cut(const SparsityPattern& pattern, const std::vector<Index>& order) {
  Cut best{0, order.empty() ? 0 : length(pattern, order[0])};
  for (Index k = 1; k <= order.size(); ++k) {
    const Index colours = k + (k < order.size() ? length(pattern, order[k]) : 0);
    if (colours < best.colours) best = {k, colours};
  }
  return best;
}

}  // namespace

SparsityPattern transposed(const SparsityPattern& pattern) {
  SparsityPattern result;
  result.rows = pattern.columns;
  result.columns = pattern.rows;
  result.row_starts.assign(index(result.rows) + 1, 0);
  result.column_indices.resize(pattern.column_indices.size());
  for (const int j : pattern.column_indices) ++result.row_starts[index(j) + 1];
  std::partial_sum(result.row_starts.begin(), result.row_starts.end(), result.row_starts.begin());
  std::vector<int> next(result.row_starts.begin(), result.row_starts.end() - 1);
  for (Index i = 0; i < index(pattern.rows); ++i) {
    for (const int j : pattern.row(i)) {
      result.column_indices[index(next[index(j)]++)] = static_cast<int>(i);
    }
  }
  return result;
}

bool covers(const SparsityPattern& larger, const SparsityPattern& pattern) {
  if (larger.rows != pattern.rows || larger.columns != pattern.columns) return false;
  for (Index i = 0; i < index(pattern.rows); ++i) {
    if (!std::ranges::includes(larger.row(i), pattern.row(i))) return false;
  }
  return true;
}

// Partial distance-2 colouring of the bipartite graph of rows and columns (ibid., section 3.3).
std::vector<int> row_colours(const SparsityPattern& pattern) {
  const SparsityPattern across = transposed(pattern);
  std::vector<int> colours(index(pattern.rows), kUncoloured);
  Palette palette;
  for (const Index i : longest_first(pattern)) {
    if (length(pattern, i) == 0) break;
    for (const int j : pattern.row(i)) {
      for (const int other : across.row(index(j))) {
        if (colours[index(other)] != kUncoloured) palette.forbid(colours[index(other)]);
      }
    }
    colours[i] = palette.take();
  }
  return colours;
}

int least_colours(const SparsityPattern& pattern) {
  return static_cast<int>(best_cut(pattern, longest_first(pattern)).colours);
}

// Both directions at once, as Coleman & Verma 1998 ("The efficient computation of sparse Jacobian
// matrices using automatic differentiation", SISC 19(4)), in its simplest form: whole rows.
Cover cover(const SparsityPattern& pattern) {
  const std::vector<Index> order = longest_first(pattern);
  std::vector<bool> is_long(index(pattern.rows));
  for (Index k = best_cut(pattern, order).rows; k-- > 0;) is_long[order[k]] = true;
  Cover result;
  result.rows = row_colours(rows_of(pattern, [&](Index i) { return is_long[i]; }));
  result.columns = row_colours(transposed(rows_of(pattern, [&](Index i) { return !is_long[i]; })));
  result.row_count = count_colours(result.rows);
  result.column_count = count_colours(result.columns);
  return result;
}

// A star colouring: each two colours span a forest of stars. Of a path v−w−x−y the colours of v and
// x, and those of w and y, must not both be the same.
//
// Where the middle vertex w of v−w−x is coloured last, v and x differ (ibid., algorithm 4.1). So
// what has an already coloured w is a star round x, and what v must know is the hubs of w's stars
// (Gebremedhin, Tarafdar, Manne & Pothen 2007, SISC 29(3)): at most one a colour. Cost: the edges,
// times the degree of the smaller end.
std::vector<int> star_colours(const SparsityPattern& pattern) {
  const auto n = index(pattern.rows);
  std::vector<int> colours(n, kUncoloured);
  // hubs[w]: the neighbours of w that have another neighbour of w's colour.
  std::vector<std::vector<int>> hubs(n);
  // By vertex and colour: its only neighbour of that colour, or kSeveral.
  constexpr int kSeveral = -1;
  std::unordered_map<std::uint64_t, int> only;
  const auto join = [&](Index x, Index spoke) {
    const auto key = std::uint64_t{x} << 32 | static_cast<std::uint32_t>(colours[spoke]);
    const auto [place, is_first] = only.try_emplace(key, static_cast<int>(spoke));
    if (is_first) return;
    if (place->second != kSeveral) hubs[index(place->second)].push_back(static_cast<int>(x));
    place->second = kSeveral;
    hubs[spoke].push_back(static_cast<int>(x));
  };

  Palette palette;
  for (const Index v : longest_first(pattern)) {
    if (length(pattern, v) == 0) break;
    const auto forbid = [&](int other) {
      if (index(other) != v && colours[index(other)] != kUncoloured) {
        palette.forbid(colours[index(other)]);
      }
    };
    for (const int w : pattern.row(v)) {
      if (index(w) == v) continue;
      forbid(w);
      for (const int x : colours[index(w)] == kUncoloured ? pattern.row(index(w))
                                                          : std::span<const int>(hubs[index(w)])) {
        forbid(x);
      }
    }
    colours[v] = palette.take();
    for (const int w : pattern.row(v)) {
      if (index(w) == v || colours[index(w)] == kUncoloured) continue;
      join(index(w), v);
      join(v, index(w));
    }
  }
  return colours;
}

}  // namespace chainrule::sparse
