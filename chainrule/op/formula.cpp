#include "chainrule/op/formula.hpp"

#include <array>
#include <bit>
#include <cassert>

#include "chainrule/op/reading.hpp"
#include "chainrule/op/text.hpp"

namespace chainrule {
namespace {

class Draft;

}  // namespace

template <>
struct TruthOf<Draft> {
  using type = Draft;
};

namespace {

// The algebra of steps of one Formula. A literal is a number that no Formula has yet.
class Draft {
 public:
  template <Number T>
  Draft(T literal) : literal_(static_cast<double>(literal)) {}
  Draft(Formula& formula, StepId step) : formula_(&formula), step_(step) {}

  StepId in(Formula& formula) const {
    return formula_ != nullptr ? step_ : formula.number(literal_);
  }

  // Every row of the table, by its name.
#define CR_DRAFT_ARGS_1 const Draft& x
#define CR_DRAFT_ARGS_2 const Draft &x, const Draft &y
#define CR_DRAFT_ARGS_3 const Draft &x, const Draft &y, const Draft &w
#define CR_OP(name, arity, ...) \
  friend Draft name(CR_DRAFT_ARGS_##arity) { return row(Op::name, {CR_NAMES_##arity}); }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_DRAFT_ARGS_1
#undef CR_DRAFT_ARGS_2
#undef CR_DRAFT_ARGS_3

  friend Draft operator+(const Draft& x, const Draft& y) { return add(x, y); }
  friend Draft operator-(const Draft& x, const Draft& y) { return sub(x, y); }
  friend Draft operator*(const Draft& x, const Draft& y) { return mul(x, y); }
  friend Draft operator/(const Draft& x, const Draft& y) { return div(x, y); }
  friend Draft operator-(const Draft& x) { return neg(x); }

  // A truth is a Draft as well.
  friend Draft operator==(const Draft& x, const Draft& y) { return eq(x, y); }
  friend Draft operator!=(const Draft& x, const Draft& y) { return ne(x, y); }
  friend Draft operator<(const Draft& x, const Draft& y) { return lt(x, y); }
  friend Draft operator<=(const Draft& x, const Draft& y) { return le(x, y); }
  friend Draft operator>(const Draft& x, const Draft& y) { return gt(x, y); }
  friend Draft operator>=(const Draft& x, const Draft& y) { return ge(x, y); }
  friend Draft and_(const Draft& x, const Draft& y) { return both(x, y); }
  friend Draft or_(const Draft& x, const Draft& y) { return either(x, y); }
  friend Draft choose(const Draft& c, const Draft& a, const Draft& b) { return select(c, a, b); }

 private:
  static Draft row(Op op, std::initializer_list<Draft> operands) {
    Formula* formula = nullptr;
    for (const Draft& x : operands) {
      if (x.formula_ != nullptr) formula = x.formula_;
    }
    double literals[3] = {};
    StepId steps[3];
    std::size_t count = 0;
    for (const Draft& x : operands) {
      if (formula != nullptr) steps[count] = x.in(*formula);
      literals[count++] = x.literal_;
    }
    if (formula == nullptr) return read_value<double>(op, literals);
    return {*formula, formula->apply(op, {steps, count})};
  }

  Formula* formula_ = nullptr;
  StepId step_;
  double literal_ = 0;
};

// Rows whose value is their operand: those that print as it.
const std::array<bool, kOpCount>& hands_on() {
  static const std::array<bool, kOpCount> table = [] {
    std::array<bool, kOpCount> found{};
    for (const OpInfo& row : kOps) {
      found[static_cast<std::size_t>(row.op)] = visit(row.op, []<class Row>(Row) {
        if constexpr (Row::arity == 1) return Row::template value<Text>(Text("x")).is("x");
        return false;
      });
    }
    return found;
  }();
  return table;
}

}  // namespace

namespace {

constexpr std::uint32_t kEmpty = 0xFFFFFFFFu;

std::size_t hash_of(const Formula::Step& step) {
  auto hash = static_cast<std::uint64_t>(step.kind) << 8 | static_cast<std::uint64_t>(step.op);
  for (const std::uint32_t at : step.at) {
    hash = (hash ^ at) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

StepId Formula::only(const Step& step) {
  if (4 * (steps_.size() + 1) > 3 * table_.size()) grow();
  const std::size_t mask = table_.size() - 1;
  std::size_t i = hash_of(step) & mask;
  for (; table_[i] != kEmpty; i = (i + 1) & mask) {
    if (steps_[table_[i]] == step) return {table_[i]};
  }
  table_[i] = static_cast<std::uint32_t>(steps_.size());
  steps_.push_back(step);
  return {table_[i]};
}

void Formula::grow() {
  table_.assign(table_.empty() ? 64 : 2 * table_.size(), kEmpty);
  const std::size_t mask = table_.size() - 1;
  for (std::uint32_t place = 0; place < steps_.size(); ++place) {
    std::size_t i = hash_of(steps_[place]) & mask;
    while (table_[i] != kEmpty) i = (i + 1) & mask;
    table_[i] = place;
  }
}

StepId Formula::input(std::uint32_t which) { return only({Kind::input, Op::add, {which}}); }

StepId Formula::number(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return only({Kind::number,
               Op::add,
               {static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32)}});
}

StepId Formula::apply(Op op, std::span<const StepId> x) {
  assert(x.size() == static_cast<std::size_t>(info(op).arity));
  if (hands_on()[static_cast<std::size_t>(op)]) return x[0];
  Step step{Kind::operation, op, {}};
  double numbers[3] = {};
  bool all_numbers = true;
  for (std::size_t k = 0; k < x.size(); ++k) {
    step.at[k] = x[k].index;
    if (is_number(x[k])) {
      numbers[k] = number_of(x[k]);
    } else {
      all_numbers = false;
    }
  }
  return all_numbers ? number(read_value<double>(op, numbers)) : only(step);
}

RowFormula formula_of(Op op) {
  RowFormula row;
  const StepId x[] = {row.formula.input(0), row.formula.input(1), row.formula.input(2)};
  const Draft draft[] = {{row.formula, x[0]}, {row.formula, x[1]}, {row.formula, x[2]}};
  const Draft value = visit(op, [&]<class Row>(Row) -> Draft {
    if constexpr (Row::arity == 1) return Row::template value<Draft>(draft[0]);
    if constexpr (Row::arity == 2) return Row::template value<Draft>(draft[0], draft[1]);
    if constexpr (Row::arity == 3) return Row::template value<Draft>(draft[0], draft[1], draft[2]);
  });
  row.value = value.in(row.formula);
  return row;
}

}  // namespace chainrule
