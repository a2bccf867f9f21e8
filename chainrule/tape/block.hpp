// Block: n numbers in, m numbers out, as one node of the tape. The one extension point.
//
// User code with its own derivative, matrix factorisations, implicit solves, checkpoints: each is a
// Block. On the tape it takes a header row, which names the block and its operands, and one row an
// output. The reverse sweep collects the adjoints of the outputs and calls vjp once.
//
// A block is immutable and may be called by many threads at once.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "chainrule/tape/arrival.hpp"

namespace chainrule {

class Block : public std::enable_shared_from_this<Block> {
 public:
  virtual ~Block() = default;

  /// What messages, pictures and texts call it: "solve".
  virtual std::string_view name() const = 0;
  virtual std::size_t inputs() const = 0;
  virtual std::size_t outputs() const = 0;
  /// The words from which find_block() makes it again, as "solve 3 1"; empty for user code, which
  /// cannot be written to a file.
  virtual std::string words() const { return {}; }

  /// z = f(x).
  virtual void value(std::span<const double> x, std::span<double> z) const = 0;

  // The derivatives. In all of them what is to be found comes filled with "nothing has arrived"
  // (tape/arrival.hpp), and what is left so does not: an input is cut off, an output does not move.
  // A seed may be nothing as well: of an output that was not reached, an input that does not move.
  // A zero that arrives is +0, never −0.0.

  /// x̄ₖ = Σⱼ z̄ⱼ ∂zⱼ/∂xₖ.
  virtual void vjp(std::span<const double> x, std::span<const double> z,
                   std::span<const double> zbar, std::span<double> xbar) const = 0;

  /// żⱼ = Σₖ ∂zⱼ/∂xₖ ẋₖ. Unless overridden: from one vjp an output.
  virtual void jvp(std::span<const double> x, std::span<const double> z,
                   std::span<const double> xdot, std::span<double> zdot) const;

  /// The same in recorded operations, so that the derivative can be differentiated again, as a
  /// sweep asks for them. Unless overridden: by recorded_vjp and recorded_jvp, of a block of which
  /// it does not depend on numbers what arrives.
  virtual void pull_arrivals(std::span<const Scalar> x, std::span<const Scalar> z,
                             std::span<const Arrival> zbar, std::span<Arrival> xbar) const;
  virtual void push_arrivals(std::span<const Scalar> x, std::span<const Scalar> z,
                             std::span<const Arrival> xdot, std::span<Arrival> zdot) const;

  /// Unless overridden, vjp is recorded as a block of its own, which throws Error when it is
  /// differentiated: "solve cannot be differentiated twice".
  virtual void recorded_vjp(std::span<const Scalar> x, std::span<const Scalar> z,
                            std::span<const Scalar> zbar, std::span<Scalar> xbar) const;
  /// Unless overridden: from one recorded_vjp an output.
  virtual void recorded_jvp(std::span<const Scalar> x, std::span<const Scalar> z,
                            std::span<const Scalar> xdot, std::span<Scalar> zdot) const;
};

/// z = block(x), recorded on the active tape; plain numbers if no x is recorded. Throws Error if
/// the sizes differ from the block's, HandleError for stale or crossed handles.
void call(const std::shared_ptr<const Block>& block, std::span<const Scalar> x, std::span<Scalar> z,
          Location at = Location::here());
std::vector<Scalar> call(const std::shared_ptr<const Block>& block, std::span<const Scalar> x,
                         Location at = Location::here());

namespace detail {
/// The same where the values are known already.
std::vector<Scalar> call_with_results(const std::shared_ptr<const Block>& block,
                                      std::span<const Scalar> x, std::span<const double> results,
                                      Location at);
}  // namespace detail

}  // namespace chainrule
