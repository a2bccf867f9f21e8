// TensorPlan: a program of tensors as steps over planned buffers.
//
//   cut      what no output needs, or was computed twice, or depends on nothing, is taken out
//   group    elementwise nodes of one shape and level become one pass
//   place    values get buffers; those that do not live together share one
#pragma once

#include <optional>

#include "chainrule/emit/kernel.hpp"
#include "chainrule/tensor/program_internal.hpp"

namespace chainrule {

/// Values are named by the nodes of the program.
struct TensorStep {
  enum class Kind : std::uint8_t { pass, operation, view };
  Kind kind = Kind::operation;
  std::vector<std::uint32_t> inputs;
  std::vector<std::uint32_t> outputs;  ///< of a pass: stored, and then summed ones
  std::size_t stored = 0;              ///< how many of a pass's outputs are stored
  Shape shape;                         ///< that a pass runs over
  std::optional<Kernel> kernel;
  std::string name;
};

struct TensorPlan {
  TensorProgram program;
  std::vector<TensorStep> steps;
  static constexpr std::uint32_t kNone = 0xFFFFFFFFu;
  std::vector<std::uint32_t> buffer_of;   ///< by node: its planned buffer
  std::vector<std::size_t> buffer_bytes;  ///< by buffer
};

/// Programs are rewritten by these, in this order.
TensorProgram cut(const TensorProgram& program);
std::vector<TensorStep> group(const TensorProgram& program, const CompileOptions& options);
void place(TensorPlan& plan);

}  // namespace chainrule
