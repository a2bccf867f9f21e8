// prod, cumsum and cumprod.
//
// ∂Πx/∂xᵢ is the product of the others, which is not Πx/xᵢ where xᵢ is 0. It is the product of all
// before i times that of all after it: two linear recurrences, and a recurrence differentiates into
// recurrences. So zeros are right at every order, in linear time.
#include <algorithm>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/rows_internal.hpp"

namespace chainrule {
namespace {

enum class Direction : std::uint8_t { up, down };
Direction reversed(Direction d) { return d == Direction::up ? Direction::down : Direction::up; }
std::string_view text_of(Direction d) { return d == Direction::up ? "" : " down"; }

// ---- sums ---------------------------------------------------------------------------------------

class RunningSum final : public AlongAxes {
 public:
  RunningSum(std::uint32_t mask, Direction direction) : AlongAxes(mask), direction_(direction) {}
  std::string_view name() const override { return "cumsum"; }
  std::string parameters() const override {
    return AlongAxes::parameters() + std::string(text_of(direction_));
  }
  // From −0.0 on, so that a sum of adjoints of which none has arrived says so.
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(z.shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]), target = rows.target(z);
      const T* from = TensorAccess::data<T>(numbers);
      T* to = TensorAccess::data<T>(target);
      const std::int64_t n = rows.length;
      for (std::int64_t r = 0; r < rows.count; ++r, from += n, to += n) {
        double sum = -0.0;
        for (std::int64_t k = 0; k < n; ++k) {
          const std::int64_t i = direction_ == Direction::up ? k : n - 1 - k;
          sum += static_cast<double>(from[i]);
          to[i] = static_cast<T>(sum);
        }
      }
      rows.go(target, z);
    });
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const Tensor contribution =
        call(std::make_shared<const RunningSum>(mask(), reversed(direction_)), {at.g()});
    if (TensorAccess::body(at.g()).may_have_gaps) say_gaps(contribution);
    at.push(0, contribution);
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const TensorOp> along(std::uint32_t other) const override {
    return std::make_shared<const RunningSum>(other, direction_);
  }
  Direction direction_;
};

// ---- recurrences --------------------------------------------------------------------------------

// Whose coefficient leads from element j to its successor i: aᵢ or aⱼ.
enum class Factor : std::uint8_t { of_successor, of_predecessor };

Tensor recurrence(const Tensor& a, const Tensor& b, Direction direction, Factor factor);

// The elements of each row one place on, nothing (−0.0) in the place that is left.
class Shift final : public TensorOp {
 public:
  explicit Shift(Direction direction) : direction_(direction) {}
  std::string_view name() const override { return "shift"; }
  bool leaves_gaps() const override { return true; }
  std::string parameters() const override { return direction_ == Direction::up ? "up" : "down"; }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Tensor numbers = dense(x[0]);
      const T* from = TensorAccess::data<T>(numbers);
      T* to = TensorAccess::data<T>(z);
      const std::int64_t n = z.shape()[1];
      for (std::int64_t r = 0; r < z.shape()[0]; ++r, from += n, to += n) {
        if (direction_ == Direction::up) {
          std::copy_n(from, n - 1, to + 1);
          to[0] = static_cast<T>(kUnreached);
        } else {
          std::copy_n(from + 1, n - 1, to);
          to[n - 1] = static_cast<T>(kUnreached);
        }
      }
    });
  }
  void pull(const Pull& at) const override {
    if (at.wants(0))
      at.push(0, call(std::make_shared<const Shift>(reversed(direction_)), {at.g()}));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  Direction direction_;
};

Tensor shifted(const Tensor& x, Direction direction) {
  return call(std::make_shared<const Shift>(direction), {x});
}

// zᵢ = a zⱼ + bᵢ, j before i; along rows of (count, length). a times nothing, −0.0, is nothing:
// adjoints run through it too.
class Recurrence final : public TensorOp {
 public:
  Recurrence(Direction direction, Factor factor) : direction_(direction), factor_(factor) {}
  std::string_view name() const override { return "recurrence"; }
  std::string parameters() const override {
    return std::string(factor_ == Factor::of_successor ? "successor's" : "predecessor's") +
           std::string(text_of(direction_));
  }
  TensorType infer(std::span<const Tensor> x) const override { return x[1].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Tensor factors = dense(x[0]), terms = dense(x[1]);
      const T* a = TensorAccess::data<T>(factors);
      const T* b = TensorAccess::data<T>(terms);
      T* to = TensorAccess::data<T>(z);
      const std::int64_t n = z.shape()[1];
      const std::int64_t step = direction_ == Direction::up ? 1 : -1;
      const std::int64_t lag = factor_ == Factor::of_successor ? 0 : step;
      for (std::int64_t r = 0; r < z.shape()[0]; ++r, a += n, b += n, to += n) {
        double last = kUnreached;
        for (std::int64_t k = 0, i = step > 0 ? 0 : n - 1; k < n; ++k, i += step) {
          const double term = static_cast<double>(b[i]);
          last = is_unreached(last) ? term : static_cast<double>(a[i - lag]) * last + term;
          to[i] = static_cast<T>(last);
        }
      }
    });
  }
  // λ, the adjoints with all that follows from each element, run the other way: b̄ = λ, and ā is λ
  // of the successor times z of the predecessor.
  void pull(const Pull& at) const override {
    const Factor other =
        factor_ == Factor::of_successor ? Factor::of_predecessor : Factor::of_successor;
    const Tensor lambda = recurrence(at.x(0), at.g(), reversed(direction_), other);
    if (at.wants(1)) at.push(1, lambda);
    if (!at.wants(0)) return;
    const Tensor found = gated_product(shifted(lambda, reversed(direction_)), at.z());
    at.push(0, factor_ == Factor::of_successor ? shifted(found, direction_) : found);
  }
  std::uint32_t reads() const override { return 1u | kReadsResult; }

 private:
  Direction direction_;
  Factor factor_;
};

Tensor recurrence(const Tensor& a, const Tensor& b, Direction direction, Factor factor) {
  return call(std::make_shared<const Recurrence>(direction, factor), {a, b});
}

// The product of all elements of a row that stand before each one; rows of (count, length).
Tensor product_before(const Tensor& rows, Direction direction) {
  const std::int64_t n = rows.size(-1), first = direction == Direction::up ? 0 : n - 1;
  const Tensor start =
      slice_into(ones({rows.size(0), 1}, rows.element()), rows.shape(), 1, {first, first + 1, 1});
  return recurrence(rows, start, direction, Factor::of_predecessor);
}

// x as a tensor of shape (count, length), recorded, and back.
Tensor to_matrix(const Tensor& x, const Rows& rows) {
  return reshape(permute(x, rows.order()), Shape{rows.count, rows.length});
}
Tensor from_matrix(const Tensor& matrix, const Rows& rows) {
  return permute(reshape(matrix, rows.turned_shape()), rows.inverse());
}

class Product final : public OverAxes {
 public:
  using OverAxes::OverAxes;
  std::string_view name() const override { return "prod"; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(x[0].shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]);
      const T* from = TensorAccess::data<T>(numbers);
      T* to = TensorAccess::data<T>(z);
      for (std::int64_t r = 0; r < rows.count; ++r, from += rows.length) {
        double product = 1;
        for (std::int64_t i = 0; i < rows.length; ++i) product *= static_cast<double>(from[i]);
        to[r] = static_cast<T>(product);
      }
    });
  }
  // x̄ᵢ = z̄ Πⱼ﹤ᵢ xⱼ Πⱼ﹥ᵢ xⱼ.
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const Shape shape = at.type(0).shape;
    if (shape.size() == 0) return;
    const Rows rows(shape, mask());
    const Tensor x = to_matrix(at.x(0), rows);
    const Tensor others = product_before(x, Direction::up) * product_before(x, Direction::down);
    at.push(0, gated_product(beside(at.g(), shape), from_matrix(others, rows)));
  }
  std::uint32_t reads() const override { return 1; }

 private:
  std::shared_ptr<const TensorOp> over(std::uint32_t other, Dims dims) const override {
    return std::make_shared<const Product>(other, dims);
  }
};

}  // namespace

Tensor prod(const Tensor& x, const Axes& axes, Dims dims, Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), "prod");
  if (mask == 0) return x;
  return call(std::make_shared<const Product>(mask, dims), {x}, at);
}

Tensor cumsum(const Tensor& x, std::int64_t axis, Location at) {
  const std::uint32_t mask = 1u << x.shape().axis(axis, "cumsum");
  return call(std::make_shared<const RunningSum>(mask, Direction::up), {x}, at);
}

Tensor cumprod(const Tensor& x, std::int64_t axis, Location at) {
  const Rows rows(x.shape(), 1u << x.shape().axis(axis, "cumprod"));
  if (x.size() == 0) return x;
  const Tensor matrix = to_matrix(x, rows);
  return from_matrix(mul(matrix, product_before(matrix, Direction::up), at), rows);
}

}  // namespace chainrule
