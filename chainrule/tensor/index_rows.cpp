// Rows by their places: their reading, and the spreading of their adjoints.
//
// take_rows and spread_rows are each other's adjoints, gather and spread_along as well; of each,
// what arrives at a place that was read twice is added up. Places are checked before anything is
// written.
#include <algorithm>
#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/index_internal.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {
namespace {

// A number of a tensor as a place of an axis of that size; `seen` says which axis that is.
std::int64_t as_place(double number, std::int64_t size, std::size_t k, const Seen& seen) {
  const auto limit = static_cast<double>(size);
  if (!(number >= -limit && number < limit)) {
    fail(seen.where, "place " + shortest(number) + " of axis " + std::to_string(seen.axes[k]) +
                         " of the shape " + to_string(seen.shape));
  }
  if (number != std::floor(number)) {
    fail(seen.where, "place " + shortest(number) + " is no whole number");
  }
  const auto place = static_cast<std::int64_t>(number);
  return place < 0 ? place + size : place;
}

// run(elements of the row of t, their step, elements of the list of rows, their step, count).
template <class T, class Run>
void each_row(const Tensor& t, std::span<const std::int64_t> offsets, const Tensor& rows,
              std::size_t axes, Run&& run) {
  const Shape rest(std::span(t.shape().begin() + axes, t.rank() - axes));
  detail::Strides steps = {};
  std::copy(t.strides().begin() + static_cast<std::ptrdiff_t>(axes), t.strides().end(),
            steps.begin());
  const detail::Strides dense_steps = dense_strides(rest);
  const Walk walk(rest, {&steps, &dense_steps});
  T* at_t = TensorAccess::data<T>(t);
  T* at_row = TensorAccess::data<T>(rows);
  const std::int64_t size = rest.size();
  for (const std::int64_t offset : offsets) {
    walk.each([&](const auto& at) {
      run(at_t + offset + at[0], walk.step(0), at_row + at[1], walk.step(1), walk.run_length());
    });
    at_row += size;
  }
}

// z[i] = x[i], or z[i] += x[i].
template <class T>
void move_run(Update how, const T* x, std::int64_t step_x, T* z, std::int64_t step_z,
              std::int64_t n) {
  if (how == Update::set) {
    if (step_x == 1 && step_z == 1) {
      std::copy_n(x, n, z);
    } else {
      for (std::int64_t i = 0; i < n; ++i) z[i * step_z] = x[i * step_x];
    }
  } else if (step_x == 1 && step_z == 1) {
    for (std::int64_t i = 0; i < n; ++i) z[i] += x[i];
  } else {
    for (std::int64_t i = 0; i < n; ++i) z[i * step_z] += x[i * step_x];
  }
}

void read_rows(const Tensor& t, std::span<const Tensor> places, const Tensor& rows,
               const Seen& seen) {
  const std::vector<std::int64_t> offsets = offsets_of(t, places, seen);
  visit_element(t.element(), [&]<class T>(T) {
    each_row<T>(t, offsets, rows, places.size(),
                [](const T* x, std::int64_t step_x, T* z, std::int64_t step_z, std::int64_t n) {
                  move_run(Update::set, x, step_x, z, step_z, n);
                });
  });
}

}  // namespace

Seen seen_plainly(std::string_view where, const Shape& shape) {
  Seen seen{where, shape, {}};
  for (std::size_t k = 0; k < seen.axes.size(); ++k) seen.axes[k] = static_cast<std::uint8_t>(k);
  return seen;
}

std::vector<std::int64_t> offsets_of(const Tensor& t, std::span<const Tensor> places,
                                     const Seen& seen) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(places[0].size()), 0);
  for (std::size_t k = 0; k < places.size(); ++k) {
    const Tensor numbers = dense(places[k]);
    const std::int64_t size = t.shape()[k], stride = t.strides()[k];
    visit_element(numbers.element(), [&]<class T>(T) {
      const T* number = TensorAccess::data<T>(numbers);
      for (std::int64_t& offset : offsets)
        offset += as_place(static_cast<double>(*number++), size, k, seen) * stride;
    });
  }
  return offsets;
}

void write_rows(const Tensor& t, std::span<const Tensor> places, const Tensor& rows, Update how,
                const Seen& seen) {
  const std::vector<std::int64_t> offsets = offsets_of(t, places, seen);
  const Tensor from = converted(rows, t.element());
  visit_element(t.element(), [&]<class T>(T) {
    each_row<T>(t, offsets, from, places.size(),
                [how](T* z, std::int64_t step_z, const T* x, std::int64_t step_x, std::int64_t n) {
                  move_run(how, x, step_x, z, step_z, n);
                });
  });
}

Shape rows_shape(const Shape& x, std::span<const Tensor> places, std::string_view where) {
  if (places.size() > x.rank()) {
    fail(where, std::to_string(places.size()) + " tensors of places for the shape " + to_string(x));
  }
  Shape shape = places[0].shape();
  for (std::size_t k = places.size(); k < x.rank(); ++k) shape.push_back(x[k]);
  return shape;
}

std::uint32_t operands_from(std::uint32_t first, std::size_t count) {
  return ((1u << count) - 1u) << first;
}

std::vector<Tensor> places_from(const Pull& at, std::size_t first) {
  std::vector<Tensor> places;
  for (std::size_t k = first; k < at.count(); ++k) places.push_back(at.x(k));
  return places;
}

Tensor call_with(const std::shared_ptr<const TensorOp>& op, std::initializer_list<Tensor> numbers,
                 std::span<const Tensor> places, Location at) {
  std::vector<Tensor> operands(numbers);
  operands.insert(operands.end(), places.begin(), places.end());
  return call(op, operands, at);
}

std::vector<Tensor> batch_places(std::span<const Tensor> x, std::uint32_t mask, std::size_t first) {
  const std::int64_t count = batch_count(x, mask);
  std::vector<Tensor> places{TensorTable::nothing()};
  for (std::size_t k = first; k < x.size(); ++k) places.push_back(as_batch(x, mask, k));
  Shape column = Shape::ones(places.back().rank());
  column[0] = count;
  places[0] =
      broadcast_to(reshape(arange(static_cast<double>(count)), column), places.back().shape());
  return places;
}

namespace {

// Operands: the rows, then the places.
class SpreadRows final : public TensorOp {
 public:
  SpreadRows(const Shape& shape, std::size_t axes) : shape_(shape), axes_(axes) {}
  std::string_view name() const override { return "spread_rows"; }
  std::string parameters() const override { return to_string(shape_); }
  TensorType infer(std::span<const Tensor> x) const override { return {x[0].element(), shape_}; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    fill_numbers(z, kUnreached);
    write_rows(z, x.subspan(1), x[0], Update::add, seen_plainly(name(), shape_));
  }
  bool leaves_gaps() const override { return true; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    const Shape shape = batch_shape(shape_, batch_count(x, mask));
    return call_with(std::make_shared<const SpreadRows>(shape, axes_ + 1), {as_batch(x, mask, 0)},
                     batch_places(x, mask, 1));
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, take_rows(at.g(), places_from(at, 1)));
  }
  std::uint32_t places() const override { return operands_from(1, axes_); }
  std::uint32_t reads() const override { return operands_from(1, axes_); }

 private:
  Shape shape_;
  std::size_t axes_;
};

// Operands: a tensor, then the places along its leading axes.
class TakeRows final : public TensorOp {
 public:
  TakeRows(std::size_t axes, const Seen& seen) : axes_(axes), seen_(seen) {}
  std::string_view name() const override { return "take"; }
  std::string parameters() const override { return "axes=" + std::to_string(axes_); }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), rows_shape(x[0].shape(), x.subspan(1), name())};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    read_rows(x[0], x.subspan(1), z, seen_);
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    if ((mask & 1u) != 0) return take_rows(x[0], batch_places(x, mask, 1));
    std::vector<Tensor> places;
    for (std::size_t k = 1; k < x.size(); ++k) places.push_back(as_batch(x, mask, k));
    return take_rows(x[0], places);
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const std::vector<Tensor> places = places_from(at, 1);
    if (const Tensor* adjoint = at.accumulator(0)) {
      return write_rows(*adjoint, places, at.g(), Update::add, seen_);
    }
    at.push(0, call_with(std::make_shared<const SpreadRows>(at.type(0).shape, axes_), {at.g()},
                         places));
  }
  std::uint32_t places() const override { return operands_from(1, axes_); }
  std::uint32_t reads() const override { return operands_from(1, axes_); }

 private:
  std::size_t axes_;
  Seen seen_;
};

// ---- along one axis ---------------------------------------------------------------------------

// run(element of t, of the places' shape, of rows) over all places. x and t differ in const alone.
template <class T, class Run>
void each_along(const Tensor& t, std::size_t axis, const Tensor& places, const Tensor& rows,
                std::string_view where, Run&& run) {
  detail::Strides steps = TensorAccess::body(t).strides;
  const std::int64_t stride = steps[axis], size = t.shape()[axis];
  const Seen seen = seen_plainly(where, t.shape());
  steps[axis] = 0;
  const Tensor numbers = converted(places, f64);
  const Walk walk(places.shape(), {&steps, &TensorAccess::body(numbers).strides,
                                   &TensorAccess::body(rows).strides});
  T* x = TensorAccess::data<T>(t);
  const double* number = TensorAccess::data<double>(numbers);
  T* z = TensorAccess::data<T>(rows);
  walk.each([&](const auto& at) {
    for (std::int64_t i = 0; i < walk.run_length(); ++i) {
      const std::int64_t place = as_place(number[at[1] + i * walk.step(1)], size, axis, seen);
      run(x[at[0] + i * walk.step(0) + place * stride], z[at[2] + i * walk.step(2)]);
    }
  });
}

void add_along(const Tensor& t, std::size_t axis, const Tensor& places, const Tensor& rows,
               std::string_view where) {
  const Tensor from = converted(rows, t.element());
  visit_element(t.element(), [&]<class T>(T) {
    each_along<T>(t, axis, places, from, where, [](T& x, const T& z) { x += z; });
  });
}

void require_along(const Shape& x, std::size_t axis, const Shape& places, std::string_view where) {
  bool fits = x.rank() == places.rank();
  for (std::size_t k = 0; fits && k < x.rank(); ++k) fits = k == axis || places[k] <= x[k];
  if (!fits) {
    fail(where, to_string(x) + " with places of shape " + to_string(places) + " along axis " +
                    std::to_string(axis) + ": of other axes places have as many elements or fewer");
  }
}

// Operands: x and the places; the adjoint's: what is spread, and the places.
class Gather final : public TensorOp {
 public:
  explicit Gather(std::size_t axis) : axis_(axis) {}
  std::string_view name() const override { return "gather"; }
  std::string parameters() const override { return "axis=" + std::to_string(axis_); }
  TensorType infer(std::span<const Tensor> x) const override {
    require_along(x[0].shape(), axis_, x[1].shape(), name());
    return {x[0].element(), x[1].shape()};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      each_along<T>(x[0], axis_, x[1], z, name(), [](const T& from, T& to) { to = from; });
    });
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    return call(std::make_shared<const Gather>(axis_ + 1),
                {as_batch(x, mask, 0), as_batch(x, mask, 1)});
  }
  void pull(const Pull& at) const override;
  std::uint32_t places() const override { return 2; }
  std::uint32_t reads() const override { return 2; }

 private:
  std::size_t axis_;
};

class SpreadAlong final : public TensorOp {
 public:
  SpreadAlong(const Shape& shape, std::size_t axis) : shape_(shape), axis_(axis) {}
  std::string_view name() const override { return "scatter_add"; }
  std::string parameters() const override {
    return to_string(shape_) + " axis=" + std::to_string(axis_);
  }
  TensorType infer(std::span<const Tensor> x) const override {
    require_along(shape_, axis_, x[1].shape(), name());
    if (x[0].shape() != x[1].shape()) {
      fail(name(), "numbers of shape " + to_string(x[0].shape()) + " with places of shape " +
                       to_string(x[1].shape()) + ": there is one place for each");
    }
    return {x[0].element(), shape_};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    fill_numbers(z, kUnreached);
    add_along(z, axis_, x[1], x[0], name());
  }
  bool leaves_gaps() const override { return true; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    const Shape shape = batch_shape(shape_, batch_count(x, mask));
    return call(std::make_shared<const SpreadAlong>(shape, axis_ + 1),
                {as_batch(x, mask, 0), as_batch(x, mask, 1)});
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, call(std::make_shared<const Gather>(axis_), {at.g(), at.x(1)}));
  }
  std::uint32_t places() const override { return 2; }
  std::uint32_t reads() const override { return 2; }

 private:
  Shape shape_;
  std::size_t axis_;
};

void Gather::pull(const Pull& at) const {
  if (!at.wants(0)) return;
  if (const Tensor* adjoint = at.accumulator(0)) {
    return add_along(*adjoint, axis_, at.x(1), at.g(), name());
  }
  at.push(0, call(std::make_shared<const SpreadAlong>(at.type(0).shape, axis_), {at.g(), at.x(1)}));
}

}  // namespace

Tensor take_rows(const Tensor& x, std::span<const Tensor> places, const Seen& seen, Location at) {
  return call_with(std::make_shared<const TakeRows>(places.size(), seen), {x}, places, at);
}
Tensor take_rows(const Tensor& x, std::span<const Tensor> places, Location at) {
  return take_rows(x, places, seen_plainly("take", x.shape()), at);
}

Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& places, Location at) {
  return call(std::make_shared<const Gather>(x.shape().axis(axis, "gather")), {x, places}, at);
}

Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& places, const Tensor& y,
                   Location at) {
  const std::size_t place = x.shape().axis(axis, "scatter_add");
  return add(x, call(std::make_shared<const SpreadAlong>(x.shape(), place), {y, places}, at), at);
}

}  // namespace chainrule
