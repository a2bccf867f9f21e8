// Plans made of colourings, and the sweeps that follow them.
#include "chainrule/transform/sparse.hpp"

#include <algorithm>
#include <string>

#include "chainrule/tape/second_order_internal.hpp"
#include "chainrule/transform/sparse_internal.hpp"

namespace chainrule {
namespace {

using sparse::kUncoloured;
using sparse::Recording;
using Index = std::size_t;
using Groups = std::vector<SparsePlan::Group>;

Index index(int k) { return static_cast<Index>(k); }

Groups groups_of(const std::vector<int>& colours, int count) {
  Groups groups(index(count));
  for (Index k = 0; k < colours.size(); ++k) {
    if (colours[k] != kUncoloured) groups[index(colours[k])].seeded.push_back(static_cast<int>(k));
  }
  return groups;
}

// Calls visit(i, j, entry) for each entry of a pattern.
template <class Visit>
void each_entry(const SparsityPattern& pattern, Visit&& visit) {
  int entry = 0;
  for (int i = 0; i < pattern.rows; ++i) {
    for (const int j : pattern.row(index(i))) visit(i, j, entry++);
  }
}

// ---- plans ------------------------------------------------------------------------------------

// Long rows in reverse and the rest forward, or long columns forward and the rest in reverse.
SparsePlan jacobian_plan(const SparsityPattern& pattern) {
  const SparsityPattern across = sparse::transposed(pattern);
  const int least = sparse::least_colours(pattern), least_across = sparse::least_colours(across);
  const auto count = [](const sparse::Cover& c) { return c.row_count + c.column_count; };
  bool by_rows = least <= least_across;
  sparse::Cover cover = sparse::cover(by_rows ? pattern : across);
  if (count(cover) > (by_rows ? least_across : least)) {
    sparse::Cover other = sparse::cover(by_rows ? across : pattern);
    if (count(other) < count(cover)) {
      cover = std::move(other);
      by_rows = !by_rows;
    }
  }
  SparsePlan plan;
  plan.pattern = pattern;
  plan.order = 1;
  // In terms of `pattern`, or of its transpose where !by_rows.
  Groups rows = groups_of(cover.rows, cover.row_count);
  Groups columns = groups_of(cover.columns, cover.column_count);
  each_entry(pattern, [&](int i, int j, int entry) {
    const int row = by_rows ? i : j, column = by_rows ? j : i;
    const int colour = cover.rows[index(row)];
    if (colour != kUncoloured) {
      rows[index(colour)].reads.push_back({entry, column});
    } else {
      columns[index(cover.columns[index(column)])].reads.push_back({entry, row});
    }
  });
  plan.adjoints = std::move(by_rows ? rows : columns);
  plan.directions = std::move(by_rows ? columns : rows);
  return plan;
}

// Direct recovery: with the columns of a colour summed, H s, entry (i, j) stands alone in row i
// under j's colour, or in row j under i's (Coleman & Moré 1984; Gebremedhin et al. 2005, section
// 4.1). The entries on both sides of the diagonal are read from the same place.
SparsePlan hessian_plan(const SparsityPattern& pattern) {
  const std::vector<int> colours = sparse::star_colours(pattern);
  SparsePlan plan;
  plan.pattern = pattern;
  plan.order = 2;
  const int count = colours.empty() ? 0 : *std::ranges::max_element(colours) + 1;
  plan.directions = groups_of(colours, count);

  std::vector<bool> stands_alone(pattern.column_indices.size());
  std::vector<int> met(index(count), kUncoloured), how_often(index(count));
  for (int i = 0; i < pattern.rows; ++i) {
    for (const int j : pattern.row(index(i))) {
      const Index colour = index(colours[index(j)]);
      how_often[colour] = met[colour] == i ? how_often[colour] + 1 : 1;
      met[colour] = i;
    }
    for (Index e = index(pattern.row_starts[index(i)]); e < index(pattern.row_starts[index(i) + 1]);
         ++e) {
      stands_alone[e] = how_often[index(colours[index(pattern.column_indices[e])])] == 1;
    }
  }
  // Going through the entries by rows meets the mirror image of each row's in their order.
  std::vector<int> mirrored(pattern.row_starts.begin(), pattern.row_starts.end() - 1);
  each_entry(pattern, [&](int i, int j, int entry) {
    const int mirror = mirrored[index(j)]++;
    if (i > j) return;
    const bool in_row_i = stands_alone[index(entry)];
    SparsePlan::Group& group = plan.directions[index(colours[index(in_row_i ? j : i)])];
    const int place = in_row_i ? i : j;
    group.reads.push_back({entry, place});
    if (i != j) group.reads.push_back({mirror, place});
  });
  return plan;
}

// Makes the plan one of this recording, unless it is.
void renew(SparsePlan& plan, const Recording& recording, int order) {
  const std::uint64_t fingerprint = recording.fingerprint();
  const bool is_of_this_kind = plan.order == order &&
                               index(plan.pattern.columns) == recording.xs.size() &&
                               (order == 2 || index(plan.pattern.rows) == recording.ys.size());
  if (is_of_this_kind && plan.fingerprint == fingerprint) return;
  const SparsityPattern pattern =
      order == 1 ? recording.jacobian_pattern() : recording.hessian_pattern();
  if (!is_of_this_kind || !sparse::covers(plan.pattern, pattern)) {
    plan = order == 1 ? jacobian_plan(pattern) : hessian_plan(pattern);
  }
  plan.fingerprint = fingerprint;
}

// ---- sweeps -----------------------------------------------------------------------------------

constexpr Index kTogether = 8;  // directions a sweep

// Sweeps the directions, some together; sweep(seeds, count) gives their results one after another.
template <class Sweep>
void sweep_directions(const Groups& groups, Index inputs, std::span<double> values, Sweep&& sweep) {
  std::vector<double> seeds;
  for (Index first = 0; first < groups.size(); first += kTogether) {
    const Index count = std::min(kTogether, groups.size() - first);
    seeds.assign(count * inputs, kUnreached);
    for (Index d = 0; d < count; ++d) {
      for (const int k : groups[first + d].seeded) seeds[d * inputs + index(k)] = 1.0;
    }
    const std::vector<double> results = sweep(std::span<const double>(seeds));
    const Index outputs = results.size() / count;
    for (Index d = 0; d < count; ++d) {
      for (const SparsePlan::Read& read : groups[first + d].reads) {
        values[index(read.entry)] = results[d * outputs + index(read.place)];
      }
    }
  }
}

void sweep_adjoints(const Groups& groups, std::span<const Scalar> ys, std::span<const Scalar> xs,
                    std::span<double> values) {
  std::vector<double> xbar(xs.size());
  std::vector<Scalar> seeded;
  for (const SparsePlan::Group& group : groups) {
    seeded.clear();
    for (const int k : group.seeded) seeded.push_back(ys[index(k)]);
    vjp(seeded, std::vector<double>(seeded.size(), 1.0), xs, xbar);
    for (const SparsePlan::Read& read : group.reads) {
      values[index(read.entry)] = xbar[index(read.place)];
    }
  }
}

SparseMatrix matrix_of(const SparsePlan& plan) {
  SparseMatrix matrix{plan.pattern, {}, plan.colours()};
  matrix.values.resize(plan.pattern.column_indices.size());
  return matrix;
}

}  // namespace

SparseMatrix sparse_jacobian(std::span<const Scalar> ys, std::span<const Scalar> xs,
                             SparsePlan& plan) {
  renew(plan, Recording(ys, xs, "sparse_jacobian"), 1);
  SparseMatrix matrix = matrix_of(plan);
  sweep_directions(plan.directions, xs.size(), matrix.values,
                   [&](std::span<const double> seeds) { return jvp(ys, xs, seeds); });
  sweep_adjoints(plan.adjoints, ys, xs, matrix.values);
  return matrix;
}

SparseMatrix sparse_jacobian(std::span<const Scalar> ys, std::span<const Scalar> xs) {
  SparsePlan plan;
  return sparse_jacobian(ys, xs, plan);
}

SparseMatrix sparse_hessian(const Scalar& y, std::span<const Scalar> xs, SparsePlan& plan) {
  renew(plan, Recording({&y, 1}, xs, "sparse_hessian"), 2);
  SparseMatrix matrix = matrix_of(plan);
  sweep_directions(plan.directions, xs.size(), matrix.values,
                   [&](std::span<const double> seeds) { return hvps(y, xs, seeds); });
  return matrix;
}

SparseMatrix sparse_hessian(const Scalar& y, std::span<const Scalar> xs) {
  SparsePlan plan;
  return sparse_hessian(y, xs, plan);
}

}  // namespace chainrule
