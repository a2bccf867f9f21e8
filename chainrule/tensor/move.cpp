#include "chainrule/tensor/move.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move_internal.hpp"
#include "chainrule/tensor/pass_internal.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {

// ---- parts and their adjoints -----------------------------------------------------------------

namespace {

// Written in the place of the part; the adjoint of what was spread out is the part of the adjoint.
class SpreadInto final : public TensorOp {
 public:
  SpreadInto(std::shared_ptr<const Part> part, const Shape& shape, Around around)
      : part_(std::move(part)),
        name_(std::string(part_->name()) + "_into"),
        shape_(shape),
        around_(around) {}
  std::string_view name() const override { return name_; }
  std::string parameters() const override { return to_string(shape_) + " " + part_->parameters(); }
  TensorType infer(std::span<const Tensor> x) const override {
    const detail::Strides none = {};
    const Shape place = part_->window(make_view(x[0], shape_, none)).shape();
    if (place != x[0].shape()) {
      fail(name(), to_string(x[0].shape()) + " where the place in " + to_string(shape_) +
                       " has the shape " + to_string(place));
    }
    return {x[0].element(), shape_};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    fill_numbers(z, around_ == Around::nothing ? kUnreached : 0.0);
    copy_numbers(x[0], part_->window(z));
  }
  bool leaves_gaps() const override { return around_ == Around::nothing; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    const std::int64_t count = x[0].size(0);
    return spread_into(x[0], part_->on_batch(count), batch_shape(shape_, count), around_);
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, call(part_, {at.g()}));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const Part> part_;
  std::string name_;
  Shape shape_;
  Around around_;
};

}  // namespace

Tensor spread_into(const Tensor& x, const std::shared_ptr<const Part>& part, const Shape& shape,
                   Around around, Location at) {
  return call(std::make_shared<const SpreadInto>(part, shape, around), {x}, at);
}

std::int64_t batch_count(std::span<const Tensor> x, std::uint32_t mask) {
  return x[static_cast<std::size_t>(std::countr_zero(mask))].size(0);
}
Tensor as_batch(std::span<const Tensor> x, std::uint32_t mask, std::size_t k) {
  if ((mask >> k & 1u) != 0) return x[k];
  return broadcast_to(x[k], batch_shape(x[k].shape(), batch_count(x, mask)));
}

Tensor Part::view(const Tensor& x) const {
  const Tensor part = window(x);
  const bool is_small = x.size() >= 512 && part.size() <= x.size() / 16;
  if (!is_small || !x.is_recorded()) return part;
  Tensor copy = make_tensor(part.element(), part.shape());
  copy_numbers(part, copy);
  return copy;
}

void Part::pull(const Pull& at) const {
  if (!at.wants(0)) return;
  if (const Tensor* adjoint = at.accumulator(0)) return add_numbers(at.g(), window(*adjoint));
  const auto self = std::static_pointer_cast<const Part>(shared_from_this());
  at.push(0, spread_into(at.g(), self, at.type(0).shape, Around::nothing));
}

namespace {

class BroadcastTo final : public View {
 public:
  explicit BroadcastTo(const Shape& shape) : shape_(shape) {}
  std::string_view name() const override { return "broadcast_to"; }
  std::string parameters() const override { return to_string(shape_); }
  Tensor view(const Tensor& x) const override {
    if (x.rank() > shape_.rank() || broadcast(x.shape(), shape_, name()) != shape_) {
      fail(name(), to_string(x.shape()) + " cannot be broadcast to " + to_string(shape_));
    }
    return make_view(x, shape_, broadcast_strides(x, shape_));
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    Shape shape = x[0].shape();
    while (shape.rank() < shape_.rank() + 1) shape.insert(1, 1);
    return broadcast_to(reshape(x[0], shape), batch_shape(shape_, x[0].size(0)));
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, sum_to(at.g(), at.type(0).shape));
  }

 private:
  Shape shape_;
};

// The strides with which x is read in the new shape, if there are any: axes of x that stand dense
// in one another are cut anew.
bool reshaped_strides(const Tensor& x, const Shape& shape, detail::Strides& strides) {
  if (x.is_contiguous()) {
    strides = dense_strides(shape);
    return true;
  }
  std::size_t from = 0, to = 0;
  Shape old;  // without axes of size 1, which have any stride
  detail::Strides steps = {};
  for (std::size_t k = 0; k < x.rank(); ++k) {
    if (x.shape()[k] == 1) continue;
    steps[old.rank()] = x.strides()[k];
    old.push_back(x.shape()[k]);
  }
  while (from < old.rank() && to < shape.rank()) {
    std::int64_t old_size = old[from], new_size = shape[to];
    std::size_t old_end = from + 1, new_end = to + 1;
    while (old_size != new_size) {
      if (old_size < new_size) {
        if (old_end == old.rank()) return false;
        old_size *= old[old_end++];
      } else {
        if (new_end == shape.rank()) return false;
        new_size *= shape[new_end++];
      }
    }
    for (std::size_t k = from; k + 1 < old_end; ++k) {
      if (steps[k] != steps[k + 1] * old[k + 1]) return false;
    }
    std::int64_t step = steps[old_end - 1];
    for (std::size_t k = new_end; k-- > to;) {
      strides[k] = step;
      step *= shape[k];
    }
    from = old_end;
    to = new_end;
  }
  for (; to < shape.rank(); ++to) strides[to] = 1;
  return true;
}

class Reshape final : public View {
 public:
  explicit Reshape(const Shape& shape) : shape_(shape) {}
  std::string_view name() const override { return "reshape"; }
  std::string parameters() const override { return to_string(shape_); }
  TensorType infer(std::span<const Tensor> x) const override {
    if (x[0].size() != shape_.size()) {
      fail(name(), to_string(x[0].shape()) + " has " + std::to_string(x[0].size()) + " elements, " +
                       to_string(shape_) + " has " + std::to_string(shape_.size()));
    }
    return {x[0].element(), shape_};
  }
  Tensor view(const Tensor& x) const override {
    infer({&x, 1});
    detail::Strides strides = {};
    if (reshaped_strides(x, shape_, strides)) return make_view(x, shape_, strides);
    return make_view(dense(x), shape_, dense_strides(shape_));
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return reshape(x[0], batch_shape(shape_, x[0].size(0)));
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, reshape(at.g(), at.type(0).shape));
  }

 private:
  Shape shape_;
};

class Permute final : public View {
 public:
  explicit Permute(std::span<const std::int64_t> order) : order_(order.begin(), order.end()) {}
  std::string_view name() const override { return "permute"; }
  std::string parameters() const override {
    std::string text;
    for (const std::int64_t axis : order_) text += (text.empty() ? "" : ",") + std::to_string(axis);
    return text;
  }
  Tensor view(const Tensor& x) const override {
    if (order_.size() != x.rank()) {
      fail(name(), "an order of " + std::to_string(order_.size()) + " axes for the shape " +
                       to_string(x.shape()));
    }
    Shape shape;
    detail::Strides strides = {};
    std::uint32_t seen = 0;
    for (std::size_t k = 0; k < order_.size(); ++k) {
      const std::size_t axis = x.shape().axis(order_[k], name());
      if ((seen >> axis & 1u) != 0) {
        fail(name(), "axis " + std::to_string(axis) + " is named twice");
      }
      seen |= 1u << axis;
      shape.push_back(x.shape()[axis]);
      strides[k] = x.strides()[axis];
    }
    return make_view(x, shape, strides);
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    std::vector<std::int64_t> order{0};
    for (const std::int64_t axis : order_) order.push_back(axis < 0 ? axis : axis + 1);
    return permute(x[0], order);
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const auto rank = static_cast<std::int64_t>(order_.size());
    std::vector<std::int64_t> inverse(order_.size());
    for (std::int64_t k = 0; k < rank; ++k) {
      const std::int64_t axis = order_[static_cast<std::size_t>(k)];
      inverse[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)] = k;
    }
    at.push(0, permute(at.g(), inverse));
  }

 private:
  std::vector<std::int64_t> order_;
};

class Contiguous final : public TensorOp {
 public:
  std::string_view name() const override { return "contiguous"; }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override { copy_numbers(x[0], z); }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override { return contiguous(x[0]); }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, at.g());
  }
  std::uint32_t reads() const override { return 0; }
};

std::string range_text(std::size_t axis, const Range& range) {
  const auto place = [](std::int64_t at) {
    return at == Range::kFromEnd ? std::string() : std::to_string(at);
  };
  return "axis=" + std::to_string(axis) + " " + place(range.begin) + ":" + place(range.end) + ":" +
         std::to_string(range.step);
}

class Slice final : public Part {
 public:
  Slice(std::size_t axis, const Range& range) : axis_(axis), range_(range) {}
  std::string_view name() const override { return "slice"; }
  std::string parameters() const override { return range_text(axis_, range_); }
  Tensor window(const Tensor& x) const override {
    const Places at = places_of(range_, x.shape()[axis_], name());
    Shape shape = x.shape();
    detail::Strides strides = TensorAccess::body(x).strides;
    const std::int64_t offset = at.count == 0 ? 0 : at.begin * strides[axis_];
    shape[axis_] = at.count;
    strides[axis_] *= at.step;
    return make_view(x, shape, strides, offset);
  }
  std::shared_ptr<const Part> on_batch(std::int64_t) const override {
    return std::make_shared<const Slice>(axis_ + 1, range_);
  }

 private:
  std::size_t axis_;
  Range range_;
};

}  // namespace

Places places_of(const Range& range, std::int64_t size, std::string_view where) {
  if (range.step == 0) fail(where, "a step of 0");
  const std::int64_t step = std::clamp<std::int64_t>(range.step, -size - 1, size + 1);
  const bool up = step > 0;
  const auto clamped = [&](std::int64_t place, std::int64_t otherwise) {
    if (place == Range::kFromEnd) return otherwise;
    if (place < 0) place += size;
    return up ? std::clamp<std::int64_t>(place, 0, size)
              : std::clamp<std::int64_t>(place, -1, size - 1);
  };
  const std::int64_t begin = clamped(range.begin, up ? 0 : size - 1);
  const std::int64_t end = clamped(range.end, up ? size : -1);
  const std::int64_t span = up ? end - begin : begin - end, width = up ? step : -step;
  return {begin, step, span <= 0 ? 0 : (span + width - 1) / width};
}

std::int64_t place_of(std::int64_t index, std::size_t axis, const Shape& shape,
                      std::string_view where) {
  const std::int64_t size = shape[axis], place = index < 0 ? index + size : index;
  if (place < 0 || place >= size) {
    fail(where, "index " + std::to_string(index) + " of axis " + std::to_string(axis) +
                    " of the shape " + to_string(shape));
  }
  return place;
}

IndexPart::IndexPart(std::span<const Cut> cuts, std::uint32_t new_axes)
    : rank_(cuts.size()), new_axes_(new_axes) {
  std::ranges::copy(cuts, cuts_.begin());
}

std::string IndexPart::parameters() const {
  std::string text;
  const auto add = [&text](const std::string& entry) { text += (text.empty() ? "" : ",") + entry; };
  std::size_t at = 0;  // in the result
  for (std::size_t k = 0; k < rank_; ++k) {
    for (; !cuts_[k].is_dropped && (new_axes_ >> at & 1u) != 0; ++at) add("newaxis");
    const Places& places = cuts_[k].places;
    if (cuts_[k].is_dropped) {
      add(std::to_string(places.begin));
    } else {
      add(std::to_string(places.begin) + ":" +
          std::to_string(places.begin + places.step * places.count) + ":" +
          std::to_string(places.step));
      ++at;
    }
  }
  for (; (new_axes_ >> at & 1u) != 0; ++at) add("newaxis");
  return text;
}

Tensor IndexPart::window(const Tensor& x) const {
  Shape shape;
  detail::Strides strides = {};
  std::int64_t offset = 0;
  bool is_empty = false;
  const auto add_new_axes = [&] {
    while ((new_axes_ >> shape.rank() & 1u) != 0) shape.push_back(1);
  };
  for (std::size_t k = 0; k < rank_; ++k) {
    const Places& at = cuts_[k].places;
    is_empty = is_empty || at.count == 0;
    offset += at.begin * x.strides()[k];
    if (cuts_[k].is_dropped) continue;
    add_new_axes();
    strides[shape.rank()] = x.strides()[k] * at.step;
    shape.push_back(at.count);
  }
  add_new_axes();
  return make_view(x, shape, strides, is_empty ? 0 : offset);
}

std::shared_ptr<const Part> IndexPart::on_batch(std::int64_t count) const {
  std::vector<Cut> cuts{{{0, 1, count}, false}};
  cuts.insert(cuts.end(), cuts_.begin(), cuts_.begin() + static_cast<std::ptrdiff_t>(rank_));
  return std::make_shared<const IndexPart>(cuts, new_axes_ << 1);
}

// ---- what users call --------------------------------------------------------------------------

Tensor broadcast_to(const Tensor& x, const Shape& shape, Location at) {
  if (x.shape() == shape) return x;
  return call(std::make_shared<const BroadcastTo>(shape), {x}, at);
}

Tensor reshape(const Tensor& x, const Shape& shape, Location at) {
  if (x.shape() == shape) return x;
  return call(std::make_shared<const Reshape>(shape), {x}, at);
}

Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> sizes, Location at) {
  std::vector<std::int64_t> known(sizes);
  const auto open = std::ranges::find(known, -1);
  if (open != known.end()) {
    *open = 1;
    const std::int64_t rest = Shape(known).size();
    if (rest == 0 || x.size() % rest != 0) {
      *open = 0;
      fail("reshape",
           to_string(x.shape()) + " has " + std::to_string(x.size()) +
               " elements, which the other sizes do not divide: " + std::to_string(rest));
    }
    *open = x.size() / rest;
  }
  return reshape(x, Shape(known), at);
}

Tensor permute(const Tensor& x, std::span<const std::int64_t> order, Location at) {
  return call(std::make_shared<const Permute>(order), {x}, at);
}
Tensor permute(const Tensor& x, std::initializer_list<std::int64_t> order, Location at) {
  return permute(x, std::span(order.begin(), order.size()), at);
}

Tensor transpose(const Tensor& x, Location at) {
  if (x.rank() < 2) return x;
  if (x.rank() == 2) {
    static constexpr std::int64_t kOrder[] = {1, 0};
    static const std::shared_ptr<const TensorOp> op = std::make_shared<const Permute>(kOrder);
    return call(op, {x}, at);
  }
  std::vector<std::int64_t> order(x.rank());
  std::iota(order.rbegin(), order.rend(), 0);
  return permute(x, order, at);
}

Tensor transpose(const Tensor& x, std::int64_t axis, std::int64_t other, Location at) {
  std::vector<std::int64_t> order(x.rank());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[x.shape().axis(axis, "transpose")], order[x.shape().axis(other, "transpose")]);
  return permute(x, order, at);
}

Tensor contiguous(const Tensor& x, Location at) {
  if (x.is_contiguous()) return x;
  static const std::shared_ptr<const TensorOp> op = std::make_shared<const Contiguous>();
  return call(op, {x}, at);
}

Tensor slice(const Tensor& x, std::int64_t axis, Range range, Location at) {
  return call(std::make_shared<const Slice>(x.shape().axis(axis, "slice"), range), {x}, at);
}

Tensor pick(const Tensor& x, std::int64_t axis, std::int64_t index, Location at) {
  const std::size_t picked = x.shape().axis(axis, "index");
  std::array<IndexPart::Cut, Shape::kMostAxes> cuts;
  for (std::size_t k = 0; k < x.rank(); ++k) cuts[k] = {{0, 1, x.shape()[k]}, false};
  cuts[picked] = {{place_of(index, picked, x.shape(), "index"), 1, 1}, true};
  return call(std::make_shared<const IndexPart>(std::span(cuts.data(), x.rank()), 0u), {x}, at);
}

Tensor slice_into(const Tensor& x, const Shape& shape, std::int64_t axis, Range range,
                  Location at) {
  const auto part = std::make_shared<const Slice>(shape.axis(axis, "slice_into"), range);
  return spread_into(x, part, shape, Around::nothing, at);
}

// ---- numbers and tensors ----------------------------------------------------------------------

namespace {

std::int64_t flat_place(const Tensor& x, std::span<const std::int64_t> index) {
  if (index.size() != x.rank()) {
    fail("at", std::to_string(index.size()) + " indices for the shape " + to_string(x.shape()));
  }
  std::int64_t place = 0;
  for (std::size_t k = 0; k < index.size(); ++k) {
    place = place * x.shape()[k] + place_of(index[k], k, x.shape(), "at");
  }
  return place;
}

double number_at(const Tensor& x, std::int64_t place) {
  if (is_symbolic(x)) fail_no_numbers("item", x);
  std::int64_t offset = 0;
  for (std::size_t k = x.rank(); k-- > 0;) {
    offset += place % x.shape()[k] * x.strides()[k];
    place /= x.shape()[k];
  }
  return visit_element(x.element(), [&]<class T>(T) {
    return static_cast<double>(TensorAccess::data<T>(x)[offset]);
  });
}

// The number at a place of a tensor of the active tape.
Scalar element_of(const Tensor& x, std::int64_t place, Location at) {
  const double value = number_at(x, place);
  if (!lead_in_tensor(x, "scalar")) return value;
  Tape::State& state = active_state();
  const std::uint32_t row = TensorAccess::row(x);
  if (state.rows.codes[row] != detail::Code::array) return state.handle_to(row);
  state.make_room();
  const std::uint32_t element =
      state.rows.append(detail::Code::element, row, static_cast<std::uint32_t>(place), value);
  state.keep_line(at);
  return ScalarAccess::make(value, element, state.rows.stamp);
}

void require_one(const Tensor& x, std::string_view where) {
  if (x.size() != 1) {
    fail(where, "the only element of a tensor of shape " + to_string(x.shape()) + ", which has " +
                    std::to_string(x.size()));
  }
}

class Stack final : public TensorOp {
 public:
  explicit Stack(const Shape& shape) : shape_(shape) {}
  std::string_view name() const override { return "stack"; }
  std::string parameters() const override { return to_string(shape_); }
  TensorType infer(std::span<const Tensor> x) const override { return {x[0].element(), shape_}; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      T* to = TensorAccess::data<T>(z);
      for (std::size_t k = 0; k < x.size(); ++k) to[k] = *TensorAccess::data<T>(x[k]);
    });
  }
  void pull(const Pull& at) const override {
    const Tensor flat = reshape(at.g(), Shape{at.g().size()});
    for (std::size_t k = 0; k < at.count(); ++k) {
      if (at.wants(k)) at.push(k, pick(flat, 0, static_cast<std::int64_t>(k)));
    }
  }
  std::uint32_t reads() const override { return 0; }

 private:
  Shape shape_;
};

}  // namespace

Scalar scalar(const Tensor& x, Location at) {
  require_one(x, "scalar");
  return element_of(x, 0, at);
}
Scalar scalar(const Tensor& x, std::initializer_list<std::int64_t> index, Location at) {
  return element_of(x, flat_place(x, {index.begin(), index.size()}), at);
}

std::vector<Scalar> scalars(const Tensor& x, Location at) {
  std::vector<Scalar> all;
  for (std::int64_t k = 0; k < x.size(); ++k) all.push_back(element_of(x, k, at));
  return all;
}

// A number that is taken out is a guard while a Function is recorded.
double Tensor::item(Location at) const {
  require_one(*this, "item");
  if (is_recorded() && detail::active_recorder->watching) return scalar(*this, at).value(at);
  return number_at(*this, 0);
}

double Tensor::at(std::initializer_list<std::int64_t> index, Location at) const {
  const std::int64_t place = flat_place(*this, {index.begin(), index.size()});
  if (is_recorded() && detail::active_recorder->watching) {
    return element_of(*this, place, at).value(at);
  }
  return number_at(*this, place);
}

Tensor stack(std::span<const Scalar> numbers, const Shape& shape, Precision element, Location at) {
  if (static_cast<std::int64_t>(numbers.size()) != shape.size()) {
    fail("stack", std::to_string(numbers.size()) + " numbers for the shape " + to_string(shape));
  }
  if (numbers.empty()) return empty(shape, element);
  std::vector<Tensor> all(numbers.begin(), numbers.end());
  return cast(call(std::make_shared<const Stack>(shape), all, at), element, at);
}
Tensor stack(std::span<const Scalar> numbers, Location at) {
  return stack(numbers, {static_cast<std::int64_t>(numbers.size())}, f64, at);
}

}  // namespace chainrule
