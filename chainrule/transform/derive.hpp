// Derivatives of callables: grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp,
// elementwise_grad. Each takes a function and gives a function.
//
//   auto f = [](auto x) { return sin(x) * x; };
//   double slope = grad(f)(2.0);                 // numbers in, numbers out
//   double curvature = grad(grad(f))(2.0);
//   Scalar s = grad(f)(x);                       // a Scalar in: recorded, to be differentiated
//   again
//
// f takes Scalars, or structures of them (vectors, arrays, whatever has Fields), and gives one
// Scalar, or for jacobian, jvp and vjp a structure of them. Derivatives are taken by the first
// argument, or by those that are selected: grad<0, 2>(f). They come in the argument's own shape.
//
// Nesting is safe: an inner derivative is taken by fresh nodes, so that a value from an outer level
// is a constant there. With plain numbers as arguments f is recorded in a frame of the active tape,
// which is rewound; if it reads Scalars recorded outside of it, whose derivatives would be lost
// thereby, Error is thrown: pass Scalars then.
//
// The same names on a Function give Functions (transform/functions.hpp).
#pragma once

#include "chainrule/tape/dense.hpp"
#include "chainrule/tape/fields.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {

/// A value, and a derivative beside it.
template <class Value, class Gradient>
struct ValueAndGradient {
  Value value;
  Gradient gradient;
};
template <class Value, class Tangent>
struct ValueAndTangent {
  Value value;
  Tangent tangent;
};
template <class Value, class Adjoint>
struct ValueAndAdjoint {
  Value value;
  Adjoint adjoint;
};

/// Transforms of functions of other things than numbers. The floor that knows such a thing
/// specialises it (chainrule/tensor, for tensors): `known`, and functions of these names.
template <class... Args>
struct TransformsOf {
  static constexpr bool known = false;
};

/// In which direction a Jacobian is computed: a column at a time, a row at a time, or the shorter.
enum class Sweep : unsigned char { shorter, forward, reverse };

namespace detail {

template <class... Args>
using OtherTransforms = TransformsOf<std::remove_cvref_t<Args>...>;

/// Throws Error if anything that was recorded from `first` on reads what was recorded before it.
void require_closed(const Tape& tape, std::size_t first, const char* where);

// Which arguments are differentiated by: the first, if none is named.
template <std::size_t... which>
struct Selected {
  static constexpr bool has(std::size_t k) { return ((k == which) || ...); }
  static constexpr std::size_t count = sizeof...(which);
  template <class Tuple>
  static auto of(const Tuple& all) {
    if constexpr (count == 1) {
      return std::get<which...>(all);
    } else {
      return std::make_tuple(std::get<which>(all)...);
    }
  }
};
template <>
struct Selected<> : Selected<0> {};

// One run of f: its arguments as Scalars, the nodes that stand for the selected ones, its result.
template <class Selection, class... Args>
struct Run {
  std::tuple<Rebound<Args, Scalar>...> arguments;
  std::vector<Scalar> nodes;

  Run(bool recorded, const Args&... args) {
    fill(recorded, std::tie(args...), std::index_sequence_for<Args...>());
  }

  template <class F>
  auto operator()(const F& f) const {
    return std::apply(f, arguments);
  }

 private:
  template <std::size_t... k>
  void fill(bool recorded, const std::tuple<const Args&...>& args, std::index_sequence<k...>) {
    (map_reals(std::get<k>(args), std::get<k>(arguments),
               [&](const auto& x) -> Scalar {
                 if constexpr (!Selection::has(k)) return x;
                 const Scalar node =
                     recorded && !Scalar(x).is_number() ? copy(Scalar(x)) : variable(primal(x));
                 if constexpr (Selection::has(k)) nodes.push_back(node);
                 return node;
               }),
     ...);
  }
};

template <class... Args>
inline constexpr bool any_scalars = (holds_scalars<Args> || ...);

// What f gave, as one Scalar.
template <class Result>
Scalar single(const Result& result) {
  static_assert(
      std::is_convertible_v<const Result&, Scalar>,
      "grad and hessian are of functions that give one Scalar; jacobian, vjp and jvp take "
      "any result");
  return result;
}

// (S is Scalar: a template, so that nothing of it is compiled where it is not used.)
template <class S = Scalar, class Result>
std::vector<S> flat(const Result& result) {
  std::vector<S> all;
  each_real(result, [&](const auto& number) { all.push_back(number); });
  return all;
}

// The selected arguments' shapes, filled with the numbers in `values`.
template <class S, class Selection, class... Args, class Values>
auto shaped(const Values& values, const Args&... args) {
  std::size_t at = 0;
  const auto fill = [&]<std::size_t k>(std::integral_constant<std::size_t, k>, const auto& arg) {
    if constexpr (Selection::has(k)) {
      static_assert(!std::is_integral_v<std::remove_cvref_t<decltype(arg)>>,
                    "an integer is no real number that a derivative can be taken by: write 3.0");
      return map_reals_to<S>(arg, [&](const auto&) -> S { return values[at++]; });
    } else {
      return 0;
    }
  };
  return [&]<std::size_t... k>(std::index_sequence<k...>) {
    const std::tuple<decltype(fill(std::integral_constant<std::size_t, k>(), args))...> all{
        fill(std::integral_constant<std::size_t, k>(), args)...};
    return Selection::of(all);
  }
  (std::index_sequence_for<Args...>());
}

// A frame of the active tape, in which f's recording must not read what stands outside.
class Closed {
 public:
  explicit Closed(const char* where)
      : where_(where), tape_(Tape::active()), first_(tape_.size()), frame_(tape_.frame()) {}
  void check() const { require_closed(tape_, first_, where_); }

 private:
  const char* where_;
  Tape& tape_;
  std::size_t first_;
  Frame frame_;
};

/// ∂²y/∂x∂x', recorded.
Dense<Scalar> recorded_hessian(const Scalar& y, std::span<const Scalar> xs);
/// ∂y/∂x, recorded, by the sweep that is told.
Dense<Scalar> recorded_jacobian(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                Sweep sweep);

}  // namespace detail

/// ∂y/∂x of several nodes of the active tape: rows are the ys, columns the xs.
Dense<double> jacobian(std::span<const Scalar> ys, std::span<const Scalar> xs,
                       Sweep sweep = Sweep::shorter);

/// x ↦ f(x) and ∂f/∂x. f gives one Scalar.
template <std::size_t... which, class F>
auto value_and_grad(F f) {
  return [f = std::move(f)](const auto&... args) {
    using Selection = detail::Selected<which...>;
    using Run = detail::Run<Selection, std::remove_cvref_t<decltype(args)>...>;
    using Other = detail::OtherTransforms<decltype(args)...>;
    if constexpr (Other::known) {
      return Other::template value_and_grad<which...>(f, args...);
    } else if constexpr (detail::any_scalars<std::remove_cvref_t<decltype(args)>...>) {
      const Run run(true, args...);
      const Scalar y = detail::single(run(f));
      auto slopes = detail::shaped<Scalar, Selection>(recorded_gradient(y, run.nodes), args...);
      return ValueAndGradient<Scalar, decltype(slopes)>{y, std::move(slopes)};
    } else {
      const detail::Closed frame("grad");
      const Run run(false, args...);
      const Scalar y = detail::single(run(f));
      frame.check();
      auto slopes = detail::shaped<double, Selection>(gradient(y, run.nodes), args...);
      return ValueAndGradient<double, decltype(slopes)>{y.value(), std::move(slopes)};
    }
  };
}

/// x ↦ ∂f/∂x. f gives one Scalar; 0 where it ignores x.
template <std::size_t... which, class F>
auto grad(F f) {
  return [both = value_and_grad<which...>(std::move(f))](const auto&... args) {
    return both(args...).gradient;
  };
}

/// x ↦ ∂fᵢ/∂xⱼ, a Dense matrix: a row for each number that f gives, a column for each in the
/// selected argument.
template <std::size_t which = 0, class F>
auto jacobian(F f, Sweep sweep = Sweep::shorter) requires(
    !std::is_convertible_v<F, std::span<const Scalar>>) {
  return [f = std::move(f), sweep](const auto&... args) {
    using Run = detail::Run<detail::Selected<which>, std::remove_cvref_t<decltype(args)>...>;
    using Other = detail::OtherTransforms<decltype(args)...>;
    if constexpr (Other::known) {
      return Other::template jacobian<which>(f, args...);
    } else if constexpr (detail::any_scalars<std::remove_cvref_t<decltype(args)>...>) {
      const Run run(true, args...);
      return detail::recorded_jacobian(detail::flat(run(f)), run.nodes, sweep);
    } else {
      const detail::Closed frame("jacobian");
      const Run run(false, args...);
      const auto ys = detail::flat(run(f));
      frame.check();
      return jacobian(std::span<const Scalar>(ys), std::span<const Scalar>(run.nodes), sweep);
    }
  };
}

/// x ↦ ∂²f/∂xᵢ∂xⱼ, a Dense matrix. f gives one Scalar.
template <std::size_t which = 0, class F>
auto hessian(F f) {
  return [f = std::move(f)](const auto&... args) {
    using Run = detail::Run<detail::Selected<which>, std::remove_cvref_t<decltype(args)>...>;
    using Other = detail::OtherTransforms<decltype(args)...>;
    if constexpr (Other::known) {
      return Other::template hessian<which>(f, args...);
    } else if constexpr (detail::any_scalars<std::remove_cvref_t<decltype(args)>...>) {
      const Run run(true, args...);
      return detail::recorded_hessian(detail::single(run(f)), run.nodes);
    } else {
      const detail::Closed frame("hessian");
      const Run run(false, args...);
      const Scalar y = detail::single(run(f));
      frame.check();
      Dense<double> curvature(run.nodes.size(), run.nodes.size());
      curvature.entries = hessian(y, std::span<const Scalar>(run.nodes));
      return curvature;
    }
  };
}

namespace detail {

// f(args…, direction): the arguments without the last, and that one.
template <class Body, class... All>
auto split_last(const Body& body, const All&... all) {
  static_assert(sizeof...(All) >= 2, "the arguments, and after them the direction or the seed");
  const auto tied = std::tie(all...);
  return [&]<std::size_t... k>(std::index_sequence<k...>) {
    return body(std::get<sizeof...(All) - 1>(tied), std::get<k>(tied)...);
  }
  (std::make_index_sequence<sizeof...(All) - 1>());
}

template <class S, class T>
std::vector<S> flat_as(const T& value) {
  std::vector<S> all;
  each_real(value, [&](const auto& number) { all.push_back(S(number)); });
  return all;
}

void require_seeds(const char* where, const char* what, std::size_t expected, std::size_t got);

}  // namespace detail

/// (x, ẋ) ↦ f(x) and ∂f/∂x ẋ: forward mode, one direction.
template <std::size_t which = 0, class F>
auto jvp(F f) requires(!std::is_convertible_v<F, std::span<const Scalar>>) {
  return [f = std::move(f)](const auto&... all) {
    return detail::split_last(
        [&f](const auto& direction, const auto&... args) {
          using Other = detail::OtherTransforms<decltype(args)...>;
          if constexpr (Other::known) {
            return Other::template jvp<which>(f, direction, args...);
          } else {
            using Run =
                detail::Run<detail::Selected<which>, std::remove_cvref_t<decltype(args)>...>;
            using S =
                std::conditional_t<detail::any_scalars<std::remove_cvref_t<decltype(args)>...,
                                                       std::remove_cvref_t<decltype(direction)>>,
                                   Scalar, double>;
            const auto seeds = detail::flat_as<S>(direction);
            if constexpr (std::same_as<S, Scalar>) {
              const Run run(true, args...);
              detail::require_seeds("jvp", "direction", run.nodes.size(), seeds.size());
              auto result = run(f);
              const auto tangents = recorded_jvp(detail::flat(result), run.nodes, seeds);
              std::size_t at = 0;
              auto tangent =
                  map_reals_to<Scalar>(result, [&](const auto&) { return tangents[at++]; });
              return ValueAndTangent<decltype(result), decltype(tangent)>{result, tangent};
            } else {
              const detail::Closed frame("jvp");
              const Run run(false, args...);
              detail::require_seeds("jvp", "direction", run.nodes.size(), seeds.size());
              const auto result = run(f);
              frame.check();
              const auto tangents =
                  jvp(std::span<const Scalar>(detail::flat(result)),
                      std::span<const Scalar>(run.nodes), std::span<const double>(seeds));
              std::size_t at = 0;
              auto value = map_reals_to<double>(result, [](const auto& y) { return primal(y); });
              auto tangent =
                  map_reals_to<double>(result, [&](const auto&) { return tangents[at++]; });
              return ValueAndTangent<decltype(value), decltype(tangent)>{value, tangent};
            }
          }
        },
        all...);
  };
}

/// (x, ȳ) ↦ f(x) and x̄ = ȳᵀ ∂f/∂x: reverse mode, one sweep.
template <std::size_t which = 0, class F>
auto vjp(F f) requires(!std::is_convertible_v<F, std::span<const Scalar>>) {
  return [f = std::move(f)](const auto&... all) {
    return detail::split_last(
        [&f](const auto& seed, const auto&... args) {
          using Other = detail::OtherTransforms<decltype(args)...>;
          if constexpr (Other::known) {
            return Other::template vjp<which>(f, seed, args...);
          } else {
            using Selection = detail::Selected<which>;
            using Run = detail::Run<Selection, std::remove_cvref_t<decltype(args)>...>;
            using S = std::conditional_t<detail::any_scalars<std::remove_cvref_t<decltype(args)>...,
                                                             std::remove_cvref_t<decltype(seed)>>,
                                         Scalar, double>;
            const auto seeds = detail::flat_as<S>(seed);
            if constexpr (std::same_as<S, Scalar>) {
              const Run run(true, args...);
              auto result = run(f);
              const auto ys = detail::flat(result);
              detail::require_seeds("vjp", "seed", ys.size(), seeds.size());
              auto adjoint =
                  detail::shaped<Scalar, Selection>(recorded_vjp(ys, seeds, run.nodes), args...);
              return ValueAndAdjoint<decltype(result), decltype(adjoint)>{result, adjoint};
            } else {
              const detail::Closed frame("vjp");
              const Run run(false, args...);
              const auto result = run(f);
              frame.check();
              const auto ys = detail::flat(result);
              detail::require_seeds("vjp", "seed", ys.size(), seeds.size());
              auto value = map_reals_to<double>(result, [](const auto& y) { return primal(y); });
              auto adjoint = detail::shaped<double, Selection>(
                  vjp(std::span<const Scalar>(ys), std::span<const double>(seeds),
                      std::span<const Scalar>(run.nodes)),
                  args...);
              return ValueAndAdjoint<decltype(value), decltype(adjoint)>{value, adjoint};
            }
          }
        },
        all...);
  };
}

/// (x, v) ↦ ∂²f/∂x² v, in x's shape. f gives one Scalar.
template <std::size_t which = 0, class F>
auto hvp(F f) {
  return [f = std::move(f)](const auto&... all) {
    return detail::split_last(
        [&f](const auto& direction, const auto&... args) {
          using Other = detail::OtherTransforms<decltype(args)...>;
          if constexpr (Other::known) {
            return Other::template hvp<which>(f, direction, args...);
          } else {
            using Selection = detail::Selected<which>;
            using Run = detail::Run<Selection, std::remove_cvref_t<decltype(args)>...>;
            using S =
                std::conditional_t<detail::any_scalars<std::remove_cvref_t<decltype(args)>...,
                                                       std::remove_cvref_t<decltype(direction)>>,
                                   Scalar, double>;
            const auto seeds = detail::flat_as<S>(direction);
            if constexpr (std::same_as<S, Scalar>) {
              const Run run(true, args...);
              detail::require_seeds("hvp", "direction", run.nodes.size(), seeds.size());
              const auto slopes = recorded_gradient(detail::single(run(f)), run.nodes);
              return detail::shaped<Scalar, Selection>(recorded_vjp(slopes, seeds, run.nodes),
                                                       args...);
            } else {
              const detail::Closed frame("hvp");
              const Run run(false, args...);
              detail::require_seeds("hvp", "direction", run.nodes.size(), seeds.size());
              const Scalar y = detail::single(run(f));
              frame.check();
              return detail::shaped<double, Selection>(hvp(y, run.nodes, seeds), args...);
            }
          }
        },
        all...);
  };
}

/// x ↦ the slopes of a function that works element by element. f is a function of one number, which
/// is applied to every element, or takes and gives a structure; then these are Σᵢ ∂f(x)ᵢ/∂x.
template <class F>
auto elementwise_grad(F f) {
  return [f = std::move(f)](const auto& x) {
    using X = std::remove_cvref_t<decltype(x)>;
    using S = std::conditional_t<holds_scalars<X>, Scalar, double>;
    if constexpr (detail::OtherTransforms<X>::known) {
      return vjp(f)(x, ones_like(x)).adjoint;
    } else if constexpr (std::is_invocable_v<const F&, const Scalar&>) {
      return map_reals_to<S>(x, grad(f));
    } else {
      return vjp(f)(x, std::vector<S>(count_reals(x), S(1.0))).adjoint;
    }
  };
}

}  // namespace chainrule
