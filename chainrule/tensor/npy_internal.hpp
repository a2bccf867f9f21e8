// One array in NumPy's format, wherever its bytes are. Private to the library's sources.
#pragma once

#include "chainrule/base/input_file.hpp"
#include "chainrule/tensor/core.hpp"

namespace chainrule {

/// Reads to the end of the source. `where` and `name` are for the message: "[where] name: facts".
Tensor read_npy(ByteSource& source, std::string_view where, const std::string& name);
/// What stands in front of the elements of a dense tensor.
std::string npy_header(const TensorType& type);

}  // namespace chainrule
