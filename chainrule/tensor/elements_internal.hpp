// The elements that files hold, of which tensors are made. Private to the library's sources.
#pragma once

#include <bit>
#include <optional>

#include "chainrule/base/input_file.hpp"
#include "chainrule/tensor/core.hpp"

namespace chainrule {

/// Truths, integers and floating-point numbers by their bytes, as NumPy calls them; bf16: the upper
/// half of an f4.
enum class FileElement : std::uint8_t { b1, u1, u2, u4, u8, i1, i2, i4, i8, f2, bf16, f4, f8 };

std::size_t bytes_of(FileElement element);
/// f32 for f2, bf16 and f4; f64 for all others. Integers beyond 2⁵³ are rounded to even.
Precision precision_for(FileElement element);

/// The shape of sizes that a file claims, none of them negative; empty if a tensor cannot have so
/// many axes or elements.
std::optional<Shape> claimed_shape(std::span<const std::int64_t> sizes);

/// A tensor of the next shape.size() elements, in the byte order of the file.
Tensor read_elements(ByteSource& source, FileElement from, std::endian order, const Shape& shape,
                     Precision element);

}  // namespace chainrule
