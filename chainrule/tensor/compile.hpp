// compile() of functions of tensors: elementwise chains fused into single passes, buffers planned
// once, replay without allocation.
//
// The recording is cut down (what no output needs, what was computed twice, what depends on
// nothing), elementwise operations of one shape are joined into machine code that reads and writes
// each buffer once, sums over all elements with it, and what is left (products, reductions,
// gathers) runs as it is. Adjoints that stay inside of a pass are never rounded to memory. Results
// are those of the function within the ulps of relaxed arithmetic (optimise.hpp).
#pragma once

#include "chainrule/emit/kernel.hpp"
#include "chainrule/tensor/function.hpp"

namespace chainrule {

struct TensorKernelReport {
  std::size_t recorded_nodes = 0;  ///< operations as recorded
  std::size_t steps = 0;           ///< passes and operations that run
  std::size_t passes = 0;          ///< of these, fused elementwise passes
  std::size_t planned_bytes = 0;   ///< of the buffers of one run, shared by values that do not meet
  double seconds = 0;              ///< that compile() took
};

class TensorKernel {
 public:
  // A copy shares all.
  TensorKernel(const TensorKernel&) = default;
  TensorKernel& operator=(const TensorKernel&) = default;

  /// Runs on plain tensors of the types that the function was recorded with. Throws Error for
  /// others. Where a guard of the recording does not hold, the function answers.
  TensorResults operator()(std::span<const Tensor> in) const;
  template <std::convertible_to<Tensor>... T>
  requires(sizeof...(T) > 0) TensorResults operator()(const T&... in) const {
    const Tensor all[] = {Tensor(in)...};
    return (*this)(std::span<const Tensor>(all));
  }
  /// The same into `out`. Memory of a tensor of the output's type is written where nobody else
  /// looks at it, and then nothing is allocated after a thread's first run; any other tensor is
  /// replaced.
  void run(std::span<const Tensor> in, std::span<Tensor> out) const;

  const TensorFunction& function() const;
  TensorKernelReport report() const;
  /// The steps, one a line: "add_tanh = pass(x, w): f32(8,4)".
  std::string dump() const;

 private:
  friend TensorKernel compile(const TensorFunction& f, const CompileOptions& options);
  struct State;
  explicit TensorKernel(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Compiles what the function did when it was recorded first. Of the options, `backend` and
/// `arithmetic` count; lanes are those of the tensors.
TensorKernel compile(const TensorFunction& f, const CompileOptions& options = {});

}  // namespace chainrule
