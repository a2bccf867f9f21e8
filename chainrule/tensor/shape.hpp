// Shape: how many elements a tensor has along each axis; () for a single number.
//
// Kept in place, at most 8 axes, so that making a tensor allocates nothing for it. Messages and
// printing write it as NumPy does without blanks: (3,4), (5,), ().
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace chainrule {

class Shape {
 public:
  static constexpr std::size_t kMostAxes = 8;

  constexpr Shape() = default;
  /// Throws Error for more than 8 axes, a negative size, or more elements than memory has bytes.
  Shape(std::initializer_list<std::int64_t> sizes) : Shape({sizes.begin(), sizes.size()}) {}
  Shape(std::span<const std::int64_t> sizes);
  /// `rank` axes of one element each.
  static Shape ones(std::size_t rank);

  constexpr std::size_t rank() const { return rank_; }
  constexpr std::int64_t operator[](std::size_t axis) const { return sizes_[axis]; }
  constexpr std::int64_t& operator[](std::size_t axis) { return sizes_[axis]; }
  constexpr const std::int64_t* begin() const { return sizes_.data(); }
  constexpr const std::int64_t* end() const { return sizes_.data() + rank_; }
  constexpr std::int64_t back() const { return sizes_[rank_ - 1]; }
  /// The number of elements.
  constexpr std::int64_t size() const {
    std::int64_t count = 1;
    for (std::size_t k = 0; k < rank_; ++k) count *= sizes_[k];
    return count;
  }

  /// An axis counted from the front, or, negative, from the back: −1 is the last. Throws Error.
  std::size_t axis(std::int64_t axis, std::string_view where) const;

  // Of a new last axis, or one before `axis`.
  void push_back(std::int64_t size);
  void insert(std::size_t axis, std::int64_t size);
  void erase(std::size_t axis);

  friend constexpr bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (std::size_t k = 0; k < a.rank_; ++k) {
      if (a.sizes_[k] != b.sizes_[k]) return false;
    }
    return true;
  }

 private:
  std::array<std::int64_t, kMostAxes> sizes_ = {};
  std::size_t rank_ = 0;
};

/// "(3,4)", "(5,)", "()".
std::string to_string(const Shape& shape);

/// NumPy's rule: axes are matched from the last on, and one of a single element is stretched.
/// Throws Error that names both shapes.
Shape broadcast(const Shape& a, const Shape& b, std::string_view where);

/// Strides, in elements, of a tensor whose elements stand one after another, the last axis fastest.
std::array<std::int64_t, Shape::kMostAxes> dense_strides(const Shape& shape);

}  // namespace chainrule
