#include "chainrule/tensor/shape.hpp"

#include <algorithm>
#include <limits>

#include "chainrule/base/error.hpp"

namespace chainrule {

Shape::Shape(std::span<const std::int64_t> sizes) : rank_(sizes.size()) {
  if (sizes.size() > kMostAxes) {
    fail("shape", std::to_string(sizes.size()) + " axes, but at most 8 are possible");
  }
  // Room for 8 bytes an element.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 16;
  std::int64_t count = 1;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    if (sizes[k] < 0) fail("shape", "an axis of " + std::to_string(sizes[k]) + " elements");
    sizes_[k] = sizes[k];
    if (sizes[k] != 0 && count > kMost / sizes[k]) fail("shape", "more elements than memory has");
    count *= std::max<std::int64_t>(sizes[k], 1);
  }
}

Shape Shape::ones(std::size_t rank) {
  Shape shape;
  for (std::size_t k = 0; k < rank; ++k) shape.push_back(1);
  return shape;
}

std::size_t Shape::axis(std::int64_t axis, std::string_view where) const {
  const auto rank = static_cast<std::int64_t>(rank_);
  if (axis < -rank || axis >= rank) {
    fail(where, "axis " + std::to_string(axis) + " of a tensor of shape " + to_string(*this) +
                    ", which has " + std::to_string(rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

void Shape::push_back(std::int64_t size) { insert(rank_, size); }

void Shape::insert(std::size_t axis, std::int64_t size) {
  if (rank_ == kMostAxes) fail("shape", "more than 8 axes");
  std::copy_backward(sizes_.begin() + axis, sizes_.begin() + rank_, sizes_.begin() + rank_ + 1);
  sizes_[axis] = size;
  ++rank_;
}

void Shape::erase(std::size_t axis) {
  std::copy(sizes_.begin() + axis + 1, sizes_.begin() + rank_, sizes_.begin() + axis);
  --rank_;
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (std::size_t k = 0; k < shape.rank(); ++k) {
    if (k != 0) text += ',';
    text += std::to_string(shape[k]);
  }
  return text + (shape.rank() == 1 ? ",)" : ")");
}

Shape broadcast(const Shape& a, const Shape& b, std::string_view where) {
  if (a == b) return a;
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  const std::size_t skip = longer.rank() - shorter.rank();
  for (std::size_t k = 0; k < shorter.rank(); ++k) {
    const std::int64_t m = longer[k + skip], n = shorter[k];
    if (m != n && m != 1 && n != 1) {
      fail(where, to_string(a) + " and " + to_string(b) +
                      " cannot be broadcast together: sizes are equal, or one of them is 1");
    }
    result[k + skip] = m == 1 ? n : m;
  }
  return result;
}

std::array<std::int64_t, Shape::kMostAxes> dense_strides(const Shape& shape) {
  std::array<std::int64_t, Shape::kMostAxes> strides = {};
  std::int64_t step = 1;
  for (std::size_t k = shape.rank(); k-- > 0;) {
    strides[k] = step;
    step *= shape[k];
  }
  return strides;
}

}  // namespace chainrule
