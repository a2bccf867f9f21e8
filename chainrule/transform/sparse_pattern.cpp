// Patterns, read off the recording in one pass over what the results depend on.
//
// Each node has an index domain: the inputs that it depends on. A Jacobian's row is the domain of
// a result. A Hessian's entries are the nonlinear interactions: where operands j and k of a row
// interact, the product of their domains (Walther 2008, "Computing sparse Hessians with automatic
// differentiation", ACM TOMS 34(1)). Of a block every output depends on every operand, and all
// operands interact.
#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "chainrule/tape/inspect.hpp"
#include "chainrule/transform/sparse_internal.hpp"

namespace chainrule::sparse {
namespace {

using detail::Code;
using Set = IndexSets::Set;

constexpr std::uint32_t kNoInput = 0xFFFFFFFFu;

// Calls visit(k, link) for each recorded operand of a row that its pullback can push into; a
// block's output is its header's.
template <class Visit>
void each_operand(const Tape::State& state, std::uint32_t row, Visit&& visit) {
  const Code code = state.rows.codes[row];
  if (code == Code::block_output) {
    visit(std::size_t{0}, state.rows.links[row].x);
  } else if (code == Code::block) {
    const BlockRow& block = block_at(state, row);
    for (std::size_t k = 0; k < block.links.size(); ++k) {
      if (!block.is_number[k]) visit(k, block.links[k]);
    }
  } else if (code == Code::array || code == Code::element) {
    fail("sparse", "the code computes with tensors, whose pattern is not known: use jacobian()");
  } else if (is_operation(code)) {
    const Operands operands(state, row);
    const unsigned pushed = coupling_of(op_of(code)).pushed & ~mask_of(code);
    for (std::size_t k = 0; k < operands.count(); ++k) {
      if ((pushed >> k & 1u) != 0) visit(k, operands.link(k));
    }
  }
}

// The inputs that each node depends on.
class Domains {
 public:
  explicit Domains(const Recording& recording)
      : sets(recording.xs.size()), recording_(recording), domains_(recording.cone.rows.size()) {
    const Cone& cone = recording.cone;
    std::vector<std::uint32_t> input(cone.rows.size(), kNoInput);
    for (std::uint32_t k = 0; k < recording.xs.size(); ++k) {
      const std::uint32_t place = cone.place_of(recording.xs[k]);
      if (place != Cone::kNowhere) input[place] = k;
    }
    for (std::size_t at = 0; at < cone.rows.size(); ++at) {
      Set domain = IndexSets::kEmpty;
      each_operand(recording.state, cone.rows[at], [&](std::size_t, std::uint32_t link) {
        domain = sets.unite(domain, of_row(link));
      });
      if (input[at] != kNoInput) {
        if (domain != IndexSets::kEmpty) refuse_dependent(input[at], domain);
        domain = IndexSets::single(input[at]);
      }
      domains_[at] = domain;
    }
  }

  Set of_row(std::uint32_t row) const { return domains_[recording_.cone.place[row]]; }
  Set of(const Scalar& y) const {
    return y.is_number() ? IndexSets::kEmpty : of_row(ScalarAccess::row(y));
  }

  IndexSets sets;

 private:
  [[noreturn]] void refuse_dependent(std::uint32_t k, Set domain) {
    const auto name = [this](std::uint32_t index) { return recording_.xs[index].name(); };
    fail("sparse_jacobian", "the input " + name(k) + " depends on the input " +
                                name(sets.list(domain).front()) +
                                ": a Jacobian by both is not defined");
  }

  const Recording& recording_;
  std::vector<Set> domains_;
};

// Which rows an adjoint can reach.
std::vector<bool> reachable(const Recording& recording) {
  const Cone& cone = recording.cone;
  std::vector<bool> reached(cone.rows.size());
  for (const Scalar& y : recording.ys) {
    if (!y.is_number()) reached[cone.place_of(y)] = true;
  }
  for (std::size_t at = cone.rows.size(); at-- > 0;) {
    if (!reached[at]) continue;
    each_operand(recording.state, cone.rows[at],
                 [&](std::size_t, std::uint32_t link) { reached[cone.place[link]] = true; });
  }
  return reached;
}

// Pairs of sets whose products make up a symmetric pattern.
class Interactions {
 public:
  explicit Interactions(std::size_t n) : n_(n) {}

  void add(Set a, Set b) {
    if (a > b) std::swap(a, b);
    const std::uint64_t pair = std::uint64_t{a} << 32 | b;
    if (a != IndexSets::kEmpty && (pairs_.empty() || pairs_.back() != pair)) pairs_.push_back(pair);
  }

  SparsityPattern pattern(IndexSets& sets) {
    std::ranges::sort(pairs_);
    pairs_.erase(std::unique(pairs_.begin(), pairs_.end()), pairs_.end());
    // Row i: the union of all b for which i is in a.
    std::vector<std::size_t> starts(n_ + 1);
    std::vector<Set> partners;
    each_member(sets, [&](std::uint32_t i, Set) { ++starts[i + 1]; });
    for (std::size_t i = 0; i < n_; ++i) starts[i + 1] += starts[i];
    partners.resize(starts[n_]);
    std::vector<std::size_t> next(starts.begin(), starts.end() - 1);
    each_member(sets, [&](std::uint32_t i, Set partner) { partners[next[i]++] = partner; });

    PatternBuilder builder(n_, n_, "sparse_hessian");
    std::vector<std::size_t> met(n_);
    std::vector<std::uint32_t> row;
    for (std::size_t i = 0; i < n_; ++i) {
      row.clear();
      for (std::size_t k = starts[i]; k < starts[i + 1]; ++k) {
        for (const std::uint32_t j : sets.list(partners[k])) {
          if (met[j] == i + 1) continue;
          met[j] = i + 1;
          row.push_back(j);
        }
      }
      std::ranges::sort(row);
      builder.append(row);
    }
    return builder.finish();
  }

 private:
  template <class Visit>
  void each_member(IndexSets& sets, Visit&& visit) const {
    for (const std::uint64_t pair : pairs_) {
      const auto a = static_cast<Set>(pair >> 32), b = static_cast<Set>(pair);
      for (const std::uint32_t i : sets.list(a)) visit(i, b);
      if (a == b) continue;
      for (const std::uint32_t i : sets.list(b)) visit(i, a);
    }
  }

  const std::size_t n_;
  std::vector<std::uint64_t> pairs_;
};

}  // namespace

PatternBuilder::PatternBuilder(std::size_t rows, std::size_t columns, const char* where)
    : where_(where) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  if (rows >= kMost || columns >= kMost) {
    fail(where, std::to_string(rows) + " x " + std::to_string(columns) +
                    ": more than an int can count, and compressed rows are of int");
  }
  pattern_.rows = static_cast<int>(rows);
  pattern_.columns = static_cast<int>(columns);
  pattern_.row_starts.reserve(rows + 1);
}

void PatternBuilder::append(std::span<const std::uint32_t> columns) {
  std::vector<int>& indices = pattern_.column_indices;
  if (indices.size() + columns.size() > std::size_t{std::numeric_limits<int>::max()}) {
    fail(where_, "more than " + std::to_string(std::numeric_limits<int>::max()) +
                     " entries, and compressed rows are of int");
  }
  indices.insert(indices.end(), columns.begin(), columns.end());
  pattern_.row_starts.push_back(static_cast<int>(indices.size()));
}

Recording::Recording(std::span<const Scalar> results, std::span<const Scalar> inputs,
                     const char* where)
    : state(active_state()), ys(results), xs(inputs), cone(state, results, where) {
  std::vector<std::uint32_t> rows;
  for (const Scalar& x : xs) rows.push_back(Tape::active().node_of(x, where).index);
  std::ranges::sort(rows);
  const auto twice = std::ranges::adjacent_find(rows);
  if (twice != rows.end()) {
    fail(where, name_of(Tape::active(), {*twice}) +
                    " stands twice among the inputs: each column is of a node of its own");
  }
}

std::uint64_t Recording::fingerprint() const {
  std::uint64_t hash = cone.rows.size();
  const auto mix = [&hash](std::uint64_t part) {
    hash = (std::rotl(hash, 23) ^ part) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  for (const std::uint32_t row : cone.rows) {
    const Code code = state.rows.codes[row];
    mix(static_cast<std::uint64_t>(code));
    if (code == Code::block) {
      const BlockRow& block = block_at(state, row);
      mix(block.links.size());
    }
    each_operand(state, row, [&](std::size_t k, std::uint32_t link) {
      mix(std::uint64_t{k} << 32 | cone.place[link]);
    });
  }
  for (const Scalar& y : ys) mix(y.is_number() ? Cone::kNowhere : cone.place_of(y));
  for (const Scalar& x : xs) mix(std::uint64_t{1} << 32 | cone.place_of(x));
  return hash;
}

SparsityPattern Recording::jacobian_pattern() const {
  Domains domains(*this);
  PatternBuilder builder(ys.size(), xs.size(), "sparse_jacobian");
  for (const Scalar& y : ys) builder.append(domains.sets.list(domains.of(y)));
  return builder.finish();
}

SparsityPattern Recording::hessian_pattern() const {
  for (const Scalar& x : xs) {
    const Code code = state.rows.codes[ScalarAccess::row(x)];
    if (is_operation(code) || code == Code::block_output) {
      fail("sparse_hessian",
           x.name() + " is the result of an operation: second derivatives are taken by leaves");
    }
  }
  Domains domains(*this);
  const std::vector<bool> reached = reachable(*this);
  Interactions interactions(xs.size());
  for (std::size_t at = 0; at < cone.rows.size(); ++at) {
    if (!reached[at]) continue;
    const std::uint32_t row = cone.rows[at];
    const Code code = state.rows.codes[row];
    if (code == Code::block) {
      const Set all = domains.of_row(row);
      interactions.add(all, all);
    } else if (is_operation(code)) {
      const Coupling& coupling = coupling_of(op_of(code));
      Set domain[3] = {};
      each_operand(state, row,
                   [&](std::size_t k, std::uint32_t link) { domain[k] = domains.of_row(link); });
      for (std::size_t j = 0; j < 3; ++j) {
        for (std::size_t k = j; k < 3; ++k) {
          if ((coupling.with[j] >> k & 1u) != 0) interactions.add(domain[j], domain[k]);
        }
      }
    }
  }
  return interactions.pattern(domains.sets);
}

}  // namespace chainrule::sparse

namespace chainrule {

SparsityPattern jacobian_pattern(std::span<const Scalar> ys, std::span<const Scalar> xs) {
  return sparse::Recording(ys, xs, "jacobian_pattern").jacobian_pattern();
}

SparsityPattern hessian_pattern(const Scalar& y, std::span<const Scalar> xs) {
  return sparse::Recording({&y, 1}, xs, "hessian_pattern").hessian_pattern();
}

}  // namespace chainrule
