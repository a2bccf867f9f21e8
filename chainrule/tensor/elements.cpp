#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>

#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/elements_internal.hpp"

namespace chainrule {
namespace {

struct Truth {
  std::uint8_t byte;
  explicit operator double() const { return byte != 0 ? 1.0 : 0.0; }
  explicit operator float() const { return byte != 0 ? 1.0f : 0.0f; }
};

// IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. Every one is a float.
struct Half {
  std::uint16_t bits;
  explicit operator float() const {
    const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
    const std::uint32_t rest = bits & 0x7FFFu;
    // A float's exponent is biased by 127 − 15 = 112 more. Multiplied by 2¹¹², a subnormal comes
    // right as well; infinity and NaN have the largest exponent in either.
    if (rest >= 0x7C00u) return std::bit_cast<float>(sign | 0x7F800000u | rest << 13);
    const float magnitude = std::bit_cast<float>(rest << 13) * 0x1p112f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  explicit operator double() const { return static_cast<float>(*this); }
};

struct BrainFloat {
  std::uint16_t bits;
  explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
  explicit operator double() const { return static_cast<float>(*this); }
};

// Calls f(T{}) with the type in memory.
template <class F>
decltype(auto) visit_file_element(FileElement element, F&& f) {
  switch (element) {
    case FileElement::b1: return f(Truth{});
    case FileElement::u1: return f(std::uint8_t{});
    case FileElement::u2: return f(std::uint16_t{});
    case FileElement::u4: return f(std::uint32_t{});
    case FileElement::u8: return f(std::uint64_t{});
    case FileElement::i1: return f(std::int8_t{});
    case FileElement::i2: return f(std::int16_t{});
    case FileElement::i4: return f(std::int32_t{});
    case FileElement::i8: return f(std::int64_t{});
    case FileElement::f2: return f(Half{});
    case FileElement::bf16: return f(BrainFloat{});
    case FileElement::f4: return f(float{});
    case FileElement::f8: break;
  }
  return f(double{});
}

template <class From>
void turn_round(From* elements, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto bytes = std::bit_cast<std::array<std::byte, sizeof(From)>>(elements[i]);
    std::reverse(bytes.begin(), bytes.end());
    elements[i] = std::bit_cast<From>(bytes);
  }
}

template <class From, class To>
void read_as(ByteSource& source, std::endian order, To* to, std::size_t count) {
  if constexpr (std::same_as<From, To>) {
    source.read(to, count * sizeof(To));
    if (order != std::endian::native) turn_round(to, count);
  } else {
    std::array<From, 4096> part;
    while (count > 0) {
      const std::size_t n = std::min(count, part.size());
      source.read(part.data(), n * sizeof(From));
      if (order != std::endian::native) turn_round(part.data(), n);
      for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<To>(part[i]);
      to += n;
      count -= n;
    }
  }
}

}  // namespace

std::size_t bytes_of(FileElement element) {
  return visit_file_element(element, []<class T>(T) { return sizeof(T); });
}

Precision precision_for(FileElement element) {
  const bool is_short =
      element == FileElement::f2 || element == FileElement::bf16 || element == FileElement::f4;
  return is_short ? f32 : f64;
}

std::optional<Shape> claimed_shape(std::span<const std::int64_t> sizes) {
  constexpr std::int64_t kMost = std::int64_t{1} << 56;
  if (sizes.size() > Shape::kMostAxes) return std::nullopt;
  std::int64_t product = 1;  // of what is not 0: a shape without elements may have any other sizes
  for (const std::int64_t size : sizes) {
    if (size == 0) continue;
    if (product > kMost / size) return std::nullopt;
    product *= size;
  }
  return Shape(sizes);
}

Tensor read_elements(ByteSource& source, FileElement from, std::endian order, const Shape& shape,
                     Precision element) {
  Tensor t = make_tensor(element, shape);
  visit_file_element(from, [&]<class From>(From) {
    visit_element(element, [&]<class To>(To) {
      read_as<From>(source, order, TensorAccess::data<To>(t), static_cast<std::size_t>(t.size()));
    });
  });
  return t;
}

}  // namespace chainrule
