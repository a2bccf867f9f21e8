// custom: user code as a primitive, with a derivative of one's own.
//
//   auto my_exp = custom("my_exp", [](double x) { return std::exp(x); },
//                        [](auto x, auto z, auto zbar) { return zbar * z; });
//   Scalar y = my_exp(x);
//
//   auto both = custom("both",                                   // n numbers in, m out
//       [](std::span<const double> x) { return std::vector<double>{x[0] * x[1], x[0] + x[1]}; },
//       [](auto x, auto z, auto zbar) {                          // spans; gives x̄, n numbers
//         return std::vector{zbar[0] * x[1] + zbar[1], zbar[0] * x[0] + zbar[1]};
//       });
//   std::vector<Scalar> z = both(x);
//
// f sees numbers only, and is called again whenever a recording is replayed. vjp gives x̄ = z̄ᵀ
// ∂z/∂x. Written for doubles it serves gradients and forward mode (one vjp an output); written in
// recorded operations (a generic lambda, or one that takes Scalars) it serves every order. Where a
// second order is asked of the first kind, Error says so. An optional jvp gives ż = ∂z/∂x ẋ, in the
// same two ways: jvp(x, z, xdot). What they give arrives, zeros too: stop_gradient() an operand
// that is to be cut off.
#pragma once

#include "chainrule/graph/function.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {

namespace detail {

struct NoJvp {};

// Pushes nothing.
struct NoVjp {};

template <class F>
inline constexpr bool takes_span = std::is_invocable_v<const F&, std::span<const double>>;

template <class S, class Values>
void copy_out(std::string_view name, const char* what, const Values& values, std::span<S> out) {
  std::size_t k = 0;
  const auto next = [&](const auto& value) {
    if (k < out.size()) {
      if constexpr (std::same_as<S, double>) {
        out[k] = primal(value);
      } else {
        out[k] = value;
      }
    }
    ++k;
  };
  if constexpr (std::is_convertible_v<const Values&, Scalar>) {
    next(values);
  } else {
    each_real(values, next);
  }
  if (k != out.size()) {
    fail(name, std::string(what) + " gave " + std::to_string(k) + " numbers for " +
                   std::to_string(out.size()));
  }
}

// All that a vjp or a jvp gives arrives.
template <class S, class Values>
void arrive(std::string_view name, const char* what, const Values& values, std::span<S> found) {
  copy_out<S>(name, what, values, found);
  arrive_all(found);
}

// n numbers in, m out: f of a span, or of n numbers with one result.
template <class F, class Vjp, class Jvp>
struct CustomParts {
  std::string name;
  F f;
  Vjp vjp;
  Jvp jvp;
};

template <class Parts, std::size_t arity>
class CustomBlock final : public Block {
 public:
  CustomBlock(std::shared_ptr<const Parts> parts, std::size_t inputs, std::size_t outputs)
      : parts_(std::move(parts)), inputs_(inputs), outputs_(outputs) {}

  std::string_view name() const override { return parts_->name; }
  std::size_t inputs() const override { return inputs_; }
  std::size_t outputs() const override { return outputs_; }

  void value(std::span<const double> x, std::span<double> z) const override {
    copy_out<double>(name(), "f", call_f(*parts_, x), z);
  }
  void vjp(std::span<const double> x, std::span<const double> z, std::span<const double> zbar,
           std::span<double> xbar) const override {
    if constexpr (!kPushes) {
      return;
    } else if constexpr (can_pull<double>()) {
      arrive<double>(name(), "vjp", pull(x, z, zbar), xbar);
    } else {
      // Written for Scalars alone: run on plain ones, which records nothing.
      const std::vector<Scalar> xs(x.begin(), x.end()), zs(z.begin(), z.end()),
          seeds(zbar.begin(), zbar.end());
      std::vector<Scalar> found(xbar.size());
      copy_out<Scalar>(name(), "vjp",
                       pull(std::span<const Scalar>(xs), std::span<const Scalar>(zs),
                            std::span<const Scalar>(seeds)),
                       found);
      for (std::size_t k = 0; k < found.size(); ++k) xbar[k] = primal(found[k]);
      arrive_all(xbar);
    }
  }
  void jvp(std::span<const double> x, std::span<const double> z, std::span<const double> xdot,
           std::span<double> zdot) const override {
    if constexpr (can_push<double>()) {
      arrive<double>(name(), "jvp", push(x, z, xdot), zdot);
    } else {
      Block::jvp(x, z, xdot, zdot);
    }
  }
  void recorded_vjp(std::span<const Scalar> x, std::span<const Scalar> z,
                    std::span<const Scalar> zbar, std::span<Scalar> xbar) const override {
    if constexpr (!kPushes) {
      return;
    } else if constexpr (can_pull<Scalar>()) {
      arrive<Scalar>(name(), "vjp", pull(x, z, zbar), xbar);
    } else {
      Block::recorded_vjp(x, z, zbar, xbar);
    }
  }
  void recorded_jvp(std::span<const Scalar> x, std::span<const Scalar> z,
                    std::span<const Scalar> xdot, std::span<Scalar> zdot) const override {
    if constexpr (can_push<Scalar>()) {
      arrive<Scalar>(name(), "jvp", push(x, z, xdot), zdot);
    } else {
      Block::recorded_jvp(x, z, xdot, zdot);
    }
  }

  static auto call_f(const Parts& parts, std::span<const double> x) {
    if constexpr (arity == 0) {
      return parts.f(x);
    } else {
      return [&]<std::size_t... k>(std::index_sequence<k...>) { return parts.f(x[k]...); }
      (std::make_index_sequence<arity>());
    }
  }

 private:
  // Calls g(x…, z, s) for numbers one by one, or g(x, z, s) for spans.
  template <class G, class S>
  static auto apply(const G& g, std::span<const S> x, std::span<const S> z, std::span<const S> s) {
    if constexpr (arity == 0) {
      return g(x, z, s);
    } else {
      return [&]<std::size_t... k>(std::index_sequence<k...>) { return g(x[k]..., z[0], s[0]); }
      (std::make_index_sequence<arity>());
    }
  }
  template <class S>
  auto pull(std::span<const S> x, std::span<const S> z, std::span<const S> zbar) const {
    return apply(parts_->vjp, x, z, zbar);
  }
  template <class S>
  auto push(std::span<const S> x, std::span<const S> z, std::span<const S> xdot) const {
    if constexpr (arity == 0) {
      return parts_->jvp(x, z, xdot);
    } else {
      return [&]<std::size_t... k>(std::index_sequence<k...>) {
        return parts_->jvp(x[k]..., z[0], xdot[k]...);
      }
      (std::make_index_sequence<arity>());
    }
  }
  template <class S, class G, std::size_t more>
  static constexpr bool takes() {
    if constexpr (arity == 0) {
      return std::is_invocable_v<const G&, std::span<const S>, std::span<const S>,
                                 std::span<const S>>;
    } else {
      return []<std::size_t... k>(std::index_sequence<k...>) {
        return std::is_invocable_v<const G&,
                                   decltype((static_cast<void>(k), std::declval<S>()))...>;
      }
      (std::make_index_sequence<more>());
    }
  }
  template <class S>
  static constexpr bool can_pull() {
    return takes<S, decltype(Parts::vjp), arity + 2>();
  }
  template <class S>
  static constexpr bool can_push() {
    return takes<S, decltype(Parts::jvp), 2 * arity + 1>();
  }
  static constexpr bool kPushes = !std::same_as<decltype(Parts::vjp), NoVjp>;
  static_assert(!kPushes || can_pull<double>() || can_pull<Scalar>(),
                "vjp takes (x, z, zbar): spans, or numbers one by one where f takes numbers");

  std::shared_ptr<const Parts> parts_;
  std::size_t inputs_, outputs_;
};

// What custom() gives: to be called with Scalars, or a vector or span of them.
template <class Parts>
class Custom {
 public:
  explicit Custom(Parts parts) : parts_(std::make_shared<const Parts>(std::move(parts))) {}

  template <std::convertible_to<Scalar>... X>
  requires(sizeof...(X) > 0 && !takes_span<decltype(Parts::f)>) Scalar operator()(
      const X&... x) const {
    static_assert(
        std::is_invocable_v<const decltype(Parts::f)&, decltype(static_cast<void>(x), 0.0)...>,
        "f does not take this many numbers");
    const Scalar in[] = {Scalar(x)...};
    return chainrule::call(
        std::make_shared<const CustomBlock<Parts, sizeof...(X)>>(parts_, sizeof...(X), 1), in,
        Location{})[0];
  }

  std::vector<Scalar> operator()(std::span<const Scalar> x) const
      requires(takes_span<decltype(Parts::f)>) {
    // f is run once to learn how many numbers it gives.
    std::vector<double> values;
    for (const Scalar& s : x) values.push_back(primal(s));
    const std::size_t outputs =
        count_reals(CustomBlock<Parts, 0>::call_f(*parts_, std::span<const double>(values)));
    return chainrule::call(std::make_shared<const CustomBlock<Parts, 0>>(parts_, x.size(), outputs),
                           x);
  }

 private:
  std::shared_ptr<const Parts> parts_;
};

}  // namespace detail

/// A primitive made of f and its vjp, and perhaps its jvp: see above. Throws Error when called, if
/// they give another count of numbers than is due.
template <class F, class Vjp, class Jvp = detail::NoJvp>
auto custom(std::string name, F f, Vjp vjp, Jvp jvp = {}) {
  using Parts = detail::CustomParts<F, Vjp, Jvp>;
  return detail::Custom<Parts>(
      Parts{std::move(name), std::move(f), std::move(vjp), std::move(jvp)});
}

/// f of numbers (one by one, or a span) as a primitive through which no derivative goes: its inputs
/// are cut. It is called again whenever a recording is replayed.
template <class F>
auto nondifferentiable(F f, std::string name = "nondifferentiable") {
  return custom(std::move(name), std::move(f), detail::NoVjp{});
}

}  // namespace chainrule
