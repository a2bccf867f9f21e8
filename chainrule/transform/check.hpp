// check: is the gradient that the tape computes the derivative of the function?
//
// Three witnesses are heard for each input. The central difference sees the function from outside,
// as plain numbers, with a swept step and Richardson extrapolation. The complex step reads the
// recorded operations over complex numbers and takes no difference at all, so it is good to the
// last digits, where every operation has a complex continuation; of what goes through a block
// (custom(), a loop, a matrix) it knows nothing. The one-sided differences tell a kink. Then the
// Taylor remainder along a direction must fall with the square of the step.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "chainrule/tape/sweep.hpp"

namespace chainrule {

enum class Verdict {
  right,  ///< derivative and differences agree to within the error of the differences
  wrong,  ///< they disagree by more than that error can explain
  noisy,  ///< the differences are too noisy to tell
  kink    ///< left and right slopes differ here, or one side is undefined
};

/// What was found for one input.
struct ComponentCheck {
  double derivative;        ///< ∂f/∂x by the reverse sweep
  double difference;        ///< by central differences, extrapolated
  double difference_error;  ///< the estimated error of `difference`
  double step;              ///< the step at which it was smallest
  /// Empty where an operation has no complex continuation, or x goes through a block.
  std::optional<double> complex_step;
  double left, right;  ///< one-sided slopes
  double error;        ///< relative disagreement with the better witness
  Verdict verdict;
};

struct CheckReport {
  Verdict verdict;  ///< the worst of the components': wrong, then noisy, then kink, then right
  double value;
  std::vector<ComponentCheck> components;
  std::size_t worst;  ///< the component with the worst verdict and, of those, the largest error
  /// The slope of log |remainder| against log step, without and with the gradient's term: 1 and 2
  /// for a right gradient. Empty where the remainder is rounding error only, as for linear f.
  std::optional<double> taylor_slope_value, taylor_slope_gradient;
};

/// A reference to a function of Scalars, to be called with recorded and with plain ones.
class ScalarFunction {
 public:
  template <class F>
  requires(!std::same_as<F, ScalarFunction> &&
           std::is_invocable_r_v<Scalar, F&, std::span<const Scalar>>) ScalarFunction(F& f)
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, std::span<const Scalar> x) -> Scalar {
          return (*static_cast<F*>(object))(x);
        }) {}

  Scalar operator()(std::span<const Scalar> x) const { return call_(object_, x); }

 private:
  void* object_;
  Scalar (*call_)(void*, std::span<const Scalar>);
};

struct CheckOptions {
  double tolerance = 1e-6;  ///< relative disagreement that is still right, if the differences allow
  std::uint64_t seed = 1;   ///< of the direction of the Taylor test
};

/// Checks the gradient of f at x. Records on the active tape in a frame of its own. Throws what f
/// throws, and Error if x is empty.
CheckReport check(ScalarFunction f, std::span<const double> x, const CheckOptions& options = {});
/// The same for a callable object, a lambda for example: check([](auto x) { … }, x).
template <class F>
requires(!std::same_as<std::remove_cvref_t<F>, ScalarFunction>) CheckReport
    check(F&& f, std::span<const double> x, const CheckOptions& options = {}) {
  return check(ScalarFunction(f), x, options);
}

/// "right", "wrong", "noisy", "at a kink".
const char* to_string(Verdict verdict);

}  // namespace chainrule
