// NumPy's files: .npy holds one array, .npz a zip archive of named ones.
//
// Formats 1.0, 2.0 and 3.0 are read (numpy/lib/format.py), in either byte order and either order
// of axes; arrays of f2, f4 and f8 give tensors of f32, f32 and f64, integers and bools f64
// (integers beyond 2⁵³ are rounded). A bad file is one Error that names the file, what was expected
// and what stands there; what a header claims is held against the size of the file before memory is
// taken. A file is written whole or not at all.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chainrule/tensor/core.hpp"

namespace chainrule {

/// Throws Error.
Tensor load_npy(const std::string& path);
/// Format 1.0. Throws Error if the file cannot be written.
void save_npy(const std::string& path, const Tensor& t);

/// The arrays of an archive, in its order: that of numpy.savez and numpy.savez_compressed. Throws
/// Error; also in a build without libzip.
std::vector<std::pair<std::string, Tensor>> load_npz(const std::string& path);
/// Not compressed, as numpy.savez; the same bytes whenever it is run. Throws Error for a name that
/// is empty or occurs twice, if the file cannot be written, and in a build without libzip.
void save_npz(const std::string& path, std::span<const std::pair<std::string, Tensor>> tensors);

}  // namespace chainrule
