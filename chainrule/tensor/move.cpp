#include "chainrule/tensor/move.hpp"

#include <algorithm>
#include <numeric>

#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/pass_internal.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {
namespace {

// An operation whose result is a view of its operand.
class View : public TensorOp {
 public:
  TensorType infer(std::span<const Tensor> x) const override { return view(x[0]).type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(view(x[0]), z);
  }
  bool is_view() const override { return true; }
  std::uint32_t reads() const override { return 0; }
};

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
  const Shape& old = x.shape();
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
      if (x.strides()[k] != x.strides()[k + 1] * old[k + 1]) return false;
    }
    std::int64_t step = x.strides()[old_end - 1];
    for (std::size_t k = new_end; k-- > to;) {
      strides[k] = step;
      step *= shape[k];
    }
    from = old_end;
    to = new_end;
  }
  for (; from < old.rank(); ++from) {
    if (old[from] != 1) return false;
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
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, at.g());
  }
  std::uint32_t reads() const override { return 0; }
};

// A range with its ends in place: `count` indices from `begin` on.
struct Indices {
  std::int64_t begin, step, count;
};
Indices indices_of(const Range& range, std::int64_t size) {
  if (range.step == 0) fail("slice", "a step of 0");
  const bool up = range.step > 0;
  const auto clamped = [&](std::int64_t place, std::int64_t otherwise) {
    if (place == Range::kFromEnd) return otherwise;
    if (place < 0) place += size;
    return up ? std::clamp<std::int64_t>(place, 0, size)
              : std::clamp<std::int64_t>(place, -1, size - 1);
  };
  const std::int64_t begin = clamped(range.begin, up ? 0 : size - 1);
  const std::int64_t end = clamped(range.end, up ? size : -1);
  const std::int64_t span = up ? end - begin : begin - end, width = up ? range.step : -range.step;
  return {begin, range.step, span <= 0 ? 0 : (span + width - 1) / width};
}

std::string range_text(std::size_t axis, const Range& range) {
  const auto place = [](std::int64_t at) {
    return at == Range::kFromEnd ? std::string() : std::to_string(at);
  };
  return "axis=" + std::to_string(axis) + " " + place(range.begin) + ":" + place(range.end) + ":" +
         std::to_string(range.step);
}

class Slice final : public View {
 public:
  Slice(std::size_t axis, const Range& range) : axis_(axis), range_(range) {}
  std::string_view name() const override { return "slice"; }
  std::string parameters() const override { return range_text(axis_, range_); }
  Tensor view(const Tensor& x) const override {
    const Indices at = indices_of(range_, x.shape()[axis_]);
    Shape shape = x.shape();
    detail::Strides strides = TensorAccess::body(x).strides;
    const std::int64_t offset = at.count == 0 ? 0 : at.begin * strides[axis_];
    shape[axis_] = at.count;
    strides[axis_] *= at.step;
    return make_view(x, shape, strides, offset);
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    at.push(0, slice_into(at.g(), at.type(0).shape, static_cast<std::int64_t>(axis_), range_));
  }

 private:
  std::size_t axis_;
  Range range_;
};

class SliceInto final : public TensorOp {
 public:
  SliceInto(const Shape& shape, std::size_t axis, const Range& range)
      : shape_(shape), axis_(axis), range_(range) {}
  std::string_view name() const override { return "slice_into"; }
  std::string parameters() const override {
    return to_string(shape_) + " " + range_text(axis_, range_);
  }
  TensorType infer(std::span<const Tensor> x) const override {
    Shape part = shape_;
    part[axis_] = indices_of(range_, shape_[axis_]).count;
    if (part != x[0].shape()) {
      fail(name(), to_string(x[0].shape()) + " where the range has the shape " + to_string(part));
    }
    return {x[0].element(), shape_};
  }
  // Nothing arrives outside of the range.
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      std::fill_n(TensorAccess::data<T>(z), z.size(), static_cast<T>(kUnreached));
    });
    copy_numbers(x[0], Slice(axis_, range_).view(z));
  }
  bool leaves_gaps() const override { return true; }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, slice(at.g(), static_cast<std::int64_t>(axis_), range_));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  Shape shape_;
  std::size_t axis_;
  Range range_;
};

}  // namespace

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
  const std::size_t k = x.shape().axis(axis, "index");
  const std::int64_t size = x.shape()[k], place = index < 0 ? index + size : index;
  if (place < 0 || place >= size) {
    fail("index", "index " + std::to_string(index) + " of axis " + std::to_string(k) +
                      " of the shape " + to_string(x.shape()));
  }
  Shape shape = x.shape();
  shape.erase(k);
  return reshape(slice(x, static_cast<std::int64_t>(k), {place, place + 1, 1}, at), shape, at);
}

Tensor slice_into(const Tensor& x, const Shape& shape, std::int64_t axis, Range range,
                  Location at) {
  return call(std::make_shared<const SliceInto>(shape, shape.axis(axis, "slice_into"), range), {x},
              at);
}

// ---- numbers and tensors ----------------------------------------------------------------------

namespace {

std::int64_t place_of(const Tensor& x, std::span<const std::int64_t> index) {
  if (index.size() != x.rank()) {
    fail("at", std::to_string(index.size()) + " indices for the shape " + to_string(x.shape()));
  }
  std::int64_t place = 0;
  for (std::size_t k = 0; k < index.size(); ++k) {
    const std::int64_t size = x.shape()[k], i = index[k] < 0 ? index[k] + size : index[k];
    if (i < 0 || i >= size) {
      fail("at", "index " + std::to_string(index[k]) + " of axis " + std::to_string(k) +
                     " of the shape " + to_string(x.shape()));
    }
    place = place * size + i;
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
  return element_of(x, place_of(x, {index.begin(), index.size()}), at);
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
  const std::int64_t place = place_of(*this, {index.begin(), index.size()});
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
