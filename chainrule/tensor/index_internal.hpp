// Rows by their places, and updates of parts. Private to the library's sources.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "chainrule/tensor/move_internal.hpp"

namespace chainrule {

/// z[b…, r…] = x[i0[b…], i1[b…], …, r…]: as many leading axes of x as there are tensors of places,
/// which have one shape.
Tensor take_rows(const Tensor& x, std::span<const Tensor> places, Location at);

/// Whether what is written takes the place of what was there, or is added to it.
enum class Update : std::uint8_t { set, add };

/// x becomes a new value with y in that part. y has the part's shape.
void update_part(Tensor& x, const std::shared_ptr<const Part>& part, const Tensor& y, Update how,
                 Location at);
/// x becomes a new value with y in the rows that take_rows() reads. y has its result's shape.
void update_rows(Tensor& x, std::span<const Tensor> places, const Tensor& y, Update how,
                 Location at);

}  // namespace chainrule
