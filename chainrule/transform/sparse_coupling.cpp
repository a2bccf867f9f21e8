// Which operands of a row interact, read off the table.
//
// Entry k of a pullback is g ∂z/∂operandₖ. Read over an algebra whose values are the sets of
// letters that a formula depends on, it says which second partials can differ from 0: those by the
// operands that it depends on. g y of a product depends on y alone, g of a sum on neither.
#include <array>

#include "chainrule/op/reading.hpp"
#include "chainrule/transform/sparse_internal.hpp"

namespace chainrule::sparse {
namespace {

/// What a condition can be: known where a row says `none` or pushes always, open where it compares.
struct Outcome {
  bool can_be_true = true;
  bool can_be_false = true;

  Outcome() = default;
  Outcome(bool known) : Outcome(known, !known) {}
  Outcome(bool is_possible, bool is_avoidable)
      : can_be_true(is_possible), can_be_false(is_avoidable) {}

  friend Outcome operator!(Outcome p) { return {p.can_be_false, p.can_be_true}; }
  friend Outcome and_(Outcome p, Outcome q) {
    return {p.can_be_true && q.can_be_true, p.can_be_false || q.can_be_false};
  }
  friend Outcome or_(Outcome p, Outcome q) {
    return {p.can_be_true || q.can_be_true, p.can_be_false && q.can_be_false};
  }
};

/// The letters that a formula can be differentiated by: bits 0 to 2 for operands, bit 3 for z.
/// Comparisons depend on nothing, and choices on both sides.
///
/// Nor does a function depend on an operand that its row pushes nothing into: abs is linear, for
/// sign(x) is a step. That is known once the table has been read a first time, every_operand, with
/// each function depending on each operand.
template <bool every_operand>
class Letters {
 public:
  Letters(double) {}
  static Letters of(unsigned letters) {
    Letters result(0.0);
    result.letters_ = letters;
    return result;
  }
  unsigned letters() const { return letters_; }

  // Every row of the table, by its name.
#define CR_LETTERS_1      const Letters& x
#define CR_LETTERS_2      const Letters &x, const Letters &y
#define CR_LETTERS_3      const Letters &x, const Letters &y, const Letters &w
#define CR_LETTERS_BITS_1 x.letters_
#define CR_LETTERS_BITS_2 x.letters_, y.letters_
#define CR_LETTERS_BITS_3 x.letters_, y.letters_, w.letters_
#define CR_OP(name, arity, ...) \
  friend Letters name(CR_LETTERS_##arity) { return row(Op::name, CR_LETTERS_BITS_##arity); }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_LETTERS_1
#undef CR_LETTERS_2
#undef CR_LETTERS_3
#undef CR_LETTERS_BITS_1
#undef CR_LETTERS_BITS_2
#undef CR_LETTERS_BITS_3

  friend Letters operator+(const Letters& x, const Letters& y) { return add(x, y); }
  friend Letters operator-(const Letters& x, const Letters& y) { return sub(x, y); }
  friend Letters operator*(const Letters& x, const Letters& y) { return mul(x, y); }
  friend Letters operator/(const Letters& x, const Letters& y) { return div(x, y); }
  friend Letters operator-(const Letters& x) { return neg(x); }
  friend Letters operator+(const Letters& x) { return x; }
  friend Outcome operator==(const Letters&, const Letters&) { return {}; }
  friend Outcome operator!=(const Letters&, const Letters&) { return {}; }
  friend Outcome operator<(const Letters&, const Letters&) { return {}; }
  friend Outcome operator<=(const Letters&, const Letters&) { return {}; }
  friend Outcome operator>(const Letters&, const Letters&) { return {}; }
  friend Outcome operator>=(const Letters&, const Letters&) { return {}; }
  friend Letters choose(const Outcome& p, const Letters& a, const Letters& b) {
    return of((p.can_be_true ? a.letters_ : 0u) | (p.can_be_false ? b.letters_ : 0u));
  }

 private:
  static Letters row(Op op, unsigned x, unsigned y = 0, unsigned w = 0);

  unsigned letters_ = 0;
};

}  // namespace
}  // namespace chainrule::sparse

template <bool every_operand>
struct chainrule::TruthOf<chainrule::sparse::Letters<every_operand>> {
  using type = chainrule::sparse::Outcome;
};

namespace chainrule::sparse {
namespace {

constexpr unsigned kResult = 8;

/// The entries of a row's pullback.
template <class V>
Coupling read_row(Op op) {
  Coupling coupling;
  visit(op, [&]<class Row>(Row) {
    const V g(0.0), x = V::of(1), y = V::of(2), w = V::of(4), z = V::of(kResult);
    const auto pushes = [&] {
      if constexpr (Row::arity == 1) return Row::template pullback<V>(g, x, z);
      if constexpr (Row::arity == 2) return Row::template pullback<V>(g, x, y, z);
      if constexpr (Row::arity == 3) return Row::template pullback<V>(g, x, y, w, z);
    }();
    for (unsigned k = 0; k < Row::arity; ++k) {
      if (!pushes.entry[k].taken.can_be_true) continue;
      coupling.pushed |= 1u << k;
      coupling.with[k] = pushes.entry[k].value.letters();
    }
  });
  return coupling;
}

using Table = std::array<Coupling, static_cast<std::size_t>(kOpCount)>;

template <class V>
Table read_table() {
  Table table;
  for (const OpInfo& row : kOps) table[static_cast<std::size_t>(row.op)] = read_row<V>(row.op);
  return table;
}

template <bool every_operand>
Letters<every_operand> Letters<every_operand>::row(Op op, unsigned x, unsigned y, unsigned w) {
  unsigned pushed = 7;
  if constexpr (!every_operand) {
    static const Table first = read_table<Letters<true>>();
    pushed = first[static_cast<std::size_t>(op)].pushed;
  }
  return of(((pushed & 1u) != 0 ? x : 0u) | ((pushed & 2u) != 0 ? y : 0u) |
            ((pushed & 4u) != 0 ? w : 0u));
}

// z depends on whatever is pushed into; ∂²z/∂x∂y is there if either entry says so.
Coupling completed(Coupling coupling) {
  for (unsigned& with : coupling.with) {
    if ((with & kResult) != 0) with = (with & ~kResult) | coupling.pushed;
  }
  for (unsigned k = 0; k < 3; ++k) {
    for (unsigned j = 0; j < 3; ++j) {
      if ((coupling.with[k] >> j & 1u) != 0) coupling.with[j] |= 1u << k;
    }
  }
  return coupling;
}

}  // namespace

const Coupling& coupling_of(Op op) {
  static const Table table = [] {
    Table read = read_table<Letters<false>>();
    for (Coupling& coupling : read) coupling = completed(coupling);
    return read;
  }();
  return table[static_cast<std::size_t>(op)];
}

}  // namespace chainrule::sparse
