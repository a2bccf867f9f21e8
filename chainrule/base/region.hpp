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

template <class T>
class Region {
 public:
  T* data() const noexcept { return static_cast<T*>(pages_.data()); }
  std::size_t capacity() const noexcept { return pages_.bytes() / sizeof(T); }
  std::size_t bytes() const noexcept { return pages_.bytes(); }

  /// Makes room for `count` values; new ones are zero bytes. False if the system refuses.
  [[nodiscard]] bool reserve(std::size_t count) noexcept {
    return count <= capacity() || pages_.resize(count * sizeof(T));
  }

 private:
  Pages pages_;
};

}  // namespace chainrule
