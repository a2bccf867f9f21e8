// What the sparse sources share: which operands of a row interact, the index sets that nodes depend
// on, colourings.
#pragma once

#include "chainrule/tape/cone_internal.hpp"
#include "chainrule/transform/sparse.hpp"

namespace chainrule::sparse {

/// The structure of a row of the table, bit k for operand k.
struct Coupling {
  /// The operands that the pullback can push into.
  unsigned pushed = 0;
  /// with[k]: the operands j for which ∂²z/∂operandₖ∂operandⱼ can differ from 0. Symmetric.
  unsigned with[3] = {};
};
const Coupling& coupling_of(Op op);

/// Sets of indices below n, as values: a set once made is not changed, and has an id. Small sets
/// are sorted lists, each stored once as far as a small cache remembers. A larger union is a node
/// that names its two parts, listed when it is asked for: so a running sum of n terms costs n
/// nodes, not n²/2 indices.
class IndexSets {
 public:
  using Set = std::uint32_t;
  static constexpr Set kEmpty = 0;

  explicit IndexSets(std::size_t n);

  static Set single(std::size_t index) { return static_cast<Set>(index + 1); }
  Set unite(Set a, Set b);
  /// The indices, ascending; valid until the next call.
  std::span<const std::uint32_t> list(Set set);

 private:
  static constexpr std::uint32_t kUnlisted = 0xFFFFFFFFu;
  struct Node {
    std::size_t begin;    // in indices_
    std::uint32_t count;  // kUnlisted: the union of left and right
    Set left, right;
  };
  bool is_listed(Set set) const { return nodes_[set].count != kUnlisted; }
  std::span<const std::uint32_t> listed(Set set) const {
    return std::span(indices_).subspan(nodes_[set].begin, nodes_[set].count);
  }
  Set merge(Set a, Set b);
  bool contains(Set large, Set small) const;

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> indices_;
  std::vector<Set> recent_;             // small sets by hash
  std::vector<std::uint32_t> met_;      // by index: the last listing that met it
  std::vector<std::uint32_t> entered_;  // by set
  std::vector<Set> stack_;
  std::uint32_t listing_ = 0;
};

/// A pattern from its rows, appended one after another.
class PatternBuilder {
 public:
  PatternBuilder(std::size_t rows, std::size_t columns, const char* where);
  /// The next row, columns ascending.
  void append(std::span<const std::uint32_t> columns);
  SparsityPattern finish() { return std::move(pattern_); }

 private:
  SparsityPattern pattern_;
  const char* where_;
};

/// The recording that a matrix is of: what the ys depend on, and where the xs stand in it.
struct Recording {
  const Tape::State& state;
  std::span<const Scalar> ys, xs;
  Cone cone;

  /// Throws as jacobian_pattern does, but for an x that depends on another one.
  Recording(std::span<const Scalar> results, std::span<const Scalar> inputs, const char* where);
  /// Equal for recordings of the same operations, whatever their values; for others it differs,
  /// but for one chance in 2⁶⁴.
  std::uint64_t fingerprint() const;
  SparsityPattern jacobian_pattern() const;
  SparsityPattern hessian_pattern() const;
};

SparsityPattern transposed(const SparsityPattern& pattern);
/// Whether each entry of `pattern` is one of `larger`, a matrix of the same shape.
bool covers(const SparsityPattern& larger, const SparsityPattern& pattern);

inline constexpr int kUncoloured = -1;

/// Rows of one colour have no column in common. Empty rows stay uncoloured.
std::vector<int> row_colours(const SparsityPattern& pattern);
/// Of a symmetric pattern: adjacent indices differ in colour, and no path of four is of two
/// colours.
std::vector<int> star_colours(const SparsityPattern& pattern);

/// A Jacobian in two parts: its long rows, coloured as rows, and the columns of the others.
struct Cover {
  std::vector<int> rows, columns;  ///< colours
  int row_count = 0, column_count = 0;
};
/// The number of colours that a cover takes at least.
int least_colours(const SparsityPattern& pattern);
Cover cover(const SparsityPattern& pattern);

}  // namespace chainrule::sparse
