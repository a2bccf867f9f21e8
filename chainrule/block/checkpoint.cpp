#include "chainrule/block/checkpoint.hpp"

#include <algorithm>
#include <string>

#include "chainrule/tape/block.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {
namespace {

// ---- one piece of code ------------------------------------------------------------------------

class Checkpoint final : public Block {
 public:
  explicit Checkpoint(Closure closure) : closure_(std::move(closure)) {}

  std::string_view name() const override { return "checkpoint"; }
  std::size_t inputs() const override { return closure_.inputs(); }
  std::size_t outputs() const override { return closure_.outputs(); }

  void value(std::span<const double> x, std::span<double> z) const override {
    const Closure::Run run(closure_, x);
    std::ranges::transform(run.outputs(), z.begin(), [](const Scalar& s) { return s.value(); });
  }
  void vjp(std::span<const double> x, std::span<const double>, std::span<const double> zbar,
           std::span<double> xbar) const override {
    const Closure::Run run(closure_, x);
    adjoints(run.outputs(), zbar, run.inputs(), xbar);
  }
  void jvp(std::span<const double> x, std::span<const double>, std::span<const double> xdot,
           std::span<double> zdot) const override {
    const Closure::Run run(closure_, x);
    tangents(run.outputs(), run.inputs(), xdot, zdot);
  }
  void pull_arrivals(std::span<const Scalar> x, std::span<const Scalar>,
                     std::span<const Arrival> zbar, std::span<Arrival> xbar) const override {
    detail::pull_to_inputs(closure_.record(x), zbar, x, xbar);
  }
  void push_arrivals(std::span<const Scalar> x, std::span<const Scalar>,
                     std::span<const Arrival> xdot, std::span<Arrival> zdot) const override {
    detail::push_from_inputs(closure_.record(x), x, xdot, zdot);
  }

 private:
  Closure closure_;
};

// ---- a loop of steps --------------------------------------------------------------------------

using State = std::vector<double>;

// C(n, k), as far as it is at most `most`.
std::size_t binomial(std::size_t n, std::size_t k, std::size_t most) {
  double result = 1;
  for (std::size_t i = 1; i <= k; ++i) {
    result = result * static_cast<double>(n - k + i) / static_cast<double>(i);
    if (result > static_cast<double>(most)) return most;
  }
  return static_cast<std::size_t>(result + 0.5);
}

// How far to go from the first of n steps before the state is kept next, s more being allowed.
std::size_t stride(std::size_t n, std::size_t s) {
  std::size_t runs = 1;
  while (binomial(s + runs, s, n) < n) ++runs;
  return std::clamp<std::size_t>(binomial(s + runs - 1, s, n), 1, n - 1);
}

class Repeat final : public Block {
 public:
  Repeat(std::shared_ptr<const Callable> step, std::size_t size, std::size_t steps,
         std::size_t kept)
      : step_(std::move(step)), size_(size), steps_(steps), kept_(kept) {}

  std::string_view name() const override { return "repeat"; }
  std::size_t inputs() const override { return size_ + captured_.size(); }
  std::size_t outputs() const override { return size_; }

  // All steps, on a tape of its own; what they capture is kept.
  State run_first(std::span<const Scalar> state) {
    const Inner inner;
    State values;
    for (const Scalar& s : state) values.push_back(inner.value_of(s));
    const State results = advance(std::move(values), 0, steps_);
    captured_ = inner.captured();
    return results;
  }
  const std::vector<Scalar>& captured() const { return captured_; }

  void value(std::span<const double> x, std::span<double> z) const override {
    const Inner inner(captured_, x.subspan(size_));
    std::ranges::copy(advance({x.begin(), x.begin() + size()}, 0, steps_), z.begin());
  }

  void vjp(std::span<const double> x, std::span<const double>, std::span<const double> zbar,
           std::span<double> xbar) const override {
    const Inner inner(captured_, x.subspan(size_));
    Reversal reversal{inner, {zbar.begin(), zbar.end()}, State(captured_.size(), kUnreached)};
    reverse(reversal, 0, steps_, {x.begin(), x.begin() + size()}, kept_);
    std::ranges::copy(reversal.state, xbar.begin());
    std::ranges::copy(reversal.captured, xbar.begin() + size());
  }

  void jvp(std::span<const double> x, std::span<const double>, std::span<const double> xdot,
           std::span<double> zdot) const override {
    const Inner inner(captured_, x.subspan(size_));
    State state(x.begin(), x.begin() + size());
    std::vector<double> seeds(xdot.begin(), xdot.end());
    for (std::size_t k = 0; k < steps_; ++k) {
      const Frame frame = inner.tape().frame();
      const Piece piece = run_step(inner, state, k);
      std::vector<double> found(size_);
      tangents(piece.out, piece.in, seeds, found);
      for (std::size_t i = 0; i < size_; ++i) state[i] = primal(piece.out[i]), seeds[i] = found[i];
    }
    std::copy_n(seeds.begin(), size_, zdot.begin());
  }

  void pull_arrivals(std::span<const Scalar> x, std::span<const Scalar>,
                     std::span<const Arrival> zbar, std::span<Arrival> xbar) const override {
    detail::pull_to_inputs(record(x), zbar, x, xbar);
  }
  void push_arrivals(std::span<const Scalar> x, std::span<const Scalar>,
                     std::span<const Arrival> xdot, std::span<Arrival> zdot) const override {
    detail::push_from_inputs(record(x), x, xdot, zdot);
  }

 private:
  struct Piece {
    std::vector<Scalar> in, out;
  };
  struct Reversal {
    const Inner& inner;
    State state, captured;  // adjoints
  };

  std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(size_); }

  void call_step(std::vector<Scalar> state, std::size_t k, std::vector<Scalar>& out) const {
    state.emplace_back(k);
    (*step_)(state, out);
    if (out.size() != size_) {
      fail("repeat", "step " + std::to_string(k) + " gave a state of " +
                         std::to_string(out.size()) + " numbers for one of " +
                         std::to_string(size_));
    }
  }

  State advance(State state, std::size_t from, std::size_t to) const {
    for (std::size_t k = from; k < to; ++k) {
      const Frame frame = Tape::active().frame();
      std::vector<Scalar> out;
      call_step({state.begin(), state.end()}, k, out);
      for (std::size_t i = 0; i < size_; ++i) state[i] = out[i].value();
    }
    return state;
  }

  Piece run_step(const Inner& inner, const State& state, std::size_t k) const {
    Piece piece;
    for (const double x : state) piece.in.push_back(variable(x));
    call_step(piece.in, k, piece.out);
    for (Scalar& s : piece.out) s = inner.here(s);
    for (std::size_t i = 0; i < captured_.size(); ++i) piece.in.push_back(inner.leaf(i));
    return piece;
  }

  // Steps from `first` to before `last`, the state before `first` being given. The depth of
  // recursion is `kept` at most.
  void reverse(Reversal& to, std::size_t first, std::size_t last, const State& state,
               std::size_t kept) const {
    while (last > first) {
      if (last - first == 1 || kept == 0) {
        reverse_step(to, advance(state, first, last - 1), last - 1);
        --last;
      } else {
        const std::size_t middle = first + stride(last - first, kept);
        reverse(to, middle, last, advance(state, first, middle), kept - 1);
        last = middle;
      }
    }
  }

  void reverse_step(Reversal& to, const State& state, std::size_t k) const {
    const Frame frame = to.inner.tape().frame();
    const Piece piece = run_step(to.inner, state, k);
    std::vector<double> found(piece.in.size());
    adjoints(piece.out, to.state, piece.in, found);
    std::copy_n(found.begin(), size_, to.state.begin());
    for (std::size_t i = 0; i < captured_.size(); ++i) {
      if (!is_unreached(found[size_ + i])) accumulate(to.captured[i], found[size_ + i]);
    }
  }

  std::vector<Scalar> record(std::span<const Scalar> x) const {
    const Substitution substitution(captured_, x.subspan(size_));
    std::vector<Scalar> state(x.begin(), x.begin() + size());
    for (std::size_t k = 0; k < steps_; ++k) {
      std::vector<Scalar> out;
      call_step(std::move(state), k, out);
      state = std::move(out);
    }
    for (Scalar& s : state) lead_in(s, "repeat");
    return state;
  }

  std::shared_ptr<const Callable> step_;
  std::size_t size_, steps_, kept_;
  std::vector<Scalar> captured_;
};

std::vector<Scalar> joined(std::span<const Scalar> x, const std::vector<Scalar>& captured) {
  std::vector<Scalar> all(x.begin(), x.end());
  all.insert(all.end(), captured.begin(), captured.end());
  return all;
}

}  // namespace

std::vector<Scalar> detail::checkpointed(std::shared_ptr<const Callable> code,
                                         std::span<const Scalar> x, Location at) {
  Closure closure(std::move(code), x);
  const std::vector<Scalar> operands = closure.operands(x);
  const std::vector<double> results = closure.first_results();
  return call_with_results(std::make_shared<const Checkpoint>(std::move(closure)), operands,
                           results, at);
}

std::vector<Scalar> detail::repeated(std::shared_ptr<const Callable> step,
                                     std::span<const Scalar> state, std::size_t steps,
                                     std::size_t kept, Location at) {
  if (kept == 0) fail("repeat", "at least one state is kept");
  auto loop = std::make_shared<Repeat>(std::move(step), state.size(), steps, kept);
  const State results = loop->run_first(state);
  return call_with_results(loop, joined(state, loop->captured()), results, at);
}

}  // namespace chainrule
