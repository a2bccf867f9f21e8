// Loops: a body that is recorded once and run for many steps, as one node of the tape.
//
//   auto zs = map([w](Scalar x) { return tanh(w * x); }, xs);            // body(x) for each x
//   Scalar s = sum_over([](Scalar x, Scalar y) { return x * y; }, xs, ys);  // Σ body(x, y)
//   Scalar p = fold([x](Scalar p, Scalar c) { return p * x + c; }, 0.0, cs);  // p ← body(p, c)
//   auto [h, ys] = scan([](Scalar h, Scalar x) { ... return std::pair(next, y); }, 0.0, xs);
//   Scalar r = fold(n, [a](Scalar r) { return 0.5 * (r + a / r); }, a);  // n steps
//
// What is recorded grows with the numbers that go in and come out, not with what the body does in
// each step; so do its derivatives, which are loops in turn, to every order. Scalars that the body
// captures are differentiated by as well. Capture by value: where a body has a branch (a guard), it
// is run again when a step takes another one. A Scalar that is first met on a branch of a later run
// is refused: read it on every branch.
//
// Each call records the body anew, so a loop pays where it stands in code that is itself recorded
// once (record(), compile()), or where its body is much smaller than its steps. With plain numbers
// alone the body is simply run.
#pragma once

#include "chainrule/graph/closure.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {

enum class LoopReading : unsigned char;
struct LoopRequest;
struct DerivedLoop;

/// The block: steps t in order, each (carry, ysₜ, s) ← body(carry, xsₜ, invariant), sums += s.
///
/// Inputs are the first carry, then xs step by step, then what is the same for all steps; outputs
/// the last carry, then ys step by step, then the sums, which begin at +0 and add up in the order
/// in which the steps run. xs and ys stand by t, whatever the direction. A body without guards is
/// one trace; one with guards is answered by its Function, step by step. A Loop cannot be saved as
/// text: words() is empty.
class Loop final : public Block {
 public:
  struct Shape {
    std::size_t steps = 0;
    std::size_t carried = 0;    ///< numbers that go from step to step
    std::size_t sliced = 0;     ///< of each step's own that go in
    std::size_t invariant = 0;  ///< that go into every step
    std::size_t stacked = 0;    ///< of each step's own that come out
    std::size_t summed = 0;     ///< that are added up over the steps
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  enum class Direction : unsigned char { ascending, descending };

  /// The body takes carried, sliced and invariant numbers, and gives the next carried, stacked and
  /// summed ones. Throws Error if its counts are others.
  Loop(Function body, const Shape& shape, Direction direction = Direction::ascending);
  ~Loop() override;

  const Function& body() const { return body_; }
  const Shape& shape() const { return shape_; }
  Direction direction() const { return direction_; }

  std::string_view name() const override { return "loop"; }
  std::size_t inputs() const override;
  std::size_t outputs() const override;
  void value(std::span<const double> x, std::span<double> z) const override;
  void vjp(std::span<const double> x, std::span<const double> z, std::span<const double> zbar,
           std::span<double> xbar) const override;
  void jvp(std::span<const double> x, std::span<const double> z, std::span<const double> xdot,
           std::span<double> zdot) const override;
  void pull_arrivals(std::span<const Scalar> x, std::span<const Scalar> z,
                     std::span<const Arrival> zbar, std::span<Arrival> xbar) const override;
  void push_arrivals(std::span<const Scalar> x, std::span<const Scalar> z,
                     std::span<const Arrival> xdot, std::span<Arrival> zdot) const override;

  /// The loop that takes the same and gives the same, and also stacks the carry before each step,
  /// after what it stacks anyway: what its derivatives read. One for each Loop.
  std::shared_ptr<const Loop> with_carries() const;
  /// A loop of another body and shape that gives all that this one gives, and may stack more after
  /// it.
  std::shared_ptr<const Loop> extended(Function body, const Shape& shape) const;
  /// Whether it was made of another one by these two: of the same operands, it gives as much.
  bool extends(const Loop& other) const;

 private:
  enum class Stacks : unsigned char { own, carries_too };
  struct Derived;

  Loop(Function body, const Shape& shape, Direction direction, Stacks stacks);
  std::size_t step_at(std::size_t turn) const;
  void take_results(std::size_t t, std::span<const double> given, std::span<double> z) const;
  void run_in_turn(std::span<const double> x, std::span<double> z) const;
  void run_apart(std::span<const double> x, std::span<double> z) const;
  std::shared_ptr<const DerivedLoop> derived(const LoopRequest& request) const;
  template <class S>
  std::vector<S> carries(std::span<const S> x, std::span<const S> z) const;
  template <class S, class Seed>
  void differentiate(LoopReading reading, std::span<const S> x, std::span<const S> z,
                     std::span<const Seed> seeds, std::span<Seed> found) const;

  Function body_;
  Shape shape_;
  Direction direction_;
  Stacks stacks_ = Stacks::own;
  std::vector<std::uint64_t> identities_;  // its own, and those of the loops that it extends
  std::unique_ptr<Derived> derived_;
};

/// What scan() gives: the last carry, and what each step gave beside it.
template <class Carry, class Y>
struct Scanned {
  Carry carry;
  std::vector<Y> ys;
};

namespace detail {

enum class LoopKind : unsigned char { map, sum_over, fold, scan };

/// A loop in flat numbers: the first carry, and after it step by step what is sliced.
struct LoopCall {
  LoopKind kind;
  std::size_t steps, carried, sliced;
  std::vector<Scalar> numbers;
};

/// The last carry, then what is stacked step by step, then the sums; recorded as a Loop if any
/// number is, or the body captured one. There is one step at least.
std::vector<Scalar> looped(const LoopCall& call, std::shared_ptr<const Callable> body);

[[noreturn]] void fail_ragged(LoopKind kind, std::size_t range, std::size_t expected,
                              std::size_t got);
[[noreturn]] void fail_row(LoopKind kind, std::size_t range, std::size_t row, std::size_t expected,
                           std::size_t got);

template <class Xs>
using RowOf = Rebound<std::remove_cvref_t<decltype(*std::declval<const Xs&>().begin())>, Scalar>;

template <class Xs>
concept Rows = RangeLike<const Xs>;

// The lengths of the ranges inside of a value, in order: with its type, its shape.
template <class T>
void append_lengths(const T& value, std::vector<std::size_t>& lengths) {
  using Plain = std::remove_cv_t<T>;
  if constexpr (Real<Plain>) {
  } else if constexpr (HasFields<Plain>) {
    Plain copy = value;
    std::apply([&](auto&... part) { (append_lengths(part, lengths), ...); }, fields(copy));
  } else if constexpr (RangeLike<const Plain>) {
    lengths.push_back(value.size());
    for (const auto& part : value) append_lengths(part, lengths);
  } else if constexpr (TupleLike<Plain>) {
    std::apply([&](const auto&... part) { (append_lengths(part, lengths), ...); }, value);
  }
}

template <class... Xs>
std::size_t steps_of(LoopKind kind, const Xs&... xs) {
  const std::size_t counts[] = {static_cast<std::size_t>(xs.size())...};
  for (std::size_t k = 1; k < sizeof...(Xs); ++k) {
    if (counts[k] != counts[0]) fail_ragged(kind, k, counts[0], counts[k]);
  }
  return counts[0];
}

// Throws unless all rows of a range have one shape.
template <class Xs>
void require_one_shape(LoopKind kind, std::size_t range, const Xs& xs) {
  static_assert(only_reals<RowOf<Xs>>,
                "the rows of a loop are made of real numbers; an integer would be frozen");
  std::vector<std::size_t> first, other;
  std::size_t row = 0;
  for (const auto& x : xs) {
    std::vector<std::size_t>& lengths = row == 0 ? first : other;
    lengths.clear();
    append_lengths(x, lengths);
    for (std::size_t k = 0; row != 0 && k < first.size() && k < other.size(); ++k) {
      if (first[k] != other[k]) fail_row(kind, range, row, first[k], other[k]);
    }
    ++row;
  }
}

template <class... Xs>
void append_rows(LoopCall& call, const Xs&... xs) {
  std::size_t range = 0;
  (require_one_shape(call.kind, range++, xs), ...);
  const auto append = [&](auto& at) {
    each_real(*at, [&](const auto& number) { call.numbers.push_back(number); });
    ++at;
  };
  auto iterators = std::tuple(xs.begin()...);
  for (std::size_t t = 0; t < call.steps; ++t) {
    std::apply([&](auto&... at) { (append(at), ...); }, iterators);
  }
  call.sliced = call.steps == 0 ? 0 : (call.numbers.size() - call.carried) / call.steps;
}

// The same with plain numbers in the place of what stands there now.
template <class T>
auto shape_of(const T& value) {
  return map_reals_to<Scalar>(value, [](const auto& x) { return Scalar(primal(x)); });
}

// Runs a loop whose body takes `shapes`; gives its numbers, and in `first` the shape of what the
// body gives.
template <class Body, class Shapes, class Result>
std::vector<Scalar> run_loop(const LoopCall& call, Body body, Shapes shapes, Result& first) {
  static_assert(only_reals<Result>,
                "the body of a loop gives real numbers: an integer or a bool would be frozen; give "
                "a Scalar");
  return looped(call, std::make_shared<const ShapedCode<Body, Shapes, Result>>(
                          std::move(body), std::move(shapes), &first));
}

template <class Shape>
std::vector<Rebound<Shape, Scalar>> all_in_shape(const Shape& shape, std::span<const Scalar> flat,
                                                 std::size_t steps) {
  std::vector<Rebound<Shape, Scalar>> all;
  all.reserve(steps);
  const std::size_t width = flat.size() / steps;
  for (std::size_t t = 0; t < steps; ++t) {
    all.push_back(in_shape(shape, flat.subspan(t * width, width)));
  }
  return all;
}

template <class Body, class... Shapes>
using ResultOf = std::remove_cvref_t<std::invoke_result_t<const Body&, Shapes...>>;

}  // namespace detail

/// body(x…) for each step's x of every range, in a vector. The ranges are equally long; their
/// elements are numbers, or rows of one shape (whatever has Fields). Throws Error where they are
/// not.
template <class Body, detail::Rows... Xs>
requires(sizeof...(Xs) > 0) auto map(Body body, const Xs&... xs) {
  using Result = detail::ResultOf<Body, detail::RowOf<Xs>...>;
  detail::LoopCall call{detail::LoopKind::map, 0, 0, 0, {}};
  call.steps = detail::steps_of(call.kind, xs...);
  detail::append_rows(call, xs...);
  if (call.steps == 0) return std::vector<Rebound<Result, Scalar>>{};
  Result first{};
  const auto z =
      detail::run_loop(call, std::move(body), std::tuple(detail::shape_of(*xs.begin())...), first);
  return detail::all_in_shape(first, z, call.steps);
}

/// Σ body(x…) over the steps, a number or a structure of them; from no steps, the empty value of
/// its type: 0.
template <class Body, detail::Rows... Xs>
requires(sizeof...(Xs) > 0) auto sum_over(Body body, const Xs&... xs) {
  using Result = detail::ResultOf<Body, detail::RowOf<Xs>...>;
  detail::LoopCall call{detail::LoopKind::sum_over, 0, 0, 0, {}};
  call.steps = detail::steps_of(call.kind, xs...);
  detail::append_rows(call, xs...);
  if (call.steps == 0) return Rebound<Result, Scalar>{};
  Result first{};
  const auto z =
      detail::run_loop(call, std::move(body), std::tuple(detail::shape_of(*xs.begin())...), first);
  return detail::in_shape(first, z);
}

/// carry ← body(carry, x…), step by step from init; the last carry. The body gives a carry of the
/// shape of init, or Error is thrown.
template <class Body, class Init, detail::Rows... Xs>
requires(sizeof...(Xs) > 0 && !std::integral<Body>) Rebound<Init, Scalar> fold(Body body,
                                                                               const Init& init,
                                                                               const Xs&... xs) {
  static_assert(only_reals<Init>, "a carry is made of real numbers: write 0.0");
  using Carry = Rebound<Init, Scalar>;
  using Result = detail::ResultOf<Body, Carry, detail::RowOf<Xs>...>;
  detail::LoopCall call{detail::LoopKind::fold, 0, 0, 0, detail::flat_scalars(init)};
  call.carried = call.numbers.size();
  call.steps = detail::steps_of(call.kind, xs...);
  detail::append_rows(call, xs...);
  if (call.steps == 0) return detail::in_shape(init, call.numbers);
  Result first{};
  const auto z =
      detail::run_loop(call, std::move(body),
                       std::tuple(detail::shape_of(init), detail::shape_of(*xs.begin())...), first);
  return detail::in_shape(init, z);
}

/// The same for a number of steps: body(carry), or body(carry, t) with t = 0, 1, … as a Scalar. A
/// count that was taken out of a Scalar while a Function is recorded is a guard: for another count
/// the code is run again.
template <std::integral Count, class Body, class Init>
Rebound<Init, Scalar> fold(Count steps, Body body, const Init& init) {
  static_assert(only_reals<Init>, "a carry is made of real numbers: write 0.0");
  using Carry = Rebound<Init, Scalar>;
  detail::LoopCall call{detail::LoopKind::fold, 0, 0, 0, detail::flat_scalars(init)};
  call.carried = call.numbers.size();
  call.steps = steps > 0 ? static_cast<std::size_t>(steps) : 0;
  if (call.steps == 0) return detail::in_shape(init, call.numbers);
  if constexpr (std::is_invocable_v<const Body&, Carry, Scalar>) {
    call.sliced = 1;
    for (std::size_t t = 0; t < call.steps; ++t) call.numbers.emplace_back(t);
    detail::ResultOf<Body, Carry, Scalar> first{};
    const auto z = detail::run_loop(call, std::move(body),
                                    std::tuple(detail::shape_of(init), Scalar(0.0)), first);
    return detail::in_shape(init, z);
  } else {
    detail::ResultOf<Body, Carry> first{};
    const auto z =
        detail::run_loop(call, std::move(body), std::tuple(detail::shape_of(init)), first);
    return detail::in_shape(init, z);
  }
}

/// (carry, yₜ) ← body(carry, x…), step by step from init: the body gives a pair of the next carry
/// and what is kept of the step. Gives {last carry, vector of the ys}.
template <class Body, class Init, detail::Rows... Xs>
requires(sizeof...(Xs) > 0) auto scan(Body body, const Init& init, const Xs&... xs) {
  static_assert(only_reals<Init>, "a carry is made of real numbers: write 0.0");
  using Carry = Rebound<Init, Scalar>;
  using Result = detail::ResultOf<Body, Carry, detail::RowOf<Xs>...>;
  static_assert(
      requires { requires std::tuple_size<Result>::value == 2; },
      "the body of a scan gives a pair: the next carry, and what is kept of the step");
  using Y = Rebound<std::tuple_element_t<1, Result>, Scalar>;
  detail::LoopCall call{detail::LoopKind::scan, 0, 0, 0, detail::flat_scalars(init)};
  call.carried = call.numbers.size();
  call.steps = detail::steps_of(call.kind, xs...);
  detail::append_rows(call, xs...);
  if (call.steps == 0) return Scanned<Carry, Y>{detail::in_shape(init, call.numbers), {}};
  Result first{};
  const auto z =
      detail::run_loop(call, std::move(body),
                       std::tuple(detail::shape_of(init), detail::shape_of(*xs.begin())...), first);
  return Scanned<Carry, Y>{
      detail::in_shape(init, z),
      detail::all_in_shape(std::get<1>(first), std::span(z).subspan(call.carried), call.steps)};
}

}  // namespace chainrule
