#include "chainrule/tape/sweep.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string>

#include "chainrule/op/reading.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

using detail::Code;
using detail::code_of;
using detail::Links;
using detail::Recorder;

// What a sweep reads, and the adjoints that it writes.
struct Rows {
  const Code* codes;
  const Links* links;
  const double* values;
  const double* numbers;
  double* adjoints;
  Tape::State* state;  // for blocks and arrays
  Arrays::Keep keep;
};

// The step of a block's header: all that arrived at its outputs goes through its vjp at once. What
// the vjp records, it records on a tape of its own. Returns the new `low`.
[[gnu::noinline]] std::uint32_t step_of_block(const Rows& arrays, std::uint32_t row,
                                              std::uint32_t low) {
  BlockRow& block = block_at(*arrays.state, row);
  const std::vector<double> xbar = pull_back(*arrays.state, block);
  for (std::size_t k = 0; k < xbar.size(); ++k) {
    if (block.is_number[k] || is_unreached(xbar[k])) continue;
    accumulate(arrays.adjoints[block.links[k]], xbar[k]);
    low = std::min(low, block.links[k]);
  }
  return low;
}

// The step of a block's output: leaves its adjoint with the block, whose header is reached thereby.
[[gnu::noinline]] std::uint32_t step_of_output(const Rows& arrays, std::uint32_t row,
                                               std::uint32_t low, double g) {
  const Links at = arrays.links[row];
  block_at(*arrays.state, at.x).zbar[at.y] = g + 0.0;
  accumulate(arrays.adjoints[at.x], 0.0);
  return std::min(low, at.x);
}

// The step of an array, whose adjoint stands in the table of arrays; g tells that it is there.
[[gnu::noinline]] std::uint32_t step_of_array(const Rows& arrays, std::uint32_t row,
                                              std::uint32_t low) {
  return arrays.state->arrays->pull_back(row, arrays.adjoints, low, arrays.keep);
}

// The step of an element: its adjoint goes to the array, which is reached thereby.
[[gnu::noinline]] std::uint32_t step_of_element(const Rows& arrays, std::uint32_t row,
                                                std::uint32_t low, double g) {
  const Links at = arrays.links[row];
  arrays.state->arrays->arrive(at.x, at.y, g);
  accumulate(arrays.adjoints[at.x], 0.0);
  return std::min(low, at.x);
}

// One row's step: g ∂row/∂operand is pushed into each operand's adjoint.
struct Step : Rows {
  std::uint32_t row;
  std::uint32_t low;  // the lowest row that was pushed into
  double g;

  [[gnu::always_inline]] void leaf() {}
  [[gnu::always_inline]] void block() { low = step_of_block(*this, row, low); }
  [[gnu::always_inline]] void block_output() { low = step_of_output(*this, row, low, g); }
  [[gnu::always_inline]] void array() { low = step_of_array(*this, row, low); }
  [[gnu::always_inline]] void element() { low = step_of_element(*this, row, low, g); }

  template <Op op, unsigned mask>
  [[gnu::always_inline]] void operation() {
    const auto pushes = pullback<op, mask>();
    const Links at = links[row];
    push<mask, 0>(at.x, pushes.entry[0]);
    if constexpr (Rule<op>::arity >= 2) push<mask, 1>(at.y, pushes.entry[1]);
    if constexpr (Rule<op>::arity >= 3) push<mask, 2>(links[row - 1].x, pushes.entry[2]);
  }

  template <Op op, unsigned mask>
  [[gnu::always_inline]] auto pullback() const {
    using Row = Rule<op>;
    const Links at = links[row];
    const double adjoint = g, x = operand<mask, 0>(at.x), z = values[row];
    if constexpr (Row::arity == 1) {
      return Row::template pullback<double>(adjoint, x, z);
    } else if constexpr (Row::arity == 2) {
      return Row::template pullback<double>(adjoint, x, operand<mask, 1>(at.y), z);
    } else {
      return Row::template pullback<double>(adjoint, x, operand<mask, 1>(at.y),
                                            operand<mask, 2>(links[row - 1].x), z);
    }
  }

  template <unsigned mask, unsigned k>
  [[gnu::always_inline]] void push(std::uint32_t link, const Push<double>& contribution) {
    if constexpr ((mask >> k & 1u) == 0) {
      if (!contribution.taken) return;
      accumulate(adjoints[link], contribution.value);
      low = std::min(low, link);
    }
  }

 private:
  template <unsigned mask, unsigned k>
  [[gnu::always_inline]] double operand(std::uint32_t link) const {
    return (mask >> k & 1u) != 0 ? numbers[link] : values[link];
  }
};

// Any row's step, and the new `low`. Out of line, so that what its formulas need (calls of the C
// library, above all) takes no registers from the sweep's loop.
[[gnu::noinline]] std::uint32_t step_of(const Rows& arrays, std::uint32_t row, std::uint32_t low,
                                        double g) {
  Step step{arrays, row, low, g};
  visit_code(arrays.codes[row], step);
  return step.low;
}

// A step in the sweep's loop: rarer formulas are out of line, and an operand that is the row right
// below can be handed over instead of pushed into: the loop enters that row next, its adjoint never
// leaving the registers.
struct QuickStep : Step {
  const Rows& arrays;

  // Not Step's: its address must not leave the loop.
  [[gnu::always_inline]] void block() { low = step_of_block(arrays, row, low); }
  [[gnu::always_inline]] void block_output() { low = step_of_output(arrays, row, low, g); }
  [[gnu::always_inline]] void array() { low = step_of_array(arrays, row, low); }
  [[gnu::always_inline]] void element() { low = step_of_element(arrays, row, low, g); }

  template <Op op, unsigned mask>
  [[gnu::always_inline]] void operation() {
    if constexpr (info(op).kind == Kind::inline_formula) {
      Step::operation<op, mask>();
    } else {
      low = step_of(arrays, row, low, g);
    }
  }

  /// operation<op, 0>, unless operand k is the row below and that is not below `stop`: then true,
  /// and to_row and to_g are that row and its adjoint.
  template <Op op, unsigned k, unsigned... others>
  [[gnu::always_inline]] bool descend(std::uint32_t stop, std::uint32_t& to_row, double& to_g) {
    const auto pushes = pullback<op, 0>();
    const Links at = links[row];
    if ((k == 0 ? at.x : at.y) == row - 1 && row > stop && pushes.entry[k].taken) {
      push<0, 1 - k>(k == 0 ? at.y : at.x, pushes.entry[1 - k]);
      to_row = row - 1;
      to_g = adjoints[row - 1];
      accumulate(to_g, pushes.entry[k].value);
      return true;
    }
    if constexpr (sizeof...(others) != 0) {
      return descend<op, others...>(stop, to_row, to_g);
    } else {
      push<0, 0>(at.x, pushes.entry[0]);
      push<0, 1>(at.y, pushes.entry[1]);
      return false;
    }
  }
};

// One reverse sweep over double. It clears each adjoint as it reads it, so that the buffer is clean
// again afterwards without a pass of its own, and it ends at the lowest row that was pushed into.
// keep(row, adjoint) is called for each reached row.
template <class Keep>
class Reverse {
 public:
  Reverse(Tape::State& state, Keep keep, Arrays::Keep keep_arrays = Arrays::Keep::nothing)
      : arrays_{state.rows.codes,
                state.rows.links,
                state.rows.values,
                state.rows.numbers,
                state.sweep.cover(state.rows.size),
                &state,
                keep_arrays},
        keep_(keep) {}
  Reverse(const Reverse&) = delete;
  Reverse& operator=(const Reverse&) = delete;
  // Leaves the buffers clean: rows from low_ to row_ may still hold adjoints that were not entered.
  ~Reverse() {
    arrays_.state->sweep.clear(low_, row_);
    if (arrays_.state->arrays) arrays_.state->arrays->clear_adjoints(low_, row_);
    const std::vector<BlockRow>& blocks = arrays_.state->blocks;
    for (std::size_t k = blocks.size(); k-- > 0 && blocks[k].row >= low_;) {
      std::ranges::fill(arrays_.state->blocks[k].zbar, kUnreached);
    }
  }

  double adjoint(std::uint32_t row) const { return arrays_.adjoints[row]; }

  void seed(std::uint32_t row, double adjoint) {
    low_ = row_ == 0 ? row : std::min(low_, row);
    row_ = std::max(row_, row + 1);
    accumulate(arrays_.adjoints[row], adjoint);
  }

  /// Enters the rows from below the last one entered down to `stop`, without it.
  void run_to(std::uint32_t stop);

 private:
  const Rows arrays_;
  Keep keep_;
  std::uint32_t row_ = 0;
  std::uint32_t low_ = 0;
};

// Written for speed, by measurement: all state is local, and the commonest codes are asked for
// first, because a branch is predicted better than a jump through a table.
template <class Keep>
[[gnu::flatten]] void Reverse<Keep>::run_to(std::uint32_t stop) {
  const Rows arrays = arrays_;
  std::uint32_t row = row_, low = low_;
  low_ = 0;  // until it is known, should a block throw
  while (row > stop) {
    double g = arrays.adjoints[--row];
    if (is_unreached(g)) {
      if (row < low) break;
      continue;
    }
    for (bool below = true; below;) {
      arrays.adjoints[row] = kUnreached;
      keep_(row, g);
      QuickStep step{{arrays, row, low, g}, arrays_};
      const Code code = arrays.codes[row];
      if (code == code_of(Op::mul, 0)) {
        below = step.template descend<Op::mul, 0>(stop, row, g);
      } else if (code == code_of(Op::add, 0)) {
        below = step.template descend<Op::add, 1, 0>(stop, row, g);
      } else if (code == code_of(Op::sub, 0)) {
        below = step.template descend<Op::sub, 0>(stop, row, g);
      } else if (code == code_of(Op::div, 0)) {
        below = step.template descend<Op::div, 0>(stop, row, g);
      } else {
        visit_code(code, step);
        below = false;
      }
      low = step.low;
    }
  }
  row_ = row;
  low_ = low;
}

// Sweeps once from the ys and calls found(k, adjoint) for each x, kUnreached if nothing arrived.
template <class Found>
void sweep_for(std::span<const Scalar> ys, std::span<const double> seeds,
               std::span<const Scalar> xs, Found&& found) {
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  const auto row_of = [xs](std::uint32_t k) { return ScalarAccess::row(xs[k]); };
  const auto count = static_cast<std::uint32_t>(xs.size());
  bool ascending = true;
  for (std::uint32_t k = 0; k < count; ++k) {
    if (!state.rows.live(ScalarAccess::stamp(xs[k]))) tape.node_of(xs[k], "gradient");
    ascending = ascending && (k == 0 || row_of(k - 1) <= row_of(k));
  }
  std::uint32_t end = 0;  // the rows below it matter
  for (const Scalar& y : ys) {
    if (!y.is_number()) end = std::max(end, tape.node_of(y, "gradient").index + 1);
  }
  const bool nothing = std::ranges::all_of(seeds, is_unreached);
  if (end == 0 || nothing) {
    for (std::uint32_t k = 0; k < count; ++k) found(k, kUnreached);
    return;
  }
  std::vector<std::uint32_t>& order = state.order;
  if (!ascending) {
    order.resize(count);
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::sort(order, std::less<>(), row_of);
  }
  const auto ignore = [](std::uint32_t, double) {};
  Reverse<decltype(ignore)> sweep(state, ignore);
  for (std::size_t j = 0; j < ys.size(); ++j) {
    const bool is_seeded = !ys[j].is_number() && !is_unreached(seeds[j]);
    if (is_seeded) sweep.seed(ScalarAccess::row(ys[j]), seeds[j]);
  }
  std::uint32_t done = end;  // rows from here on can add nothing to those below
  for (std::uint32_t i = count; i-- > 0;) {
    const std::uint32_t k = ascending ? i : order[i], row = row_of(k);
    if (row + 1 < done) sweep.run_to(done = row + 1);
    if (row + 1 == done && !is_operation(state.rows.codes[row])) done = row;
    found(k, sweep.adjoint(row));
  }
}

}  // namespace

// ---- first order ------------------------------------------------------------------------------

namespace {

constexpr double kOne[] = {1.0};

// While a Function is recorded a derivative is a value like any other: recorded, then taken out.
bool recorded_instead(const Scalar& y, std::span<const Scalar> xs, std::span<double> out) {
  if (!active_state().tracing) return false;
  std::ranges::transform(recorded_gradient(y, xs), out.begin(),
                         [](const Scalar& slope) { return slope.value({}); });
  return true;
}

void refuse_while_tracing(const char* what) {
  if (active_state().tracing) {
    fail(what,
         "while a Function is recorded there are no adjoints to look at: use grad(f), or "
         "recorded_gradient(y, xs)");
  }
}

}  // namespace

void gradient(const Scalar& y, std::span<const Scalar> xs, std::span<double> out) {
  if (xs.size() != out.size()) {
    fail("gradient", "room for " + std::to_string(out.size()) + " derivatives, but " +
                         std::to_string(xs.size()) + " inputs");
  }
  if (recorded_instead(y, xs, out)) return;
  sweep_for({&y, 1}, kOne, xs, [out](std::uint32_t k, double adjoint) {
    out[k] = adjoint + 0.0;  // kUnreached, which is -0, gives 0
  });
}

void adjoints(std::span<const Scalar> ys, std::span<const double> seeds, std::span<const Scalar> xs,
              std::span<double> out) {
  sweep_for(ys, seeds, xs, [out](std::uint32_t k, double adjoint) { out[k] = adjoint; });
}

void adjoints(std::span<const Scalar> ys, std::span<const double> seeds, std::span<const Scalar> xs,
              Arriving& arriving) {
  sweep_for(ys, seeds, xs, [&](std::uint32_t k, double adjoint) { arriving(k, adjoint); });
}

void vjp(std::span<const Scalar> ys, std::span<const double> seeds, std::span<const Scalar> xs,
         std::span<double> out) {
  if (ys.size() != seeds.size() || xs.size() != out.size()) {
    fail("vjp", std::to_string(seeds.size()) + " seeds for " + std::to_string(ys.size()) +
                    " results, and room for " + std::to_string(out.size()) + " derivatives of " +
                    std::to_string(xs.size()) + " inputs");
  }
  if (active_state().tracing) {
    const std::vector<Scalar> recorded = {seeds.begin(), seeds.end()};
    std::ranges::transform(recorded_vjp(ys, recorded, xs), out.begin(),
                           [](const Scalar& slope) { return slope.value({}); });
    return;
  }
  sweep_for(ys, seeds, xs, [out](std::uint32_t k, double adjoint) { out[k] = adjoint + 0.0; });
}

std::vector<double> vjp(std::span<const Scalar> ys, std::span<const double> seeds,
                        std::span<const Scalar> xs) {
  std::vector<double> out(xs.size());
  vjp(ys, seeds, xs, out);
  return out;
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
  refuse_while_tracing("reach");
  bool arrived = false;
  sweep_for({&y, 1}, kOne, {&x, 1},
            [&](std::uint32_t, double adjoint) { arrived = !is_unreached(adjoint); });
  if (arrived) return Reach::reached;
  if (y.is_number()) return Reach::independent;
  const std::vector<std::uint32_t> rows =
      ancestor_rows(TapeAccess::state(Tape::active()), ScalarAccess::row(y));
  return std::ranges::binary_search(rows, ScalarAccess::row(x)) ? Reach::cut : Reach::independent;
}

void add_grads(std::span<const Scalar> ys, std::span<const double> seeds) {
  refuse_while_tracing("backward");
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  for (const Scalar& y : ys) tape.node_of(y, "backward");
  double* grads = state.grads.cover(state.rows.size);
  const auto keep = [grads](std::uint32_t row, double g) { accumulate(grads[row], g); };
  Reverse<decltype(keep)> sweep(state, keep, Arrays::Keep::grad);
  for (std::size_t k = 0; k < ys.size(); ++k) sweep.seed(ScalarAccess::row(ys[k]), seeds[k]);
  sweep.run_to(0);
}

void Scalar::backward(double seed) const { add_grads({this, 1}, {&seed, 1}); }

void Scalar::step_backward() const {
  refuse_while_tracing("step_backward");
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  const std::uint32_t row = tape.node_of(*this, "step_backward").index;
  double* grads = state.grads.cover(state.rows.size);
  if (is_unreached(grads[row])) {
    fail("step_backward",
         name() + " has no adjoint yet: set_grad() it, or step its consumers first");
  }
  const Operands operands(state, row);
  operands.pull_back(grads[row], [&](std::size_t k, double contribution) {
    if (!operands.is_number(k)) accumulate(grads[operands.link(k)], contribution);
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
