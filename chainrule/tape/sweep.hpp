// Derivatives of what stands on the active tape: gradient, Hessian, and whether one node reaches
// another at all.
//
// x̄ += z̄ ∂z/∂x, in reverse order of recording. Griewank & Walther 2008, ch. 3. A row is entered
// only if a consumer that took part in the result pushed into it, so a branch that was not taken
// adds exactly nothing, even where its derivative is NaN. Each sweep touches each row once.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "chainrule/tape/tape.hpp"

namespace chainrule {

/// ∂y/∂x for each x, any nodes of the active tape; 0 where y does not depend on x or no
/// contribution reached x. Leaves grad() alone: calling it again gives the same numbers. Throws
/// HandleError for stale or crossed handles, Error for an x that is a plain number.
std::vector<double> gradient(const Scalar& y, std::span<const Scalar> xs);
std::vector<double> gradient(const Scalar& y, std::initializer_list<Scalar> xs);
/// The same into out, without allocating. Throws Error unless out.size() == xs.size().
void gradient(const Scalar& y, std::span<const Scalar> xs, std::span<double> out);

/// The gradient as recorded operations, so that it can be differentiated again: to any order.
std::vector<Scalar> recorded_gradient(const Scalar& y, std::span<const Scalar> xs);
std::vector<Scalar> recorded_gradient(const Scalar& y, std::initializer_list<Scalar> xs);

/// Σⱼ seedⱼ ∂yⱼ/∂x for each x: the adjoint of several results at once, in one sweep. Throws Error
/// unless there is a seed for each y.
std::vector<double> vjp(std::span<const Scalar> ys, std::span<const double> seeds,
                        std::span<const Scalar> xs);
void vjp(std::span<const Scalar> ys, std::span<const double> seeds, std::span<const Scalar> xs,
         std::span<double> out);
/// Σₖ ∂y/∂xₖ seedₖ for each y: tangents, forward in one sweep. `seeds` holds one direction after
/// another, as many as there are; so does the result. An x that is none of a direction's has the
/// seed −0.0, which is no seed at all.
std::vector<double> jvp(std::span<const Scalar> ys, std::span<const Scalar> xs,
                        std::span<const double> seeds);
/// The same as recorded operations; one direction.
std::vector<Scalar> recorded_vjp(std::span<const Scalar> ys, std::span<const Scalar> seeds,
                                 std::span<const Scalar> xs);
std::vector<Scalar> recorded_jvp(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                 std::span<const Scalar> seeds);

/// ∂²y/∂x∂x' by forward over reverse, row-major n × n. Cost: n times a gradient in dual numbers.
/// The xs are leaves: throws Error for the result of an operation.
std::vector<double> hessian(const Scalar& y, std::span<const Scalar> xs);
std::vector<double> hessian(const Scalar& y, std::initializer_list<Scalar> xs);
/// The Hessian times a direction, at the cost of one gradient in dual numbers.
std::vector<double> hvp(const Scalar& y, std::span<const Scalar> xs,
                        std::span<const double> direction);

/// How y depends on x.
enum class Reach {
  independent,  ///< x is no ancestor of y: the derivative is 0 because y ignores x
  cut,          ///< x is an ancestor, but every path is cut: an untaken branch, floor, relu below 0
  reached       ///< a contribution arrived; it may be 0
};
Reach reach(const Scalar& y, const Scalar& x);

}  // namespace chainrule
