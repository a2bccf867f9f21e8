// Tensor: an array of numbers that remembers how it was computed.
//
// 16 bytes, copied as cheaply as a pointer: a reference to a body (element type, shape, strides,
// a shared buffer aligned to 64 bytes) and a handle to a row of the thread's active tape, as a
// Scalar has. Operations on it append a row if any operand is recorded.
//
// A Tensor is a value: copies and views (transposed, sliced, broadcast) share memory until one of
// them is written, which then has memory of its own. So nothing that was recorded, and no copy,
// ever changes under someone's hands: an update in place is always right, and where nobody else
// looks at the memory it is in place.
#pragma once

#include <atomic>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chainrule/base/error.hpp"
#include "chainrule/base/location.hpp"
#include "chainrule/op/precision.hpp"
#include "chainrule/tape/scalar.hpp"
#include "chainrule/tensor/shape.hpp"

namespace chainrule {

inline constexpr Precision f64 = Precision::f64;
inline constexpr Precision f32 = Precision::f32;

class Tensor;
class Index;
class IndexList;

/// Numbers were asked for of what has none yet: a placeholder, or what is computed from one.
class NoNumbers : public Error {
 public:
  using Error::Error;
};

/// What a tensor is, without its numbers.
struct TensorType {
  Precision element = f64;
  Shape shape;
  friend bool operator==(const TensorType&, const TensorType&) = default;
};
/// "f32(3,4)".
std::string to_string(const TensorType& type);

namespace detail {

struct Buffer;
using Strides = std::array<std::int64_t, Shape::kMostAxes>;

/// What copies of a Tensor share.
struct TensorBody {
  std::atomic<std::uint32_t> references{1};
  Precision element = f64;
  bool is_weak = false;        ///< made of a plain number or a Scalar: takes others' element type
  bool is_contiguous = true;   ///< dense, row by row
  bool is_symbolic = false;    ///< a placeholder, or computed from one: no numbers yet
  bool may_have_gaps = false;  ///< an adjoint in which −0.0 may say that nothing has arrived
  Shape shape;
  Strides strides = {};  ///< in elements
  std::int64_t size = 1;
  Buffer* buffer = nullptr;   ///< shared
  std::byte* data = nullptr;  ///< the first element
};

/// An entry of an index that is not there.
extern const Index kNoIndex;

/// Frees a body that nobody refers to any more.
void free_body(TensorBody* body) noexcept;

}  // namespace detail

/// A number of a given tensor's element type, or of neither.
template <class T>
concept ElementNumber = std::same_as<T, double> || std::same_as<T, float>;

class Tensor {
 public:
  /// No elements: shape (0,).
  Tensor();
  /// A single number, shape (). In arithmetic it takes the element type of what it meets.
  template <Number T>
  Tensor(T number) : Tensor(Scalar(number)) {}
  /// A recorded number, shape (): its derivative goes on from here.
  Tensor(const Scalar& number);

  Tensor(const Tensor& other) noexcept : body_(other.body_), handle_(other.handle_) {
    if (body_ != nullptr) body_->references.fetch_add(1, std::memory_order_relaxed);
  }
  /// What is moved from may be assigned to and destroyed, and nothing else.
  Tensor(Tensor&& other) noexcept
      : body_(std::exchange(other.body_, nullptr)), handle_(std::exchange(other.handle_, 0)) {}
  /// (Not of a temporary: x(0) = y would change nothing. Use x.set({0}, y).)
  Tensor& operator=(Tensor other) & noexcept {
    swap(other);
    return *this;
  }
  ~Tensor() {
    if (body_ != nullptr && body_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      detail::free_body(body_);
  }
  void swap(Tensor& other) noexcept {
    std::swap(body_, other.body_);
    std::swap(handle_, other.handle_);
  }

  // ---- what it is ---------------------------------------------------------------------------
  const Shape& shape() const { return body_->shape; }
  std::size_t rank() const { return body_->shape.rank(); }
  /// The size of an axis, which may be counted from the back: −1. Throws Error.
  std::int64_t size(std::int64_t axis) const;
  /// The number of elements.
  std::int64_t size() const { return body_->size; }
  Precision element() const { return body_->element; }
  TensorType type() const { return {body_->element, body_->shape}; }
  /// From element to element along each axis, in elements; 0 where the axis was broadcast.
  std::span<const std::int64_t> strides() const { return {body_->strides.data(), rank()}; }
  /// Whether the elements stand one after another, the last axis fastest.
  bool is_contiguous() const { return body_->is_contiguous; }
  /// Whether this is a node of a tape, and not plain numbers.
  bool is_recorded() const { return handle_ != 0; }

  // ---- its numbers: plain, no derivative ------------------------------------------------------
  /// The only element. A guard while a Function is recorded. Throws Error if there are others.
  double item(Location at = Location::here()) const;
  /// One element, by an index for each axis, which may be counted from the back. Throws Error.
  double at(std::initializer_list<std::int64_t> index, Location at = Location::here()) const;
  /// All elements, the last axis fastest.
  std::vector<double> values() const;
  /// The elements in memory. Throws Error if T is not the element type, or they are not contiguous:
  /// contiguous() makes them so.
  template <ElementNumber T>
  std::span<const T> span() const {
    require_numbers("span");
    require_memory(std::same_as<T, float> ? f32 : f64, "span");
    return {reinterpret_cast<const T*>(body_->data), static_cast<std::size_t>(size())};
  }
  /// The same, to be written, until the tensor is copied or recorded; not shared with any other
  /// Tensor (copies them if they are now). Throws Error for a recorded tensor: what was computed
  /// from it would not know.
  template <ElementNumber T>
  std::span<T> writable() {
    make_own();
    require_memory(std::same_as<T, float> ? f32 : f64, "writable");
    return {reinterpret_cast<T*>(body_->data), static_cast<std::size_t>(size())};
  }
  /// The same numbers, not recorded: what is computed from it on has no derivative by what this
  /// depends on. While a Function is recorded: stop_gradient(*this).
  Tensor detached() const;

  // ---- parts, as NumPy indexes: see index.hpp, which a caller includes -------------------------
  /// x(0, all, Range{1, 3}): what these entries select, one for each axis from the first on.
  Tensor operator()(const Index& first, const Index& second = detail::kNoIndex,
                    const Index& third = detail::kNoIndex, const Index& fourth = detail::kNoIndex,
                    const Index& fifth = detail::kNoIndex, const Index& sixth = detail::kNoIndex,
                    const Index& seventh = detail::kNoIndex, const Index& eighth = detail::kNoIndex,
                    Location at = Location::here()) const;
  /// x.set({0, all}, y): this becomes a new value in which that part is y, broadcast to it; copies
  /// and whatever was computed before keep theirs. Of a place that is named several times the last
  /// one counts. In place where nobody else looks at the memory. Returns *this.
  Tensor& set(const IndexList& part, const Tensor& y, Location at = Location::here()) &;
  Tensor set(const IndexList& part, const Tensor& y, Location at = Location::here()) && {
    return set(part, y, at);
  }
  /// The same with y added; places that are named several times get each.
  Tensor& add_at(const IndexList& part, const Tensor& y, Location at = Location::here()) &;
  Tensor add_at(const IndexList& part, const Tensor& y, Location at = Location::here()) && {
    return add_at(part, y, at);
  }

  // ---- the tape, as for Scalars ---------------------------------------------------------------
  /// Names the node. Returns *this.
  Tensor& label(std::string_view text) &;
  Tensor label(std::string_view text) && { return label(text); }
  std::string name() const;
  /// Adds ∂Σ(this·seed)/∂node to grad() of every node that this depends on, and of this. The seed
  /// of a tensor of one element is 1 if none is given. Throws Error for others.
  void backward() const;
  void backward(const Tensor& seed) const;
  /// What backward() has accumulated here since the tape's zero_grad(); zeros if nothing arrived.
  Tensor grad() const;
  bool has_grad() const;
  void set_grad(const Tensor& adjoint) const;
  /// Makes this a fresh leaf of the same kind and label, with new numbers of the same shape. Throws
  /// Error for a constant and for the result of an operation.
  void assign(const Tensor& value);

 private:
  friend struct TensorAccess;
  struct Adopt {};
  Tensor(Adopt, detail::TensorBody* body, std::uint64_t handle) noexcept
      : body_(body), handle_(handle) {}
  void require_numbers(std::string_view where) const;
  void require_memory(Precision element, std::string_view where) const;
  void make_own();

  detail::TensorBody* body_;
  std::uint64_t handle_ = 0;  ///< as a Scalar's; 0: plain numbers
};

/// For the library's own readings of a Tensor.
struct TensorAccess {
  static detail::TensorBody& body(const Tensor& t) { return *t.body_; }
  static std::uint64_t handle(const Tensor& t) { return t.handle_; }
  static std::uint32_t row(const Tensor& t) { return static_cast<std::uint32_t>(t.handle_ >> 32); }
  static std::uint32_t stamp(const Tensor& t) { return static_cast<std::uint32_t>(t.handle_); }
  /// Takes over one reference to the body.
  static Tensor adopt(detail::TensorBody* body, std::uint64_t handle = 0) {
    return {Tensor::Adopt{}, body, handle};
  }
  /// No tensor at all: costs nothing, and may be assigned to only.
  static Tensor nothing() { return adopt(nullptr); }
  static bool is_there(const Tensor& t) { return t.body_ != nullptr; }
  /// The numbers alone.
  static Tensor plain(const Tensor& t) { return with_handle(t, 0); }
  /// The same numbers, as the node of that handle.
  static Tensor with_handle(const Tensor& t, std::uint64_t handle) {
    Tensor result = t;
    result.handle_ = handle;
    return result;
  }
  /// Throws Error where there are none to be taken out: of placeholders, while a Function is
  /// recorded.
  static void require_numbers(const Tensor& t, std::string_view where) { t.require_numbers(where); }
  /// The handle as a Scalar's, whose value says nothing.
  static Scalar as_scalar(const Tensor& t) { return ScalarAccess::make(0.0, row(t), stamp(t)); }
  template <ElementNumber T>
  static T* data(const Tensor& t) {
    return reinterpret_cast<T*>(t.body_->data);
  }
};

// ---- making tensors -----------------------------------------------------------------------------

/// Elements of any value: they are to be written before they are read.
Tensor empty(const Shape& shape, Precision element = f64);
Tensor full(const Shape& shape, double value, Precision element = f64);
Tensor zeros(const Shape& shape, Precision element = f64);
Tensor ones(const Shape& shape, Precision element = f64);
Tensor empty_like(const Tensor& t);
Tensor full_like(const Tensor& t, double value);
Tensor zeros_like(const Tensor& t);
Tensor ones_like(const Tensor& t);
/// begin, begin + step, … as long as they are below end (above, for a negative step).
Tensor arange(double begin, double end, double step = 1.0, Precision element = f64);
Tensor arange(double end, Precision element = f64);
/// `count` numbers from first to last, both included, evenly spaced.
Tensor linspace(double first, double last, std::int64_t count, Precision element = f64);
/// 1 on the diagonal, else 0.
Tensor eye(std::int64_t rows, std::int64_t columns, Precision element = f64);
Tensor eye(std::int64_t rows, Precision element = f64);

/// Lists of numbers, or of such lists, as deep as one likes.
class Nested {
 public:
  template <Number T>
  Nested(T number) : number_(static_cast<double>(number)) {}
  Nested(std::initializer_list<Nested> parts) : parts_(parts), is_list_(true) {}

  bool is_list() const { return is_list_; }
  double number() const { return number_; }
  std::span<const Nested> parts() const { return parts_; }

 private:
  double number_ = 0;
  std::vector<Nested> parts_;
  bool is_list_ = false;
};
/// tensor({{1, 2, 3}, {4, 5, 6}}) has the shape (2,3). Throws Error where lists differ in length.
Tensor tensor(std::initializer_list<Nested> parts, Precision element = f64);
/// A copy of numbers that stand one after another, the last axis fastest. Throws Error unless there
/// are as many as the shape has elements.
Tensor tensor(std::span<const double> numbers, const Shape& shape);
Tensor tensor(std::span<const float> numbers, const Shape& shape);
Tensor tensor(std::span<const double> numbers);
Tensor tensor(std::span<const float> numbers);

/// A leaf of the active tape: an input that can be assigned and differentiated by.
Tensor variable(const Tensor& value, std::string_view label = {}, Location at = Location::here());
/// A leaf that has an adjoint and cannot be assigned.
Tensor constant(const Tensor& value, std::string_view label = {}, Location at = Location::here());

/// As NumPy prints an array: "[[1. 2.]\n [3. 4.]]".
std::string to_string(const Tensor& t);
template <class Stream, std::same_as<Tensor> T>
requires requires(Stream& out) { out.setstate(Stream::failbit); }
Stream& operator<<(Stream& out, const T& t) {
  out << to_string(t);
  return out;
}

/// How many threads an operation on large tensors, matrix products included, may use: 1 unless set.
void set_threads(unsigned threads);
unsigned threads();

/// Memory that tensors have given back and that is kept for the next ones is freed. (It is bounded:
/// at most 256 MiB a thread.)
void release_unused_memory();

}  // namespace chainrule
