#include "chainrule/tape/sweep.hpp"

#include <algorithm>
#include <functional>
#include <string>

#include "chainrule/op/reading.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

using detail::Code;
using detail::Links;
using detail::Recorder;

// One reverse sweep over double. It clears each adjoint as it reads it, so that the buffer is clean
// again afterwards without a pass of its own, and it ends at the lowest row that was pushed into.
// keep(row, adjoint) is called for each reached row.
template <class Keep>
class Reverse {
 public:
  Reverse(const Recorder& rows, double* adjoints, Keep keep)
      : codes_(rows.codes),
        links_(rows.links),
        values_(rows.values),
        numbers_(rows.numbers),
        adjoints_(adjoints),
        keep_(keep) {}

  /// Enters the rows from below the last one entered down to `stop`, without it.
  void run_to(std::uint32_t stop) {
    while (row_ > stop && row_ > low_) step(--row_);
  }

  void seed(std::uint32_t row, double adjoint) {
    row_ = row + 1;
    low_ = row;
    accumulate(adjoints_[row], adjoint);
  }

  /// Rows from low() to row() may still hold adjoints: they were not entered.
  std::uint32_t low() const { return low_; }
  std::uint32_t row() const { return row_; }

  [[gnu::always_inline]] void leaf() {}

  template <Op op, unsigned mask>
  [[gnu::always_inline]] void operation() {
    using Row = Rule<op>;
    const Links at = links_[entered_];
    const double x = operand<mask, 0>(at.x);
    const double z = values_[entered_];
    if constexpr (Row::arity == 1) {
      const auto pushes = Row::template pullback<double>(g_, x, z);
      push<mask, 0>(at.x, pushes.entry[0]);
    } else if constexpr (Row::arity == 2) {
      const double y = operand<mask, 1>(at.y);
      const auto pushes = Row::template pullback<double>(g_, x, y, z);
      push<mask, 0>(at.x, pushes.entry[0]);
      push<mask, 1>(at.y, pushes.entry[1]);
    } else {
      const std::uint32_t third = links_[entered_ - 1].x;
      const double y = operand<mask, 1>(at.y);
      const double w = operand<mask, 2>(third);
      const auto pushes = Row::template pullback<double>(g_, x, y, w, z);
      push<mask, 0>(at.x, pushes.entry[0]);
      push<mask, 1>(at.y, pushes.entry[1]);
      push<mask, 2>(third, pushes.entry[2]);
    }
  }

 private:
  [[gnu::always_inline]] void step(std::uint32_t row) {
    g_ = adjoints_[row];
    if (is_unreached(g_)) return;
    adjoints_[row] = kUnreached;
    keep_(row, g_);
    entered_ = row;
    visit_code(codes_[row], *this);
  }

  template <unsigned mask, unsigned k>
  [[gnu::always_inline]] double operand(std::uint32_t link) const {
    return (mask >> k & 1u) != 0 ? numbers_[link] : values_[link];
  }

  template <unsigned mask, unsigned k>
  [[gnu::always_inline]] void push(std::uint32_t link, const Push<double>& contribution) {
    if constexpr ((mask >> k & 1u) == 0) {
      if (!contribution.taken) return;
      accumulate(adjoints_[link], contribution.value);
      low_ = std::min(low_, link);
    }
  }

  const Code* codes_;
  const Links* links_;
  const double* values_;
  const double* numbers_;
  double* adjoints_;
  Keep keep_;
  double g_ = 0;
  std::uint32_t entered_ = 0;
  std::uint32_t row_ = 0;
  std::uint32_t low_ = 0;
};

// Sweeps once from y and calls found(k, adjoint) for each x, kUnreached if nothing arrived.
template <class Found>
void sweep_for(const Scalar& y, std::span<const Scalar> xs, Found&& found) {
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  std::vector<std::uint32_t>& order = state.order;
  order.resize(xs.size());
  for (std::uint32_t k = 0; k < xs.size(); ++k) {
    order[k] = k;
    tape.node_of(xs[k], "gradient");
  }
  if (y.is_number()) {
    for (std::uint32_t k = 0; k < xs.size(); ++k) found(k, kUnreached);
    return;
  }
  const auto row_of = [xs](std::uint32_t k) { return ScalarAccess::row(xs[k]); };
  if (!std::ranges::is_sorted(order, std::less<>(), row_of)) {
    std::ranges::sort(order, std::less<>(), row_of);
  }
  const std::uint32_t top = tape.node_of(y, "gradient").index;
  double* adjoints = state.sweep.cover(state.rows.size);
  const auto ignore = [](std::uint32_t, double) {};
  Reverse<decltype(ignore)> sweep(state.rows, adjoints, ignore);
  sweep.seed(top, 1.0);
  for (auto k = order.rbegin(); k != order.rend(); ++k) {
    sweep.run_to(row_of(*k) + 1);
    found(*k, adjoints[row_of(*k)]);
  }
  state.sweep.clear(sweep.low(), sweep.row());
}

}  // namespace

// ---- first order ------------------------------------------------------------------------------

void gradient(const Scalar& y, std::span<const Scalar> xs, std::span<double> out) {
  if (xs.size() != out.size()) {
    fail("gradient", "room for " + std::to_string(out.size()) + " derivatives, but " +
                         std::to_string(xs.size()) + " inputs");
  }
  sweep_for(y, xs, [out](std::uint32_t k, double adjoint) {
    out[k] = is_unreached(adjoint) ? 0.0 : adjoint;
  });
}

std::vector<double> gradient(const Scalar& y, std::span<const Scalar> xs) {
  std::vector<double> out(xs.size());
  gradient(y, xs, out);
  return out;
}

std::vector<double> gradient(const Scalar& y, std::initializer_list<Scalar> xs) {
  return gradient(y, std::span(xs.begin(), xs.size()));
}

Reach reach(const Scalar& y, const Scalar& x) {
  bool arrived = false;
  sweep_for(y, {&x, 1}, [&](std::uint32_t, double adjoint) { arrived = !is_unreached(adjoint); });
  if (arrived) return Reach::reached;
  if (y.is_number()) return Reach::independent;
  const std::vector<std::uint32_t> rows =
      ancestor_rows(TapeAccess::state(Tape::active()).rows, ScalarAccess::row(y));
  return std::ranges::binary_search(rows, ScalarAccess::row(x)) ? Reach::cut : Reach::independent;
}

void Scalar::backward(double seed) const {
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  const std::uint32_t top = tape.node_of(*this, "backward").index;
  double* grads = state.grads.cover(state.rows.size);
  const auto keep = [grads](std::uint32_t row, double g) { accumulate(grads[row], g); };
  Reverse<decltype(keep)> sweep(state.rows, state.sweep.cover(state.rows.size), keep);
  sweep.seed(top, seed);
  sweep.run_to(0);
}

void Scalar::step_backward() const {
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  const std::uint32_t row = tape.node_of(*this, "step_backward").index;
  double* grads = state.grads.cover(state.rows.size);
  if (is_unreached(grads[row])) {
    fail("step_backward",
         name() + " has no adjoint yet: set_grad() it, or step its consumers first");
  }
  if (!is_operation(state.rows.codes[row])) return;
  Operands operands(state.rows, row);
  read_pullback<double>(op_of(state.rows.codes[row]), grads[row], operands.values,
                        state.rows.values[row], [&](int k, double contribution) {
                          if (!operands.is_number[k]) {
                            accumulate(grads[operands.link[k]], contribution);
                          }
                        });
}

double Scalar::grad() const {
  Tape& tape = Tape::active();
  const std::uint32_t row = tape.node_of(*this, "grad").index;
  const Adjoints& grads = TapeAccess::state(tape).grads;
  return row < grads.covered() && !is_unreached(grads.data()[row]) ? grads.data()[row] : 0.0;
}

bool Scalar::has_grad() const {
  Tape& tape = Tape::active();
  const std::uint32_t row = tape.node_of(*this, "has_grad").index;
  const Adjoints& grads = TapeAccess::state(tape).grads;
  return row < grads.covered() && !is_unreached(grads.data()[row]);
}

void Scalar::set_grad(double adjoint) const {
  Tape& tape = Tape::active();
  const std::uint32_t row = tape.node_of(*this, "set_grad").index;
  TapeAccess::state(tape).grads.cover(row + std::size_t{1})[row] = adjoint + 0.0;
}

}  // namespace chainrule
