// Joining, repeating and cutting up: what is not a view in move.hpp, and what is made of views.
//
// Adjoints: of what is joined, the parts of the adjoint, views; of what is repeated, its sum; of a
// permutation, the inverse one.
#include <algorithm>
#include <numeric>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/move_internal.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {
namespace {

// The elements of an axis from `first` on, in place.
Tensor window(const Tensor& t, std::size_t axis, std::int64_t first, std::int64_t count) {
  Shape shape = t.shape();
  shape[axis] = count;
  const detail::Strides& strides = TensorAccess::body(t).strides;
  return make_view(t, shape, strides, count == 0 ? 0 : first * strides[axis]);
}

class Concatenate final : public TensorOp {
 public:
  Concatenate(std::size_t axis, std::span<const Tensor> parts) : axis_(axis) {
    for (const Tensor& part : parts) sizes_.push_back(part.rank() > axis ? part.shape()[axis] : 0);
  }
  std::string_view name() const override { return "concatenate"; }
  std::string parameters() const override { return "axis=" + std::to_string(axis_); }
  TensorType infer(std::span<const Tensor> x) const override {
    Shape shape = x[0].shape();
    for (const Tensor& part : x.subspan(1)) {
      Shape same = part.shape();
      if (same.rank() == shape.rank()) same[axis_] = shape[axis_];
      if (same != shape) {
        fail(name(), to_string(x[0].shape()) + " and " + to_string(part.shape()) + " along axis " +
                         std::to_string(axis_) + ": all other sizes must agree");
      }
      shape[axis_] += part.shape()[axis_];
    }
    return {x[0].element(), shape};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    std::int64_t first = 0;
    for (const Tensor& part : x) {
      const std::int64_t count = part.shape()[axis_];
      copy_numbers(part, window(z, axis_, first, count));
      first += count;
    }
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    std::vector<Tensor> parts;
    for (std::size_t k = 0; k < x.size(); ++k) parts.push_back(as_batch(x, mask, k));
    return concatenate(parts, static_cast<std::int64_t>(axis_) + 1);
  }
  void pull(const Pull& at) const override {
    std::int64_t first = 0;
    for (std::size_t k = 0; k < at.count(); ++k) {
      if (at.wants(k)) {
        at.push(k, slice(at.g(), static_cast<std::int64_t>(axis_), {first, first + sizes_[k], 1}));
      }
      first += sizes_[k];
    }
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::size_t axis_;
  std::vector<std::int64_t> sizes_;  // along the axis
};

class StackTensors final : public TensorOp {
 public:
  explicit StackTensors(std::size_t axis) : axis_(axis) {}
  std::string_view name() const override { return "stack"; }
  std::string parameters() const override { return "axis=" + std::to_string(axis_); }
  TensorType infer(std::span<const Tensor> x) const override {
    for (const Tensor& part : x) {
      if (part.shape() == x[0].shape()) continue;
      fail(name(), to_string(x[0].shape()) + " and " + to_string(part.shape()) +
                       ": the shapes must be the same");
    }
    Shape shape = x[0].shape();
    shape.insert(axis_, static_cast<std::int64_t>(x.size()));
    return {x[0].element(), shape};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    detail::Strides strides = {};
    for (std::size_t k = 0, from = 0; k < z.rank(); ++k) {
      if (k != axis_) strides[from++] = z.strides()[k];
    }
    for (std::size_t k = 0; k < x.size(); ++k) {
      copy_numbers(x[k], make_view(z, x[k].shape(), strides,
                                   static_cast<std::int64_t>(k) * z.strides()[axis_]));
    }
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    std::vector<Tensor> parts;
    for (std::size_t k = 0; k < x.size(); ++k) parts.push_back(as_batch(x, mask, k));
    return stack(parts, static_cast<std::int64_t>(axis_) + 1);
  }
  void pull(const Pull& at) const override {
    for (std::size_t k = 0; k < at.count(); ++k) {
      if (!at.wants(k)) continue;
      at.push(k, pick(at.g(), static_cast<std::int64_t>(axis_), static_cast<std::int64_t>(k)));
    }
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::size_t axis_;
};

class Pad final : public TensorOp {
 public:
  Pad(std::span<const Padding> axes, double value)
      : axes_(axes.begin(), axes.end()), value_(value) {}
  std::string_view name() const override { return "pad"; }
  std::string parameters() const override {
    std::string text;
    for (const Padding& axis : axes_) {
      text += (text.empty() ? "" : ",") + std::to_string(axis.before) + "+" +
              std::to_string(axis.after);
    }
    return value_ == 0 ? text : text + " value=" + shortest(value_);
  }
  TensorType infer(std::span<const Tensor> x) const override {
    Shape shape = x[0].shape();
    if (axes_.size() != shape.rank()) {
      fail(name(), std::to_string(axes_.size()) + " pairs for the shape " + to_string(shape));
    }
    for (std::size_t k = 0; k < axes_.size(); ++k) {
      if (axes_[k].before < 0 || axes_[k].after < 0) {
        fail(name(), std::to_string(axes_[k].before) + " and " + std::to_string(axes_[k].after) +
                         " elements at the ends of axis " + std::to_string(k) + " of the shape " +
                         to_string(shape));
      }
      shape[k] += axes_[k].before + axes_[k].after;
    }
    return {x[0].element(), Shape(std::span(shape.begin(), shape.rank()))};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    fill_numbers(z, value_);
    copy_numbers(x[0], inside(x[0].shape()).window(z));
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    std::vector<Padding> axes{{0, 0}};
    axes.insert(axes.end(), axes_.begin(), axes_.end());
    return pad(x[0], axes, value_);
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    at.push(0, call(std::make_shared<const IndexPart>(inside(at.type(0).shape)), {at.g()}));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  IndexPart inside(const Shape& shape) const {
    std::array<IndexPart::Cut, Shape::kMostAxes> cuts;
    for (std::size_t k = 0; k < axes_.size(); ++k) {
      cuts[k] = {{shape[k] == 0 ? 0 : axes_[k].before, 1, shape[k]}, false};
    }
    return {std::span(cuts.data(), axes_.size()), 0};
  }

  std::vector<Padding> axes_;
  double value_;
};

class Flip final : public View {
 public:
  explicit Flip(std::uint32_t mask) : mask_(mask) {}
  std::string_view name() const override { return "flip"; }
  std::string parameters() const override {
    std::string text = "axes=";
    for (std::size_t k = 0; mask_ >> k != 0; ++k) {
      if ((mask_ >> k & 1u) != 0) text += (text.back() == '=' ? "" : ",") + std::to_string(k);
    }
    return text;
  }
  Tensor view(const Tensor& x) const override {
    detail::Strides strides = TensorAccess::body(x).strides;
    std::int64_t offset = 0;
    for (std::size_t k = 0; k < x.rank(); ++k) {
      if ((mask_ >> k & 1u) == 0) continue;
      offset += (x.shape()[k] - 1) * strides[k];
      strides[k] = -strides[k];
    }
    return make_view(x, x.shape(), strides, x.size() == 0 ? 0 : offset);
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(std::make_shared<const Flip>(mask_ << 1), {x[0]});
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, call(shared_from_this(), {at.g()}));
  }

 private:
  std::uint32_t mask_;
};

class Roll final : public TensorOp {
 public:
  Roll(std::int64_t shift, std::size_t axis) : shift_(shift), axis_(axis) {}
  std::string_view name() const override { return "roll"; }
  std::string parameters() const override {
    return "axis=" + std::to_string(axis_) + " shift=" + std::to_string(shift_);
  }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    const std::int64_t size = z.shape()[axis_];
    if (size == 0) return;
    const std::int64_t shift = (shift_ % size + size) % size, rest = size - shift;
    copy_numbers(window(x[0], axis_, 0, rest), window(z, axis_, shift, rest));
    copy_numbers(window(x[0], axis_, rest, shift), window(z, axis_, 0, shift));
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(std::make_shared<const Roll>(shift_, axis_ + 1), {x[0]});
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, call(std::make_shared<const Roll>(-shift_, axis_), {at.g()}));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::int64_t shift_;
  std::size_t axis_;
};

class Diagonal final : public Part {
 public:
  Diagonal(std::int64_t offset, std::size_t axis, std::size_t other)
      : offset_(offset), axis_(axis), other_(other) {}
  std::string_view name() const override { return "diagonal"; }
  std::string parameters() const override {
    return "axes=" + std::to_string(axis_) + "," + std::to_string(other_) +
           " offset=" + std::to_string(offset_);
  }
  Tensor window(const Tensor& x) const override {
    const std::int64_t rows = x.shape()[axis_], columns = x.shape()[other_];
    const std::int64_t down = std::clamp<std::int64_t>(-offset_, 0, rows);
    const std::int64_t right = std::clamp<std::int64_t>(offset_, 0, columns);
    const std::int64_t count = std::min(rows - down, columns - right);
    Shape shape;
    detail::Strides strides = {};
    for (std::size_t k = 0; k < x.rank(); ++k) {
      if (k == axis_ || k == other_) continue;
      strides[shape.rank()] = x.strides()[k];
      shape.push_back(x.shape()[k]);
    }
    strides[shape.rank()] = x.strides()[axis_] + x.strides()[other_];
    shape.push_back(count);
    const std::int64_t first = down * x.strides()[axis_] + right * x.strides()[other_];
    return make_view(x, shape, strides, count == 0 ? 0 : first);
  }
  std::shared_ptr<const Part> on_batch(std::int64_t) const override {
    return std::make_shared<const Diagonal>(offset_, axis_ + 1, other_ + 1);
  }

 private:
  std::int64_t offset_;
  std::size_t axis_, other_;
};

class Triangular final : public TensorOp {
 public:
  Triangular(Triangle which, std::int64_t offset, Around around)
      : which_(which), offset_(offset), around_(around) {}
  bool leaves_gaps() const override { return around_ == Around::nothing; }
  std::string_view name() const override { return which_ == Triangle::lower ? "tril" : "triu"; }
  std::string parameters() const override { return "offset=" + std::to_string(offset_); }
  TensorType infer(std::span<const Tensor> x) const override {
    if (x[0].rank() < 2) {
      fail(name(), "a matrix is needed, but the shape is " + to_string(x[0].shape()));
    }
    return x[0].type();
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(x[0], z);
    const std::int64_t rows = z.size(-2), columns = z.size(-1);
    if (z.size() == 0) return;
    const double outside = around_ == Around::nothing ? kUnreached : 0.0;
    visit_element(z.element(), [&]<class T>(T) {
      T* row = TensorAccess::data<T>(z);
      for (std::int64_t i = 0; i < z.size() / columns; ++i, row += columns) {
        // Kept below: j ≤ i + offset, above: j ≥ i + offset.
        const std::int64_t edge = i % rows + offset_;
        const std::int64_t below = std::clamp<std::int64_t>(edge + 1, 0, columns);
        const std::int64_t above = std::clamp<std::int64_t>(edge, 0, columns);
        if (which_ == Triangle::lower) {
          std::fill(row + below, row + columns, static_cast<T>(outside));
        } else {
          std::fill(row, row + above, static_cast<T>(outside));
        }
      }
    });
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(shared_from_this(), {x[0]});
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    at.push(0,
            call(std::make_shared<const Triangular>(which_, offset_, Around::nothing), {at.g()}));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  Triangle which_;
  std::int64_t offset_;
  Around around_;
};

// The shape with the sizes before an axis joined, and those after it.
struct Sides {
  std::int64_t before = 1, size, after = 1;
};
Sides sides_of(const Shape& shape, std::size_t axis) {
  Sides found{1, shape[axis], 1};
  for (std::size_t k = 0; k < axis; ++k) found.before *= shape[k];
  for (std::size_t k = axis + 1; k < shape.rank(); ++k) found.after *= shape[k];
  return found;
}

// An axis of another size.
Shape resized(const Shape& shape, std::size_t axis, std::int64_t size) {
  std::array<std::int64_t, Shape::kMostAxes> sizes = {};
  std::copy(shape.begin(), shape.end(), sizes.begin());
  sizes[axis] = size;
  return Shape(std::span<const std::int64_t>(sizes.data(), shape.rank()));
}

std::pair<std::size_t, std::size_t> two_axes(const Tensor& x, std::int64_t axis, std::int64_t other,
                                             std::string_view where) {
  const std::size_t a = x.shape().axis(axis, where), b = x.shape().axis(other, where);
  if (a == b) {
    fail(where, "axis " + std::to_string(axis) + " of the shape " + to_string(x.shape()) +
                    " is named twice");
  }
  return {a, b};
}

void require_some(std::span<const Tensor> parts, std::string_view where) {
  if (parts.empty()) fail(where, "of no tensor at all");
}

}  // namespace

Tensor squeeze(const Tensor& x, const Axes& axes, Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), "squeeze");
  Shape shape;
  for (std::size_t k = 0; k < x.rank(); ++k) {
    const bool is_named = (mask >> k & 1u) != 0;
    if (is_named && x.shape()[k] == 1) continue;
    if (is_named && !axes.is_all()) {
      fail("squeeze", "axis " + std::to_string(k) + " of the shape " + to_string(x.shape()) +
                          " has not the size 1");
    }
    shape.push_back(x.shape()[k]);
  }
  return reshape(x, shape, at);
}

Tensor unsqueeze(const Tensor& x, std::int64_t axis, Location at) {
  Shape shape = x.shape();
  shape.push_back(1);
  const std::size_t place = shape.axis(axis, "unsqueeze");
  shape = x.shape();
  shape.insert(place, 1);
  return reshape(x, shape, at);
}

Tensor flip(const Tensor& x, const Axes& axes, Location at) {
  return call(std::make_shared<const Flip>(axes.mask(x.shape(), "flip")), {x}, at);
}

std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes, std::int64_t axis,
                          Location at) {
  const std::size_t place = x.shape().axis(axis, "split");
  const std::int64_t sum = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  if (sum != x.shape()[place] || std::ranges::any_of(sizes, [](auto size) { return size < 0; })) {
    std::string text;
    for (const std::int64_t size : sizes)
      text += (text.empty() ? "" : " + ") + std::to_string(size);
    fail("split", "sizes " + text + " do not fill axis " + std::to_string(place) +
                      " of the shape " + to_string(x.shape()));
  }
  std::vector<Tensor> parts;
  std::int64_t first = 0;
  for (const std::int64_t size : sizes) {
    parts.push_back(slice(x, static_cast<std::int64_t>(place), {first, first + size, 1}, at));
    first += size;
  }
  return parts;
}
std::vector<Tensor> split(const Tensor& x, std::initializer_list<std::int64_t> sizes,
                          std::int64_t axis, Location at) {
  return split(x, std::span(sizes.begin(), sizes.size()), axis, at);
}
std::vector<Tensor> split(const Tensor& x, std::int64_t parts, std::int64_t axis, Location at) {
  const std::int64_t size = x.shape()[x.shape().axis(axis, "split")];
  if (parts < 1 || size % parts != 0) {
    fail("split", std::to_string(parts) + " equal parts of axis " + std::to_string(axis) +
                      " of the shape " + to_string(x.shape()) + ": its size is no multiple");
  }
  const std::vector<std::int64_t> sizes(static_cast<std::size_t>(parts), size / parts);
  return split(x, sizes, axis, at);
}

Tensor diagonal(const Tensor& x, std::int64_t offset, std::int64_t axis, std::int64_t other,
                Location at) {
  const auto [a, b] = two_axes(x, axis, other, "diagonal");
  return call(std::make_shared<const Diagonal>(offset, a, b), {x}, at);
}

Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis, Location at) {
  require_some(parts, "concatenate");
  if (parts[0].rank() == 0) {
    fail("concatenate", "tensors of shape () have no axis along which to join them: stack() them");
  }
  const std::size_t place = parts[0].shape().axis(axis, "concatenate");
  return call(std::make_shared<const Concatenate>(place, parts), parts, at);
}
Tensor concatenate(std::initializer_list<Tensor> parts, std::int64_t axis, Location at) {
  return concatenate(std::span(parts.begin(), parts.size()), axis, at);
}

Tensor stack(std::span<const Tensor> parts, std::int64_t axis, Location at) {
  require_some(parts, "stack");
  Shape shape = parts[0].shape();
  shape.push_back(1);
  return call(std::make_shared<const StackTensors>(shape.axis(axis, "stack")), parts, at);
}
Tensor stack(std::initializer_list<Tensor> parts, std::int64_t axis, Location at) {
  return stack(std::span(parts.begin(), parts.size()), axis, at);
}

Tensor pad(const Tensor& x, std::span<const Padding> axes, double value, Location at) {
  return call(std::make_shared<const Pad>(axes, value), {x}, at);
}
Tensor pad(const Tensor& x, std::initializer_list<Padding> axes, double value, Location at) {
  return pad(x, std::span(axes.begin(), axes.size()), value, at);
}

// (before, size, after) as (before, size, count, after), in which a stretched axis costs nothing
// until it is written out.
Tensor repeat(const Tensor& x, std::int64_t count, std::int64_t axis, Location at) {
  const std::size_t place = x.shape().axis(axis, "repeat");
  if (count < 0) fail("repeat", "each element " + std::to_string(count) + " times");
  const Shape result = resized(x.shape(), place, x.shape()[place] * count);
  const auto [before, size, after] = sides_of(x.shape(), place);
  const Tensor cut = reshape(x, Shape{before, size, 1, after}, at);
  return reshape(broadcast_to(cut, {before, size, count, after}, at), result, at);
}
Tensor repeat(const Tensor& x, std::span<const std::int64_t> counts, std::int64_t axis,
              Location at) {
  const std::size_t place = x.shape().axis(axis, "repeat");
  if (static_cast<std::int64_t>(counts.size()) != x.shape()[place]) {
    fail("repeat", std::to_string(counts.size()) + " counts for axis " + std::to_string(place) +
                       " of the shape " + to_string(x.shape()));
  }
  std::vector<double> indices;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] < 0) fail("repeat", "an element " + std::to_string(counts[k]) + " times");
    indices.insert(indices.end(), static_cast<std::size_t>(counts[k]), static_cast<double>(k));
  }
  return take(x, tensor(indices), static_cast<std::int64_t>(place), at);
}
Tensor repeat(const Tensor& x, std::initializer_list<std::int64_t> counts, std::int64_t axis,
              Location at) {
  return repeat(x, std::span(counts.begin(), counts.size()), axis, at);
}

Tensor tile(const Tensor& x, std::span<const std::int64_t> times, Location at) {
  Shape shape = x.shape();
  while (shape.rank() < times.size()) shape.insert(0, 1);
  const std::size_t skip = shape.rank() - times.size();
  Tensor result = reshape(x, shape, at);
  for (std::size_t k = 0; k < times.size(); ++k) {
    if (times[k] < 0) fail("tile", std::to_string(times[k]) + " times along an axis");
    if (times[k] == 1) continue;
    const Shape longer = resized(shape, k + skip, shape[k + skip] * times[k]);
    const auto [before, size, after] = sides_of(shape, k + skip);
    const Tensor cut = reshape(result, Shape{before, 1, size * after}, at);
    result = reshape(broadcast_to(cut, {before, times[k], size * after}, at), longer, at);
    shape = longer;
  }
  return result;
}
Tensor tile(const Tensor& x, std::initializer_list<std::int64_t> times, Location at) {
  return tile(x, std::span(times.begin(), times.size()), at);
}

Tensor roll(const Tensor& x, std::int64_t shift, std::int64_t axis, Location at) {
  return call(std::make_shared<const Roll>(shift, x.shape().axis(axis, "roll")), {x}, at);
}

Tensor trace(const Tensor& x, std::int64_t offset, std::int64_t axis, std::int64_t other,
             Location at) {
  two_axes(x, axis, other, "trace");
  return sum(diagonal(x, offset, axis, other, at), -1, Dims::drop, at);
}

Tensor diagonal_matrix(const Tensor& x, std::int64_t offset, Location at) {
  if (x.rank() == 0) fail("diagonal_matrix", "a single number has no axis to stand on a diagonal");
  const std::int64_t size = x.shape().back() + std::abs(offset);
  Shape shape = x.shape();
  shape[x.rank() - 1] = size;
  shape.push_back(size);
  const auto part = std::make_shared<const Diagonal>(offset, x.rank() - 1, x.rank());
  return spread_into(x, part, shape, Around::zero, at);
}

Tensor tril(const Tensor& x, std::int64_t offset, Location at) {
  return call(std::make_shared<const Triangular>(Triangle::lower, offset, Around::zero), {x}, at);
}
Tensor triu(const Tensor& x, std::int64_t offset, Location at) {
  return call(std::make_shared<const Triangular>(Triangle::upper, offset, Around::zero), {x}, at);
}

}  // namespace chainrule
