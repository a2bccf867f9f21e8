#include "chainrule/tensor/core.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <string>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/body_internal.hpp"

namespace chainrule {

using detail::Strides;
using detail::TensorBody;

// ---- bodies -----------------------------------------------------------------------------------

void detail::free_body(TensorBody* body) noexcept {
  if (body->buffer != nullptr) let_go(body->buffer);
  body->~TensorBody();
  give_body_back(body);
}

namespace {

TensorBody* new_body() { return new (detail::take_body()) TensorBody; }

bool is_dense(const Shape& shape, const Strides& strides) {
  std::int64_t step = 1;
  for (std::size_t k = shape.rank(); k-- > 0;) {
    if (shape[k] != 1 && strides[k] != step) return false;
    step *= shape[k];
  }
  return true;
}

}  // namespace

Tensor make_tensor(Precision element, const Shape& shape) {
  const std::int64_t size = shape.size();
  detail::Buffer* buffer = detail::take_buffer(static_cast<std::size_t>(size) * bytes_of(element));
  TensorBody* body = new_body();
  body->element = element;
  body->shape = shape;
  body->strides = dense_strides(shape);
  body->size = size;
  body->buffer = buffer;
  body->data = buffer->data();
  return TensorAccess::adopt(body);
}

void fail_no_numbers(std::string_view where, const Tensor& t) {
  try {
    fail(where, "this " + to_string(t.type()) +
                    " is computed from a placeholder: it has numbers once the graph runs");
  } catch (const Error& error) {
    throw NoNumbers(error.what());
  }
}

Tensor make_symbolic(const TensorType& type) {
  TensorBody* body = new_body();
  body->element = type.element;
  body->shape = type.shape;
  body->strides = dense_strides(type.shape);
  body->size = type.shape.size();
  body->is_symbolic = true;
  return TensorAccess::adopt(body);
}

Tensor make_view(const Tensor& t, const Shape& shape, const Strides& strides, std::int64_t offset) {
  const TensorBody& from = TensorAccess::body(t);
  TensorBody* body = new_body();
  body->element = from.element;
  body->shape = shape;
  body->strides = strides;
  body->size = shape.size();
  body->is_contiguous = body->size == 0 || is_dense(shape, strides);
  body->may_have_gaps = from.may_have_gaps;
  body->is_symbolic = from.is_symbolic;
  if (from.is_symbolic) return TensorAccess::adopt(body);
  body->buffer = from.buffer;
  hold(from.buffer);
  body->data = from.data + offset * static_cast<std::int64_t>(bytes_of(from.element));
  return TensorAccess::adopt(body);
}

bool is_unshared(const Tensor& t) {
  const TensorBody& body = TensorAccess::body(t);
  return !body.is_symbolic && body.references.load(std::memory_order_acquire) == 1 &&
         body.buffer->references.load(std::memory_order_acquire) == 1;
}

bool is_uniform(const Tensor& t) {
  for (std::size_t k = 0; k < t.rank(); ++k) {
    if (t.shape()[k] != 1 && t.strides()[k] != 0) return false;
  }
  return true;
}

Walk::Walk(const Shape& shape, std::span<const Strides* const> strides) : count_(strides.size()) {
  // From the innermost axis outwards: an axis joins the one inside of it where every tensor goes on
  // from its end.
  bool is_first = true;
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    if (shape[axis] == 1) continue;
    if (is_first) {
      length_ = shape[axis];
      for (std::size_t k = 0; k < count_; ++k) step_[k] = (*strides[k])[axis];
      is_first = false;
      continue;
    }
    const bool has_outer = outer_.rank() != 0;
    const std::int64_t inner = has_outer ? outer_[0] : length_;
    bool joins = true;
    for (std::size_t k = 0; k < count_; ++k) {
      const std::int64_t step = has_outer ? outer_steps_[0][k] : step_[k];
      joins = joins && (*strides[k])[axis] == step * inner;
    }
    if (joins) {
      (has_outer ? outer_[0] : length_) *= shape[axis];
      continue;
    }
    for (std::size_t a = outer_.rank(); a-- > 0;) outer_steps_[a + 1] = outer_steps_[a];
    outer_.insert(0, shape[axis]);
    for (std::size_t k = 0; k < count_; ++k) outer_steps_[0][k] = (*strides[k])[axis];
  }
  if (shape.size() == 0) length_ = 0;
}

namespace {

// each(source, source's step, target, target's step, count) for runs of elements.
template <class From, class To, class Each>
void each_pair(const Tensor& from, const Tensor& to, Each&& each) {
  const Walk walk(from.shape(),
                  {&TensorAccess::body(from).strides, &TensorAccess::body(to).strides});
  const From* source = TensorAccess::data<From>(from);
  To* target = TensorAccess::data<To>(to);
  const auto piece = [&](const auto& at, std::int64_t n) {
    each(source + at[0], walk.step(0), target + at[1], walk.step(1), n);
  };
  if (walk.is_crossed()) return walk.each_tile(piece);
  walk.each([&](const auto& at) { piece(at, walk.run_length()); });
}

struct Copy {
  template <class From, class To>
  void operator()(const From* x, std::int64_t step_x, To* z, std::int64_t step_z,
                  std::int64_t n) const {
    if (step_x == 1 && step_z == 1) {
      for (std::int64_t i = 0; i < n; ++i) z[i] = static_cast<To>(x[i]);
    } else if (step_x == 0 && step_z == 1) {
      std::fill(z, z + n, static_cast<To>(*x));
    } else {
      for (std::int64_t i = 0; i < n; ++i) z[i * step_z] = static_cast<To>(x[i * step_x]);
    }
  }
};
struct Add {
  template <class From, class To>
  void operator()(const From* x, std::int64_t step_x, To* z, std::int64_t step_z,
                  std::int64_t n) const {
    if (step_x == 1 && step_z == 1) {
      for (std::int64_t i = 0; i < n; ++i) z[i] += static_cast<To>(x[i]);
    } else {
      for (std::int64_t i = 0; i < n; ++i) z[i * step_z] += static_cast<To>(x[i * step_x]);
    }
  }
};

template <class Each>
void each_pair(const Tensor& from, const Tensor& to, Each each) {
  visit_element(from.element(), [&]<class From>(From) {
    visit_element(to.element(), [&]<class To>(To) { each_pair<From, To>(from, to, each); });
  });
}

}  // namespace

void copy_numbers(const Tensor& from, const Tensor& to) { each_pair(from, to, Copy{}); }
void add_numbers(const Tensor& from, const Tensor& to) { each_pair(from, to, Add{}); }

void fill_numbers(const Tensor& t, double value) {
  const Walk walk(t.shape(), {&TensorAccess::body(t).strides});
  visit_element(t.element(), [&]<class T>(T) {
    T* target = TensorAccess::data<T>(t);
    walk.each([&](const auto& at) {
      T* z = target + at[0];
      for (std::int64_t i = 0; i < walk.run_length(); ++i)
        z[i * walk.step(0)] = static_cast<T>(value);
    });
  });
}

Tensor dense(const Tensor& t) {
  if (t.is_contiguous()) return TensorAccess::plain(t);
  Tensor copy = make_tensor(t.element(), t.shape());
  copy_numbers(t, copy);
  TensorAccess::body(copy).may_have_gaps = TensorAccess::body(t).may_have_gaps;
  return copy;
}

Tensor converted(const Tensor& t, Precision element) {
  if (t.element() == element) return dense(t);
  Tensor copy = make_tensor(element, t.shape());
  copy_numbers(t, copy);
  TensorAccess::body(copy).may_have_gaps = TensorAccess::body(t).may_have_gaps;
  return copy;
}

// ---- Tensor -----------------------------------------------------------------------------------

Tensor::Tensor()
    : Tensor([]() -> const Tensor& {
        static const Tensor none = make_tensor(f64, {0});
        return none;
      }()) {}

Tensor::Tensor(const Scalar& number) : Tensor(make_tensor(f64, {})) {
  body_->is_weak = true;
  *TensorAccess::data<double>(*this) = primal(number);
  handle_ = ScalarAccess::handle(number);
}

std::int64_t Tensor::size(std::int64_t axis) const { return shape()[shape().axis(axis, "size")]; }

// Numbers that are taken out of what is recorded for other inputs would be those of this run.
void Tensor::require_numbers(std::string_view where) const {
  if (body_->is_symbolic) fail_no_numbers(where, *this);
  if (is_recorded() && detail::active_recorder->watching) {
    fail(where,
         "while a function is recorded, the numbers of its tensors are those of one run: take "
         "single ones by item() or at(), which become guards");
  }
}

void Tensor::require_memory(Precision wanted, std::string_view where) const {
  if (element() != wanted) {
    fail(where, "elements of " + std::string(name_of(wanted)) + " of a tensor of type " +
                    to_string(type()));
  }
  if (!is_contiguous()) {
    fail(where, "the elements of this " + to_string(type()) +
                    " do not stand one after another: contiguous() makes them so");
  }
}

void Tensor::make_own() {
  if (is_recorded()) {
    fail("writable",
         "the tensor is recorded: what was computed from it would not know. Write to a detached() "
         "copy, or use set()");
  }
  if (is_contiguous() && is_unshared(*this) && !body_->is_weak) return;
  Tensor own = make_tensor(element(), shape());
  copy_numbers(*this, own);
  swap(own);
}

std::vector<double> Tensor::values() const {
  require_numbers("values");
  std::vector<double> numbers(static_cast<std::size_t>(size()));
  const Tensor plain = converted(*this, f64);
  std::copy_n(TensorAccess::data<double>(plain), numbers.size(), numbers.begin());
  return numbers;
}

std::string to_string(const TensorType& type) {
  return std::string(name_of(type.element)) + to_string(type.shape);
}

// ---- making tensors ---------------------------------------------------------------------------

Tensor empty(const Shape& shape, Precision element) { return make_tensor(element, shape); }

Tensor full(const Shape& shape, double value, Precision element) {
  Tensor t = make_tensor(element, shape);
  visit_element(element, [&]<class T>(T) {
    std::fill_n(TensorAccess::data<T>(t), t.size(), static_cast<T>(value));
  });
  return t;
}

Tensor zeros(const Shape& shape, Precision element) { return full(shape, 0.0, element); }
Tensor ones(const Shape& shape, Precision element) { return full(shape, 1.0, element); }
Tensor empty_like(const Tensor& t) { return empty(t.shape(), t.element()); }
Tensor full_like(const Tensor& t, double value) { return full(t.shape(), value, t.element()); }
Tensor zeros_like(const Tensor& t) { return full_like(t, 0.0); }
Tensor ones_like(const Tensor& t) { return full_like(t, 1.0); }

namespace {

// value(k) for k = 0 … count − 1, each rounded once.
template <class Value>
Tensor generated(std::int64_t count, Precision element, Value&& value) {
  Tensor t = make_tensor(element, {count});
  visit_element(element, [&]<class T>(T) {
    T* z = TensorAccess::data<T>(t);
    for (std::int64_t k = 0; k < count; ++k) z[k] = static_cast<T>(value(static_cast<double>(k)));
  });
  return t;
}

}  // namespace

Tensor arange(double begin, double end, double step, Precision element) {
  const double count = std::ceil((end - begin) / step);
  if (step == 0 || !std::isfinite(count)) {
    fail("arange", "from " + shortest(begin) + " to " + shortest(end) + " in steps of " +
                       shortest(step) + " has no end");
  }
  if (count > 1e15) fail("arange", shortest(count) + " elements");
  return generated(static_cast<std::int64_t>(std::max(count, 0.0)), element,
                   [=](double k) { return begin + k * step; });
}

Tensor arange(double end, Precision element) { return arange(0.0, end, 1.0, element); }

Tensor linspace(double first, double last, std::int64_t count, Precision element) {
  if (count < 1) fail("linspace", std::to_string(count) + " numbers, but at least 1 is needed");
  const double steps = static_cast<double>(count - 1);
  return generated(count, element, [=](double k) {
    return k == steps && count > 1 ? last : first + k * ((last - first) / std::max(steps, 1.0));
  });
}

Tensor eye(std::int64_t rows, std::int64_t columns, Precision element) {
  Tensor t = zeros({rows, columns}, element);
  visit_element(element, [&]<class T>(T) {
    T* z = TensorAccess::data<T>(t);
    for (std::int64_t k = 0; k < std::min(rows, columns); ++k) z[k * columns + k] = T{1};
  });
  return t;
}

Tensor eye(std::int64_t rows, Precision element) { return eye(rows, rows, element); }

namespace {

// The shape that the first list of each depth tells.
Shape shape_of(std::span<const Nested> parts) {
  Shape shape;
  while (true) {
    shape.push_back(static_cast<std::int64_t>(parts.size()));
    if (parts.empty() || !parts[0].is_list()) return shape;
    parts = parts[0].parts();
  }
}

void append(std::span<const Nested> parts, const Shape& shape, std::size_t depth,
            std::vector<double>& numbers) {
  if (static_cast<std::int64_t>(parts.size()) != shape[depth]) {
    fail("tensor", "a list of " + std::to_string(parts.size()) +
                       " where the first of its kind has " + std::to_string(shape[depth]));
  }
  for (const Nested& part : parts) {
    if (part.is_list() != (depth + 1 < shape.rank())) {
      fail("tensor", "numbers and lists stand side by side");
    }
    if (part.is_list()) {
      append(part.parts(), shape, depth + 1, numbers);
    } else {
      numbers.push_back(part.number());
    }
  }
}

template <class T>
Tensor copied(std::span<const T> numbers, const Shape& shape) {
  if (static_cast<std::int64_t>(numbers.size()) != shape.size()) {
    fail("tensor", std::to_string(numbers.size()) + " numbers for the shape " + to_string(shape) +
                       ", which has " + std::to_string(shape.size()));
  }
  Tensor t = make_tensor(std::same_as<T, float> ? f32 : f64, shape);
  std::copy(numbers.begin(), numbers.end(), TensorAccess::data<T>(t));
  return t;
}

}  // namespace

Tensor tensor(std::initializer_list<Nested> parts, Precision element) {
  const std::span<const Nested> all(parts.begin(), parts.size());
  const Shape shape = shape_of(all);
  std::vector<double> numbers;
  append(all, shape, 0, numbers);
  return converted(tensor(numbers, shape), element);
}

Tensor tensor(std::span<const double> numbers, const Shape& shape) {
  return copied(numbers, shape);
}
Tensor tensor(std::span<const float> numbers, const Shape& shape) { return copied(numbers, shape); }
Tensor tensor(std::span<const double> numbers) {
  return copied(numbers, {static_cast<std::int64_t>(numbers.size())});
}
Tensor tensor(std::span<const float> numbers) {
  return copied(numbers, {static_cast<std::int64_t>(numbers.size())});
}

}  // namespace chainrule
