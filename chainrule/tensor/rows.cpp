#include "chainrule/tensor/rows_internal.hpp"

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"

namespace chainrule {
namespace {

class RowsArrived final : public AlongAxes {
 public:
  explicit RowsArrived(std::uint32_t mask) : AlongAxes(mask) {}
  std::string_view name() const override { return "rows_arrived"; }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), reduced_shape(x[0].shape(), mask(), Dims::keep)};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(x[0].shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]);
      const T* g = TensorAccess::data<T>(numbers);
      T* to = TensorAccess::data<T>(z);
      for (std::int64_t r = 0; r < rows.count; ++r)
        to[r] = any_arrived(g + r * rows.length, rows.length) ? T{1} : T{0};
    });
  }
  void pull(const Pull&) const override {}
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const TensorOp> along(std::uint32_t other) const override {
    return std::make_shared<const RowsArrived>(other);
  }
};

}  // namespace

// Equal to 0, and signed.
Scalar is_gap(const Scalar& g) { return both(eq(g, 0.0), lt(copysign(1.0, g), 0.0)); }

std::vector<Tensor> all_in_batches(std::span<const Tensor> x, std::uint32_t batched) {
  std::int64_t count = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    if ((batched >> k & 1u) != 0) count = x[k].shape()[0];
  }
  std::vector<Tensor> all(x.begin(), x.end());
  for (std::size_t k = 0; k < x.size(); ++k) {
    if ((batched >> k & 1u) != 0) continue;
    Shape shape = x[k].shape();
    shape.insert(0, count);
    all[k] = broadcast_to(x[k], shape);
  }
  return all;
}

Axes axes_of(std::uint32_t mask) {
  std::vector<std::int64_t> axes;
  for (std::int64_t k = 0; mask >> k != 0; ++k) {
    if ((mask >> k & 1u) != 0) axes.push_back(k);
  }
  return Axes(std::span<const std::int64_t>(axes));
}

Tensor OverAxes::beside(const Tensor& t, const Shape& x) const {
  return reshape(t, reduced_shape(x, mask_, Dims::keep));
}

Tensor gated_product(const Tensor& g, const Tensor& y) {
  static const auto product = map<2>([](const Scalar& a, const Scalar& b) {
    return select(is_gap(a), Scalar(kUnreached), a * b + 0.0);
  });
  const Tensor contribution = product(g, y);
  say_gaps(contribution);
  return contribution;
}

Tensor rows_arrived(const Tensor& g, std::uint32_t mask) {
  return call(std::make_shared<const RowsArrived>(mask), {g});
}

Tensor gated(const Tensor& holds, const Tensor& contribution) {
  static const auto gate =
      map<2>([](const Scalar& a, const Scalar& b) { return select(a, b, Scalar(kUnreached)); });
  const Tensor result = gate(holds, contribution);
  say_gaps(result);
  return result;
}

void say_gaps(const Tensor& t) { TensorAccess::body(t).may_have_gaps = true; }

}  // namespace chainrule
