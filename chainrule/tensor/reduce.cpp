#include "chainrule/tensor/reduce.hpp"

#include <algorithm>

#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce_internal.hpp"

namespace chainrule {

Axes::Axes(std::span<const std::int64_t> axes) : count_(axes.size()), is_all_(false) {
  if (axes.size() > Shape::kMostAxes) fail("axes", "more than 8");
  std::ranges::copy(axes, list_.begin());
}

std::uint32_t Axes::mask(const Shape& shape, std::string_view where) const {
  if (is_all_) return (1u << shape.rank()) - 1u;
  std::uint32_t mask = 0;
  for (const std::int64_t axis : list()) {
    const std::uint32_t bit = 1u << shape.axis(axis, where);
    if ((mask & bit) != 0) {
      fail(where, "axis " + std::to_string(axis) + " of the shape " + to_string(shape) +
                      " is named twice");
    }
    mask |= bit;
  }
  return mask;
}

Shape reduced_shape(const Shape& shape, std::uint32_t mask, Dims dims) {
  Shape result;
  for (std::size_t k = 0; k < shape.rank(); ++k) {
    if ((mask >> k & 1u) == 0) {
      result.push_back(shape[k]);
    } else if (dims == Dims::keep) {
      result.push_back(1);
    }
  }
  return result;
}

std::string axes_text(std::uint32_t mask, Dims dims) {
  std::string text = "axes=";
  for (std::size_t k = 0; mask >> k != 0; ++k) {
    if ((mask >> k & 1u) != 0) text += (text.back() == '=' ? "" : ",") + std::to_string(k);
  }
  return dims == Dims::keep ? text + " keepdims" : text;
}

namespace {

// A sum of nothing but −0.0 is −0.0, so that a sum of adjoints of which none has arrived says so.
class Sum final : public TensorOp {
 public:
  Sum(std::uint32_t mask, Dims dims) : mask_(mask), dims_(dims) {}
  std::string_view name() const override { return "sum"; }
  std::string parameters() const override { return axes_text(mask_, dims_); }
  bool is_sum() const override { return true; }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), reduced_shape(x[0].shape(), mask_, dims_)};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) { compute_as<T>(x[0], z); });
  }
  // x̄ = z̄, stretched along the axes that were summed.
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const Shape shape = at.type(0).shape;
    at.push(0, broadcast_to(reshape(at.g(), reduced_shape(shape, mask_, Dims::keep)), shape));
  }
  std::uint32_t reads() const override { return 0; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(std::make_shared<const Sum>(mask_ << 1, dims_), x);
  }

 private:
  template <class T>
  void compute_as(const Tensor& x, const Tensor& z) const {
    const Reduction plan(x, mask_);
    T* to = TensorAccess::data<T>(z);
    const T* from = TensorAccess::data<T>(x);
    if (plan.kept_inside > 1) {
      // Whole rows are added up: the memory is read in its order.
      std::vector<double> sums(static_cast<std::size_t>(plan.kept_inside));
      const double none = plan.reduced_size() == 0 ? 0.0 : -0.0;
      plan.each_kept([&](std::int64_t at, std::int64_t place) {
        std::ranges::fill(sums, none);
        plan.each_reduced([&](std::int64_t offset) {
          const T* row = from + at + offset;
          for (std::int64_t i = 0; i < plan.kept_inside; ++i)
            sums[static_cast<std::size_t>(i)] += static_cast<double>(row[i]);
        });
        for (std::int64_t i = 0; i < plan.kept_inside; ++i)
          to[place + i] = static_cast<T>(sums[static_cast<std::size_t>(i)]);
      });
      return;
    }
    plan.each_kept([&](std::int64_t at, std::int64_t place) {
      double sum = plan.reduced_size() == 0 ? 0.0 : -0.0;
      plan.each_reduced_run([&](std::int64_t offset, std::int64_t step, std::int64_t n) {
        sum += sum_of(from + at + offset, step, n);
      });
      to[place] = static_cast<T>(sum);
    });
  }

  std::uint32_t mask_;
  Dims dims_;
};

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, Dims dims, Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), "sum");
  if (mask == 0) return x;
  if (mask == (1u << x.rank()) - 1u && dims == Dims::drop) {
    static const auto all = [] {
      std::array<std::shared_ptr<const TensorOp>, Shape::kMostAxes + 1> ops;
      for (std::size_t k = 0; k < ops.size(); ++k)
        ops[k] = std::make_shared<const Sum>((1u << k) - 1u, Dims::drop);
      return ops;
    }();
    return call(all[x.rank()], {x}, at);
  }
  return call(std::make_shared<const Sum>(mask, dims), {x}, at);
}

Tensor sum_to(const Tensor& x, const Shape& shape, Location at) {
  if (x.shape() == shape) return x;
  const std::size_t skip = x.rank() - shape.rank();
  std::vector<std::int64_t> axes;
  for (std::size_t k = 0; k < x.rank(); ++k) {
    if (k < skip || (shape[k - skip] == 1 && x.shape()[k] != 1))
      axes.push_back(static_cast<std::int64_t>(k));
  }
  const Tensor summed = sum(x, Axes(std::span<const std::int64_t>(axes)), Dims::drop, at);
  if (TensorAccess::body(x).may_have_gaps) TensorAccess::body(summed).may_have_gaps = true;
  return reshape(summed, shape, at);
}

}  // namespace chainrule
