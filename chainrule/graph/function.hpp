// Function: a computation recorded once and replayed for any inputs; never a stale answer.
//
// record() runs ordinary code once and keeps what it did as a Trace. A comparison that decided
// something is kept as a guard. Replaying is a pass over the Trace; where a guard flips, the code
// is run again and the new Trace kept beside the others, or, for a Function that came without its
// code (parsed, loaded, built by hand), BranchChanged is thrown. A Function is immutable and may be
// replayed by many threads at once. Replay allocates nothing after a thread's first call.
#pragma once

#include <memory>

#include "chainrule/graph/trace.hpp"
#include "chainrule/tape/fields.hpp"

namespace chainrule {

/// A Function without its code was asked for inputs for which it was not recorded.
class BranchChanged : public Error {
 public:
  using Error::Error;
};

/// Code that is recorded: Scalars in, Scalars out.
class Callable {
 public:
  virtual ~Callable() = default;
  virtual void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const = 0;
};

/// An argument of a Function: its name and shape, and numbers with which the code is run first.
struct Argument {
  std::string name;
  bool is_scalar = true;
  std::vector<double> example;
};

namespace detail {

/// Arguments, one after another, of anything that takes spans of numbers as well.
template <class... Args>
concept SeparateArguments = (HasReals<Args> && ...) && sizeof...(Args) > 0 &&
                            (sizeof...(Args) > 1 ||
                             (... && !std::is_convertible_v<const Args&, std::span<const Scalar>>));

/// The numbers of arguments, and how many each has; Scalars if any is one.
template <class... Args>
struct Flattened {
  using Number = std::conditional_t<(holds_scalars<Args> || ...), Scalar, double>;

  explicit Flattened(const Args&... args) { (add(args), ...); }

  std::vector<Number> numbers;
  std::vector<std::size_t> sizes;

 private:
  template <class Arg>
  void add(const Arg& arg) {
    const std::size_t before = numbers.size();
    each_real(arg, [&](const auto& number) { numbers.push_back(static_cast<Number>(number)); });
    sizes.push_back(numbers.size() - before);
  }
};

}  // namespace detail

class Function {
 public:
  /// A Function without its code: its trace is all. Throws Error if verify() finds fault with it.
  explicit Function(Trace trace);
  /// Records code that takes these arguments, run first on their examples. record() is the usual
  /// way.
  Function(std::shared_ptr<const Callable> code, std::vector<Argument> arguments,
           std::string name = "f");

  // A copy shares all; there is no Function without content, so a move is a copy.
  Function(const Function&) = default;
  Function& operator=(const Function&) = default;

  std::size_t inputs() const;
  std::size_t outputs() const;
  /// The arguments, with the numbers that the code was recorded with first.
  std::span<const Argument> arguments() const;
  /// What the code did when it was recorded first.
  const Trace& trace() const;

  /// Evaluates: inputs of all arguments one after another. Throws Error if the counts are not
  /// inputs() and outputs(), BranchChanged (see above), and what the code throws.
  void evaluate(std::span<const double> in, std::span<double> out) const;
  std::vector<double> operator()(std::span<const double> in) const;
  /// Evaluates many rows of inputs, one after another, 64 at a time; rows that take another branch
  /// are answered by another trace. Throws as above; then `out` is undefined.
  void rows(std::span<const double> in, std::span<double> out) const;
  /// Records the Function on the active tape, on the branch that the values of `in` take.
  std::vector<Scalar> operator()(std::span<const Scalar> in) const;

  /// Evaluates with an argument after another: numbers, vectors, anything that has Fields. With
  /// Scalars among them the Function is recorded on the active tape, and the results are Scalars.
  template <class... Args>
  requires detail::SeparateArguments<Args...>
  auto operator()(const Args&... args) const {
    const detail::Flattened<Args...> in(args...);
    require_sizes(in.sizes);
    return (*this)(std::span(in.numbers));
  }

  /// How long the code took when it was recorded first; 0 without code.
  double record_seconds() const;

  /// Throws Error unless there are so many arguments, with so many numbers each.
  void require_sizes(std::span<const std::size_t> sizes) const;

  /// How many traces are kept, and at most: beyond it the least recently used one is dropped.
  std::size_t variants() const;
  void keep_variants(std::size_t most) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

namespace detail {

template <class Code, class... Examples>
class Recorded final : public Callable {
 public:
  Recorded(Code code, const Examples&... examples) : code_(std::move(code)), shapes_(examples...) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    std::size_t k = 0;
    const auto next = [&](const auto&) { return in[k++]; };
    const auto result = std::apply(
        [&](const auto&... shape) {
          // Braces: from left to right.
          std::tuple<Rebound<Examples, Scalar>...> arguments{map_reals_to<Scalar>(shape, next)...};
          return std::apply(code_, arguments);
        },
        shapes_);
    static_assert(
        only_reals<std::remove_cvref_t<decltype(result)>>,
        "the code must give real numbers: an integer or a bool would be frozen; give a Scalar");
    each_real(result, [&](const auto& number) { out.push_back(number); });
  }

 private:
  Code code_;
  std::tuple<Rebound<Examples, double>...> shapes_;
};

template <class T>
Argument argument_of(const T& example, std::size_t place, std::size_t count) {
  Argument argument{count == 1 ? "x" : "x" + std::to_string(place), Real<T>, {}};
  each_real(example, [&](const auto& number) { argument.example.push_back(primal(number)); });
  return argument;
}

}  // namespace detail

/// Records code, a callable of as many arguments as there are examples: numbers, vectors, arrays,
/// structs with fields. The code is run once, on the examples' values with Scalars in the place of
/// their real numbers; what matters is their shape, because a branch that other inputs take is
/// recorded when they come. What the code computes must depend on its arguments and on captured
/// plain numbers alone: a captured Scalar of another tape throws HandleError.
template <class Code, class... Examples>
Function record(Code code, const Examples&... examples) {
  static_assert(
      (only_reals<Examples> && ...),
      "the arguments of a Function are real numbers: an integer would be frozen, so let the "
      "code capture it; write 3.0 for a number");
  std::vector<Argument> arguments;
  (arguments.push_back(detail::argument_of(examples, arguments.size(), sizeof...(examples))), ...);
  using Callee = detail::Recorded<Code, Rebound<Examples, double>...>;
  return Function(std::make_shared<const Callee>(
                      std::move(code),
                      map_reals_to<double>(examples, [](const auto& x) { return primal(x); })...),
                  std::move(arguments));
}

/// An example of n numbers, all 0.
inline std::vector<double> shape(std::size_t n) { return std::vector<double>(n); }

}  // namespace chainrule
