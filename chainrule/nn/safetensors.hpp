// The safetensors format: named tensors in a file that runs no code.
//
// 8 bytes: the length of the header, little-endian. The header: a JSON object with an entry a
// tensor, "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [BEGIN, END]}, and, optionally,
// "__metadata__" with texts; blanks after it. Then the elements, little-endian, each tensor where
// its offsets say, without gaps (https://github.com/huggingface/safetensors, README). What others
// wrote is refused, by name and reason, unless all of that holds; memory is taken for nothing that
// the file is too short for.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chainrule/tensor/core.hpp"

namespace chainrule::nn {

struct SavedTensors {
  std::vector<std::pair<std::string, Tensor>> tensors;  ///< in the order of the header
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// F32 and F64 give f32 and f64; F16 and BF16 give f32; BOOL and integers f64. Throws Error.
SavedTensors load_tensors(const std::string& path);

/// Writes the file, whole or not at all, as the reference implementation does: f64 before f32, in
/// the order of names, the elements of each aligned. Throws Error for a name that occurs twice, is
/// "__metadata__" or no UTF-8, and if the file cannot be written.
void save_tensors(const std::string& path, std::span<const std::pair<std::string, Tensor>> tensors,
                  std::span<const std::pair<std::string, std::string>> metadata = {});

}  // namespace chainrule::nn
