// Transforms of callables on tensors: grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp, as
// for numbers (transform/derive.hpp), and vmap.
//
//   auto loss = [](const Tensor& w, const Tensor& x) { return sum(matmul(x, w)); };
//   Tensor slope = grad(loss)(w, x);
//
// By the first argument, or those that are selected: grad<0, 1>(f). Derivatives are in the
// argument's shape, a Jacobian has f's axes first and then the argument's. With plain tensors they
// are plain, with recorded ones they are recorded. They nest safely, to any order.
#pragma once

#include <optional>

#include "chainrule/tensor/function.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule {

namespace detail {

/// ∂y/∂x, of shape (y's…, x's…): a sweep for each element of y, or of x if those are fewer.
Tensor recorded_jacobian(const Tensor& y, const Tensor& x);
/// The same in plain numbers.
Tensor plain_jacobian(const Tensor& y, const Tensor& x);
/// A fresh node for an argument: a copy of what is recorded, a variable for what is plain.
Tensor fresh_node(const Tensor& x);
/// y, of one element. Throws Error.
Tensor one_element(const Tensor& y, const char* where);

template <class T>
inline constexpr bool is_tensor = std::same_as<std::remove_cvref_t<T>, Tensor>;

// One run of f: the selected arguments as nodes, in a frame that is taken back where all are plain.
template <class Selection, class... Args>
struct TensorRun {
  explicit TensorRun(const Args&... args) : is_recorded((is_node(args) || ...)) {
    if (!is_recorded) frame.emplace("grad");
    arguments = [&]<std::size_t... k>(std::index_sequence<k...>) {
      return std::tuple<decltype(argument(args))...>{prepare<k>(args)...};
    }
    (std::index_sequence_for<Args...>());
  }
  template <class F>
  Tensor operator()(const F& f) {
    const auto result = std::apply(f, arguments);
    static_assert(std::is_convertible_v<decltype(result), Tensor>,
                  "derivatives are of functions that give one tensor or number");
    if (frame) frame->check();
    return result;
  }
  Tensor plain_or_recorded(const Tensor& t) const { return is_recorded ? t : t.detached(); }
  // The derivatives by the selected arguments: one, or a tuple.
  auto by_argument(const std::vector<Tensor>& found) const {
    if constexpr (Selection::count == 1) {
      return found[0];
    } else {
      return [&]<std::size_t... k>(std::index_sequence<k...>) {
        return std::make_tuple(found[k]...);
      }
      (std::make_index_sequence<Selection::count>());
    }
  }

  const bool is_recorded;
  std::optional<Closed> frame;
  std::vector<Tensor> nodes;

 private:
  template <class T>
  static bool is_node(const T& x) {
    if constexpr (is_tensor<T>) return x.is_recorded();
    if constexpr (std::same_as<T, Scalar>) return !x.is_number();
    return false;
  }
  // Numbers stay what they are, unless they are selected.
  template <class T>
  static auto argument(const T& x) {
    if constexpr (is_tensor<T> || Real<T>) {
      return Tensor(x);
    } else {
      return x;
    }
  }
  template <std::size_t k, class T>
  auto prepare(const T& x) {
    if constexpr (is_tensor<T> || Real<T>) {
      if (!Selection::has(k)) return Tensor(x);
      nodes.push_back(fresh_node(Tensor(x)));
      return nodes.back();
    } else {
      return x;
    }
  }

 public:
  std::tuple<decltype(argument(std::declval<const Args&>()))...> arguments;
};

}  // namespace detail

template <class... Args>
requires(detail::is_tensor<Args> || ...) struct TransformsOf<Args...> {
  static constexpr bool known = true;
  template <std::size_t... which>
  using Run = detail::TensorRun<detail::Selected<which...>, Args...>;

  template <std::size_t... which, class F>
  static auto value_and_grad(const F& f, const Args&... args) {
    Run<which...> run(args...);
    const Tensor y = detail::one_element(run(f), "grad");
    auto slopes =
        run.by_argument(run.is_recorded ? recorded_gradient(y, run.nodes) : gradient(y, run.nodes));
    return ValueAndGradient<Tensor, decltype(slopes)>{run.plain_or_recorded(y), slopes};
  }
  template <std::size_t which, class F>
  static Tensor jacobian(const F& f, const Args&... args) {
    Run<which> run(args...);
    const Tensor y = run(f);
    return run.is_recorded ? detail::recorded_jacobian(y, run.nodes[0])
                           : detail::plain_jacobian(y, run.nodes[0]);
  }
  template <std::size_t which, class F>
  static Tensor hessian(const F& f, const Args&... args) {
    Run<which> run(args...);
    const Tensor slope = recorded_gradient(detail::one_element(run(f), "hessian"), run.nodes)[0];
    return run.is_recorded ? detail::recorded_jacobian(slope, run.nodes[0])
                           : detail::plain_jacobian(slope, run.nodes[0]);
  }
  template <std::size_t which, class F>
  static auto jvp(const F& f, const Tensor& direction, const Args&... args) {
    Run<which> run(args...);
    const Tensor y = run(f);
    const Tensor tangent = recorded_jvp({&y, 1}, run.nodes, {&direction, 1})[0];
    return ValueAndTangent<Tensor, Tensor>{run.plain_or_recorded(y),
                                           run.plain_or_recorded(tangent)};
  }
  template <std::size_t which, class F>
  static auto vjp(const F& f, const Tensor& seed, const Args&... args) {
    Run<which> run(args...);
    const Tensor y = run(f);
    const bool records = run.is_recorded || seed.is_recorded();
    const Tensor adjoint = (records ? chainrule::recorded_vjp({&y, 1}, {&seed, 1}, run.nodes)
                                    : chainrule::vjp({&y, 1}, {&seed, 1}, run.nodes))[0];
    return ValueAndAdjoint<Tensor, Tensor>{run.plain_or_recorded(y), adjoint};
  }
  template <std::size_t which, class F>
  static Tensor hvp(const F& f, const Tensor& direction, const Args&... args) {
    Run<which> run(args...);
    const std::vector<Tensor> slopes =
        recorded_gradient(detail::one_element(run(f), "hvp"), run.nodes);
    return (run.is_recorded ? chainrule::recorded_vjp(slopes, {&direction, 1}, run.nodes)
                            : chainrule::vjp(slopes, {&direction, 1}, run.nodes))[0];
  }
};

/// Which axis of each argument vmap goes along, and where the new axis of the result stands.
struct VmapOptions {
  static constexpr std::int64_t kWhole = INT64_MIN;  ///< the whole tensor goes to every call
  std::vector<std::int64_t> axes = {};               ///< of each argument; 0 for those not named
  std::int64_t out_axis = 0;
};

namespace detail {
Tensor vmapped(const TensorCallable& f, std::span<const Tensor> x, const VmapOptions& options);
}

/// f, a function of tensors, applied to all slices of its arguments along an axis at once: the
/// operations work on the whole batch. Where f decides by numbers, or reads tensors that are
/// recorded outside of it, it runs slice by slice. Throws Error where the axes differ in size.
template <class F>
auto vmap(F f, VmapOptions options = {}) {
  return [f = std::move(f),
          options = std::move(options)](const std::convertible_to<Tensor> auto&... x) {
    const Tensor all[] = {Tensor(x)...};
    return detail::vmapped(detail::RecordedTensorCode<F, sizeof...(x)>(f), all, options);
  };
}

}  // namespace chainrule
