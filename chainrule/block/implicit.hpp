// Implicit functions: solutions of equations, differentiated by the implicit function theorem.
//
//   Scalar x = implicit_solve([=](auto x) { return x * x - a; }, 1.0);     // √a; a is captured
//   Scalar x = fixed_point([=](auto x) { return cos(a * x); }, 0.5);
//
// F(x, p) = 0 gives dx/dp = −(∂F/∂x)⁻¹ ∂F/∂p (Griewank & Walther 2008, ch. 15). Whatever the code
// captures is p. Capture by value: the code is run again in the reverse sweep, when the function
// around it may have returned. A derivative costs one recording of F and one linear solve, however
// many iterations the solution took; nothing of them stands on the tape. The guess has no
// derivative. Every order.
#pragma once

#include "chainrule/block/checkpoint.hpp"

namespace chainrule {

struct SolveOptions {
  double tolerance = 1e-12;  ///< of the last step, relative to 1 + |x|, in the largest norm
  int iterations = 100;      ///< at most; fixed_point: 10000 by default
};

namespace detail {
std::vector<Scalar> implicitly(std::shared_ptr<const Callable> residual,
                               std::span<const double> guess, const SolveOptions& options,
                               Location at);
std::vector<Scalar> fixed_point_of(std::shared_ptr<const Callable> f, std::span<const double> guess,
                                   const SolveOptions& options, Location at);

// f of one structure of Scalars.
template <class F, class X>
class CodeOf final : public Callable {
 public:
  CodeOf(F f, X shape) : f_(std::move(f)), shape_(std::move(shape)) {}
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    const X x = in_shape(shape_, in);
    const auto result = f_(x);
    each_real(result, [&](const auto& number) { out.push_back(number); });
  }

 private:
  F f_;
  X shape_;
};

template <class F, class X>
auto code_of(F f, const X& guess) {
  using Here = Rebound<X, Scalar>;
  const Here shape = map_reals_to<Scalar>(guess, [](const auto& x) { return Scalar(primal(x)); });
  return std::make_shared<const CodeOf<F, Here>>(std::move(f), shape);
}
template <class X>
std::vector<double> values_of(const X& guess) {
  std::vector<double> values;
  each_real(guess, [&](const auto& x) { values.push_back(primal(x)); });
  return values;
}
}  // namespace detail

/// x with residual(x) = 0, in the guess's shape, by Newton's method with halved steps. The residual
/// has as many numbers as x. Throws Error where ∂residual/∂x is singular or the method does not
/// converge.
template <class F, class X>
Rebound<X, Scalar> implicit_solve(F residual, const X& guess, const SolveOptions& options = {},
                                  Location at = Location::here()) {
  static_assert(only_reals<X>, "implicit_solve: the guess is made of real numbers: write 1.0");
  const auto x = detail::implicitly(detail::code_of(std::move(residual), guess),
                                    detail::values_of(guess), options, at);
  return detail::in_shape(
      map_reals_to<Scalar>(guess, [](const auto& g) { return Scalar(primal(g)); }), x);
}

/// x with f(x) = x, in the guess's shape, by iterating f. Throws Error where it does not converge.
template <class F, class X>
Rebound<X, Scalar> fixed_point(F f, const X& guess,
                               const SolveOptions& options = {.iterations = 10'000},
                               Location at = Location::here()) {
  static_assert(only_reals<X>, "fixed_point: the guess is made of real numbers: write 1.0");
  const auto x = detail::fixed_point_of(detail::code_of(std::move(f), guess),
                                        detail::values_of(guess), options, at);
  return detail::in_shape(
      map_reals_to<Scalar>(guess, [](const auto& g) { return Scalar(primal(g)); }), x);
}

}  // namespace chainrule
