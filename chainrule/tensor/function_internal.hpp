// What a TensorFunction has recorded, for those that compile it.
#pragma once

#include "chainrule/tensor/function.hpp"
#include "chainrule/tensor/program_internal.hpp"

namespace chainrule {

struct TensorFunctionAccess {
  /// What the code did when it was recorded first.
  static const TensorProgram& program(const TensorFunction& f);
  /// What it was recorded with first.
  static const std::vector<Tensor>& examples(const TensorFunction& f);
};

/// Records code on these inputs, which may be symbolic.
TensorProgram record_program(const TensorCallable& code, std::span<const Tensor> inputs);

/// Throws Error unless the inputs are of these types.
void require_types(std::span<const TensorType> expected, std::span<const Tensor> in,
                   std::string_view where);

}  // namespace chainrule
