// Checkpoints: code that is not kept on the tape but run again in the reverse sweep.
//
// checkpoint(f) keeps f's inputs and results alone: memory for time, one more run a level of
// nesting. repeat() does so for a loop of steps, with a bounded number of states kept: a binomial
// schedule of restarts, optimal for that number. Griewank & Walther 2000, Algorithm 799 (Revolve):
// with s states kept, C(s + r, s) steps are reversed at r runs each at most.
//
// Scalars that the code captures are inputs like its arguments. Capture by value: the code is run
// again in the reverse sweep, when the function around it may have returned. The code must do the
// same for the same values each time. Derivatives of second order are recorded in full: memory is
// bounded for the first.
#pragma once

#include "chainrule/graph/closure.hpp"

namespace chainrule {

namespace detail {

std::vector<Scalar> checkpointed(std::shared_ptr<const Callable> code, std::span<const Scalar> x,
                                 Location at);
std::vector<Scalar> repeated(std::shared_ptr<const Callable> step, std::span<const Scalar> state,
                             std::size_t steps, std::size_t kept, Location at);

// One step of repeat().
template <class Step, class State>
class StepCode final : public Callable {
 public:
  StepCode(Step step, State shape) : step_(std::move(step)), shape_(std::move(shape)) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    const State before = in_shape(shape_, in);
    const auto take = [&](const auto& after) {
      each_real(after, [&](const auto& number) { out.push_back(number); });
    };
    if constexpr (std::is_invocable_v<const Step&, const State&, std::size_t>) {
      take(step_(before, static_cast<std::size_t>(primal(in.back()))));
    } else {
      take(step_(before));
    }
  }

 private:
  Step step_;
  State shape_;
};

}  // namespace detail

/// f with its tape thrown away: the same value and derivatives, but a reverse sweep runs f again. f
/// takes and gives Scalars, or structures of them.
template <class F>
auto checkpoint(F f) {
  return [f = std::move(f)](const auto&... args) {
    using Shapes = std::tuple<Rebound<std::remove_cvref_t<decltype(args)>, Scalar>...>;
    using Result = std::remove_cvref_t<decltype(std::apply(f, std::declval<Shapes&>()))>;
    // The shapes, with plain numbers in the place of what the arguments are now.
    const Shapes shapes{
        map_reals_to<Scalar>(args, [](const auto& x) { return Scalar(primal(x)); })...};
    const auto x =
        detail::flat_scalars(std::tuple<const std::remove_cvref_t<decltype(args)>&...>(args...));
    static_assert(only_reals<Result>,
                  "checkpoint: the code must give real numbers; an integer would be frozen");
    Result shape{};
    const auto z = detail::checkpointed(
        std::make_shared<const detail::ShapedCode<F, Shapes, Result>>(f, shapes, &shape), x,
        Location{});
    return detail::in_shape(shape, z);
  };
}

/// state ← step(state, k) for k = 0 … steps − 1, differentiated with at most `kept` states in
/// memory besides the tape of one step. step takes the state and, if it can, the step's number k,
/// and gives a state of the same shape.
template <class Step, class State>
Rebound<State, Scalar> repeat(Step step, const State& state, std::size_t steps,
                              std::size_t kept = 32, Location at = Location::here()) {
  static_assert(
      only_reals<State>,
      "repeat: a state is made of real numbers; the number of the step is a second argument");
  using Here = Rebound<State, Scalar>;
  const Here shape = map_reals_to<Scalar>(state, [](const auto& x) { return Scalar(primal(x)); });
  const auto z =
      detail::repeated(std::make_shared<const detail::StepCode<Step, Here>>(std::move(step), shape),
                       detail::flat_scalars(state), steps, kept, at);
  return detail::in_shape(shape, z);
}

}  // namespace chainrule
