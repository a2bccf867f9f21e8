// Rows by their places: their reading, the spreading of their adjoints, and updates of parts.
//
// take_rows and spread_rows are each other's adjoints, gather and spread_along as well. An update
//
//   z = x with y in a part:     x̄ = z̄ outside of the part, ȳ = z̄ in it
//   z = x with y added there:   x̄ = z̄,                     ȳ = z̄ in it
//
// writes into x's memory where nobody else looks at it, and its pullback into z̄'s, so that a loop
// over n elements that sets each costs n and not n², forwards and backwards. Of a place that is set
// twice the last one counts, and nothing arrives at the others.
#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/index_internal.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {
namespace {

// A number of a tensor as a place of an axis of that size.
std::int64_t as_place(double number, std::size_t axis, const Shape& shape, std::string_view where) {
  const auto size = static_cast<double>(shape[axis]);
  if (!(number >= -size && number < size)) {
    fail(where, "place " + shortest(number) + " of axis " + std::to_string(axis) +
                    " of the shape " + to_string(shape));
  }
  if (number != std::floor(number)) {
    fail(where, "place " + shortest(number) + " is no whole number");
  }
  const auto place = static_cast<std::int64_t>(number);
  return place < 0 ? place + shape[axis] : place;
}

// ---- rows -------------------------------------------------------------------------------------

Shape rest_of(const Shape& shape, std::size_t axes) {
  return Shape(std::span(shape.begin() + axes, shape.rank() - axes));
}

// For each entry of the places the offset of the row of t, in elements.
std::vector<std::int64_t> offsets_of(const Tensor& t, std::span<const Tensor> places,
                                     std::string_view where) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(places[0].size()), 0);
  for (std::size_t axis = 0; axis < places.size(); ++axis) {
    const Tensor numbers = dense(places[axis]);
    const std::int64_t stride = t.strides()[axis];
    visit_element(numbers.element(), [&]<class T>(T) {
      const T* number = TensorAccess::data<T>(numbers);
      for (std::int64_t& offset : offsets) {
        offset += as_place(static_cast<double>(*number++), axis, t.shape(), where) * stride;
      }
    });
  }
  return offsets;
}

// run(element of the row of t, its step, element of the list of rows, its step, count).
template <class T, class Run>
void each_row(const Tensor& t, std::span<const std::int64_t> offsets, const Tensor& rows,
              std::size_t axes, Run&& run) {
  const Shape rest = rest_of(t.shape(), axes);
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

void read_rows(const Tensor& t, std::span<const Tensor> places, const Tensor& rows,
               std::string_view where) {
  const std::vector<std::int64_t> offsets = offsets_of(t, places, where);
  visit_element(t.element(), [&]<class T>(T) {
    each_row<T>(t, offsets, rows, places.size(),
                [](const T* x, std::int64_t step_x, T* z, std::int64_t step_z, std::int64_t n) {
                  for (std::int64_t i = 0; i < n; ++i) z[i * step_z] = x[i * step_x];
                });
  });
}

void write_rows(const Tensor& t, std::span<const Tensor> places, const Tensor& rows, Update how,
                std::string_view where) {
  const std::vector<std::int64_t> offsets = offsets_of(t, places, where);
  const Tensor from = converted(rows, t.element());
  visit_element(t.element(), [&]<class T>(T) {
    each_row<T>(t, offsets, from, places.size(),
                [how](T* x, std::int64_t step_x, const T* z, std::int64_t step_z, std::int64_t n) {
                  if (how == Update::add) {
                    for (std::int64_t i = 0; i < n; ++i) x[i * step_x] += z[i * step_z];
                  } else {
                    for (std::int64_t i = 0; i < n; ++i) x[i * step_x] = z[i * step_z];
                  }
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

// The bits of the operands from `first` on.
std::uint32_t operands_from(std::uint32_t first, std::size_t count) {
  return ((1u << count) - 1u) << first;
}

std::vector<Tensor> places_from(const Pull& at, std::size_t first) {
  std::vector<Tensor> places;
  for (std::size_t k = first; k < at.count(); ++k) places.push_back(at.x(k));
  return places;
}

// op on a tensor and the places that it is read or written at.
Tensor call_with(const std::shared_ptr<const TensorOp>& op, std::initializer_list<Tensor> numbers,
                 std::span<const Tensor> places, Location at = Location::here()) {
  std::vector<Tensor> operands(numbers);
  operands.insert(operands.end(), places.begin(), places.end());
  return call(op, operands, at);
}

// Places in the slices of a batch: those of the batch come first, of which each slice is one.
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

// Operands: the rows, then the places.
class SpreadRows final : public TensorOp {
 public:
  SpreadRows(const Shape& shape, std::size_t axes) : shape_(shape), axes_(axes) {}
  std::string_view name() const override { return "spread_rows"; }
  std::string parameters() const override { return to_string(shape_); }
  TensorType infer(std::span<const Tensor> x) const override { return {x[0].element(), shape_}; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    fill_numbers(z, kUnreached);
    write_rows(z, x.subspan(1), x[0], Update::add, name());
  }
  bool leaves_gaps() const override { return true; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    const Shape shape = batch_shape(shape_, batch_count(x, mask));
    return call_with(std::make_shared<const SpreadRows>(shape, axes_ + 1), {as_batch(x, mask, 0)},
                     batch_places(x, mask, 1));
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, take_rows(at.g(), places_from(at, 1), Location::here()));
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
  explicit TakeRows(std::size_t axes) : axes_(axes) {}
  std::string_view name() const override { return "take"; }
  std::string parameters() const override { return "axes=" + std::to_string(axes_); }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), rows_shape(x[0].shape(), x.subspan(1), name())};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    read_rows(x[0], x.subspan(1), z, name());
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    if ((mask & 1u) != 0) return take_rows(x[0], batch_places(x, mask, 1), Location::here());
    std::vector<Tensor> places;
    for (std::size_t k = 1; k < x.size(); ++k) places.push_back(as_batch(x, mask, k));
    return take_rows(x[0], places, Location::here());
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const std::vector<Tensor> places = places_from(at, 1);
    if (const Tensor* adjoint = at.accumulator(0)) {
      return write_rows(*adjoint, places, at.g(), Update::add, name());
    }
    at.push(0, call_with(std::make_shared<const SpreadRows>(at.type(0).shape, axes_), {at.g()},
                         places));
  }
  std::uint32_t places() const override { return operands_from(1, axes_); }
  std::uint32_t reads() const override { return operands_from(1, axes_); }

 private:
  std::size_t axes_;
};

// ---- along one axis ---------------------------------------------------------------------------

// run(element of t, of the places' shape, of rows) over all places. x and t differ in const alone.
template <class T, class Run>
void each_along(const Tensor& t, std::size_t axis, const Tensor& places, const Tensor& rows,
                std::string_view where, Run&& run) {
  detail::Strides steps = TensorAccess::body(t).strides;
  const std::int64_t stride = steps[axis];
  steps[axis] = 0;
  const Tensor numbers = converted(places, f64);
  const Walk walk(places.shape(), {&steps, &TensorAccess::body(numbers).strides,
                                   &TensorAccess::body(rows).strides});
  T* x = TensorAccess::data<T>(t);
  const double* number = TensorAccess::data<double>(numbers);
  T* z = TensorAccess::data<T>(rows);
  walk.each([&](const auto& at) {
    for (std::int64_t i = 0; i < walk.run_length(); ++i) {
      const std::int64_t place = as_place(number[at[1] + i * walk.step(1)], axis, t.shape(), where);
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

// ---- updates ----------------------------------------------------------------------------------

// Operands: x, y, and places if there are any.
class UpdateOp : public TensorOp {
 public:
  explicit UpdateOp(Update how) : how_(how) {}
  std::string_view name() const override { return how_ == Update::set ? "set" : "add_at"; }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(x[0], z);
    write(x, z);
  }
  /// Writes x[1] into z, which has the numbers of x[0].
  virtual void write(std::span<const Tensor> x, const Tensor& z) const = 0;

 protected:
  const Update how_;
};

// g, of which nothing arrives at what cut(z) clears: in its own memory if nobody else looks at it.
template <class Cut>
Tensor cut_out(const Tensor& g, Cut&& cut) {
  const bool is_own = is_unshared(g) && g.is_contiguous();
  Tensor z = is_own ? g : make_tensor(g.element(), g.shape());
  if (!is_own) copy_numbers(g, z);
  TensorAccess::body(z).may_have_gaps = true;
  cut(z);
  return z;
}

// z = x, of which nothing arrives at a part.
class CutPart final : public TensorOp {
 public:
  explicit CutPart(std::shared_ptr<const Part> part) : part_(std::move(part)) {}
  std::string_view name() const override { return "cut"; }
  std::string parameters() const override { return part_->parameters(); }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(x[0], z);
    fill_numbers(part_->window(z), kUnreached);
  }
  bool leaves_gaps() const override { return true; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(std::make_shared<const CutPart>(part_->on_batch(x[0].size(0))), {x[0]});
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, call(shared_from_this(), {at.g()}));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const Part> part_;
};

class UpdatePart final : public UpdateOp {
 public:
  UpdatePart(std::shared_ptr<const Part> part, Update how)
      : UpdateOp(how), part_(std::move(part)) {}
  std::string parameters() const override { return part_->parameters(); }
  void write(std::span<const Tensor> x, const Tensor& z) const override {
    how_ == Update::set ? copy_numbers(x[1], part_->window(z))
                        : add_numbers(x[1], part_->window(z));
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    return call(std::make_shared<const UpdatePart>(part_->on_batch(batch_count(x, mask)), how_),
                {as_batch(x, mask, 0), as_batch(x, mask, 1)});
  }
  void pull(const Pull& at) const override {
    const Tensor& g = at.g();
    if (at.wants(1)) {
      if (g.is_recorded()) {
        at.push(1, call(part_, {g}));
      } else {
        const Tensor part = part_->window(g);  // copied: g is to be nobody else's
        Tensor own = make_tensor(part.element(), part.shape());
        copy_numbers(part, own);
        TensorAccess::body(own).may_have_gaps = TensorAccess::body(g).may_have_gaps;
        at.push(1, own);
      }
    }
    if (!at.wants(0)) return;
    if (how_ == Update::add) {
      at.push(0, g);
    } else if (g.is_recorded()) {
      at.push(0, call(std::make_shared<const CutPart>(part_), {g}));
    } else {
      at.push(0,
              cut_out(g, [this](const Tensor& z) { fill_numbers(part_->window(z), kUnreached); }));
    }
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const Part> part_;
};

void cut_rows(const Tensor& t, std::span<const Tensor> places, std::string_view where) {
  const Tensor nothing = full({}, kUnreached, t.element());
  const Shape rows = rows_shape(t.shape(), places, where);
  write_rows(t, places, make_view(nothing, rows, {}), Update::set, where);
}

class CutRows final : public TensorOp {
 public:
  explicit CutRows(std::size_t axes) : axes_(axes) {}
  std::string_view name() const override { return "cut_rows"; }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(x[0], z);
    cut_rows(z, x.subspan(1), name());
  }
  bool leaves_gaps() const override { return true; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    return call_with(std::make_shared<const CutRows>(axes_ + 1), {as_batch(x, mask, 0)},
                     batch_places(x, mask, 1));
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, call_with(shared_from_this(), {at.g()}, places_from(at, 1)));
  }
  std::uint32_t places() const override { return operands_from(1, axes_); }
  std::uint32_t reads() const override { return operands_from(1, axes_); }

 private:
  std::size_t axes_;
};

class UpdateRows final : public UpdateOp {
 public:
  UpdateRows(std::size_t axes, Update how) : UpdateOp(how), axes_(axes) {}
  void write(std::span<const Tensor> x, const Tensor& z) const override {
    write_rows(z, x.subspan(2), x[1], how_, name());
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    return call_with(std::make_shared<const UpdateRows>(axes_ + 1, how_),
                     {as_batch(x, mask, 0), as_batch(x, mask, 1)}, batch_places(x, mask, 2));
  }
  void pull(const Pull& at) const override {
    const Tensor& g = at.g();
    const std::vector<Tensor> places = places_from(at, 2);
    if (at.wants(1)) {
      Tensor rows = take_rows(g, places, Location::here());
      if (how_ == Update::set) {
        const Tensor stays = last_ones(g, places);
        if (stays.size() != 0) rows = select(stays, rows, Tensor(kUnreached));
      }
      at.push(1, rows);
    }
    if (!at.wants(0)) return;
    if (how_ == Update::add) {
      at.push(0, g);
    } else if (g.is_recorded()) {
      at.push(0, call_with(std::make_shared<const CutRows>(axes_), {g}, places));
    } else {
      at.push(0, cut_out(g, [&](const Tensor& z) { cut_rows(z, places, name()); }));
    }
  }
  std::uint32_t places() const override { return operands_from(2, axes_); }
  std::uint32_t reads() const override { return operands_from(2, axes_); }

 private:
  // 1 for each entry of places that is the last to name its row, else 0, to be broadcast to rows;
  // nothing if each names a row of its own.
  Tensor last_ones(const Tensor& t, std::span<const Tensor> places) const {
    const Tensor rows = make_view(t, t.shape(), dense_strides(t.shape()));
    const std::vector<std::int64_t> offsets = offsets_of(rows, places, name());
    std::unordered_set<std::int64_t> seen;
    std::vector<double> stays(offsets.size());
    bool are_all = true;
    for (std::size_t k = offsets.size(); k-- > 0;) {
      stays[k] = seen.insert(offsets[k]).second ? 1.0 : 0.0;
      are_all = are_all && stays[k] == 1.0;
    }
    if (are_all) return {};
    Shape shape = places[0].shape();
    for (std::size_t k = axes_; k < t.rank(); ++k) shape.push_back(1);
    return cast(tensor(stays, shape), t.element());
  }

  std::size_t axes_;
};

// x = op(x, …), in x's own memory where nobody else looks at it. An operand that shares it counts.
void update(Tensor& x, const std::shared_ptr<const UpdateOp>& op, const Tensor& y,
            std::span<const Tensor> places, Location at) {
  x = cast(x, x.element(), at);
  std::vector<Tensor> operands{x, cast(y, x.element(), at)};
  operands.insert(operands.end(), places.begin(), places.end());
  bool is_recorded = false, has_numbers = true;
  for (const Tensor& operand : operands) {
    is_recorded = lead_in_tensor(operand, op->name()) || is_recorded;
    has_numbers = has_numbers && !is_symbolic(operand);
  }
  operands[0] = TensorTable::nothing();  // so that nobody else looks
  const bool is_own = x.is_contiguous() && is_unshared(x);
  Tensor z = TensorTable::nothing();
  if (!has_numbers) {
    z = make_symbolic(x.type());
  } else if (is_own) {
    z = TensorAccess::plain(x);
  } else {
    z = make_tensor(x.element(), x.shape());
    copy_numbers(x, z);
  }
  operands[0] = x;
  if (has_numbers) op->write(operands, z);
  x = is_recorded ? TensorTable::of(active_state()).append(op, operands, z, at) : z;
}

}  // namespace

Tensor take_rows(const Tensor& x, std::span<const Tensor> places, Location at) {
  return call_with(std::make_shared<const TakeRows>(places.size()), {x}, places, at);
}

void update_part(Tensor& x, const std::shared_ptr<const Part>& part, const Tensor& y, Update how,
                 Location at) {
  update(x, std::make_shared<const UpdatePart>(part, how), y, {}, at);
}

void update_rows(Tensor& x, std::span<const Tensor> places, const Tensor& y, Update how,
                 Location at) {
  update(x, std::make_shared<const UpdateRows>(places.size(), how), y, places, at);
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
