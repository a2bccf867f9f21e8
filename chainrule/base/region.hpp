// Region: an array of trivially copyable values in its own address range.
//
// Pages are committed as they are touched, and growth moves page tables, never bytes (mremap).
// So a tape of 10⁸ rows grows without a copy, and a small one costs a few pages. Where the address
// space is limited (ulimit -v) growth takes what it can get and says when nothing is left.
// Cost: one system call a doubling.
#pragma once

#include <cstddef>

namespace chainrule {

/// The untyped part: an address range of whole pages.
class Pages {
 public:
  Pages() = default;
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();

  void* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }

  /// Makes the range `bytes` long (rounded up to pages), keeping what is in it; false if the
  /// system refuses.
  [[nodiscard]] bool resize(std::size_t bytes) noexcept;

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// The first value stands `shift` bytes into the range.
template <class T, std::size_t shift = 0>
class Region {
  static_assert(shift % alignof(T) == 0);

 public:
  T* data() const noexcept {
    if (pages_.data() == nullptr) return nullptr;
    return reinterpret_cast<T*>(static_cast<char*>(pages_.data()) + shift);
  }
  std::size_t capacity() const noexcept {
    return pages_.bytes() < shift ? 0 : (pages_.bytes() - shift) / sizeof(T);
  }
  std::size_t bytes() const noexcept { return pages_.bytes(); }

  /// Makes room for `count` values; new ones are zero bytes. False if the system refuses.
  [[nodiscard]] bool reserve(std::size_t count) noexcept {
    return count <= capacity() || pages_.resize(count * sizeof(T) + shift);
  }

 private:
  Pages pages_;
};

}  // namespace chainrule
