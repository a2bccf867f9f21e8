#include "chainrule/tensor/loss.hpp"

#include <algorithm>
#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/rows_internal.hpp"
#include "chainrule/tensor/softmax_internal.hpp"

namespace chainrule {
namespace {

void require_equal_shapes(const Tensor& x, const Tensor& y, std::string_view where) {
  if (x.shape() == y.shape()) return;
  fail(where, "predictions of shape " + to_string(x.shape()) + ", targets of shape " +
                  to_string(y.shape()) + ": shapes must be equal");
}

Tensor reduced(const Tensor& losses, Over over, Location at) {
  switch (over) {
    case Over::mean: return mean(losses, {}, Dims::drop, at);
    case Over::sum: return sum(losses, {}, Dims::drop, at);
    case Over::none: return losses;
  }
  __builtin_unreachable();
}

// ---- classes ------------------------------------------------------------------------------------

Shape without_last(const Shape& shape) {
  Shape rows = shape;
  rows.erase(rows.rank() - 1);
  return rows;
}

// "2,0": the place of an element.
std::string place_text(std::int64_t place, const Shape& shape) {
  std::string text;
  for (std::size_t k = shape.rank(); k-- > 0; place /= shape[k])
    text = std::to_string(place % shape[k]) + (text.empty() ? "" : ",") + text;
  return text;
}

// Class r as a column. Throws Error.
template <class T>
std::int64_t class_at(const T* classes, std::int64_t r, std::int64_t count, const Shape& shape,
                      std::string_view where) {
  const double c = static_cast<double>(classes[r]);
  if (c >= 0 && c < static_cast<double>(count) && c == std::trunc(c))
    return static_cast<std::int64_t>(c);
  const std::string number = shortest(c);
  const std::string of = shape.rank() == 0 ? "" : " at [" + place_text(r, shape) + "]";
  if (c != std::trunc(c)) fail(where, "class " + number + of + " is no whole number");
  fail(where, "class " + number + of + ", but there are " + std::to_string(count) +
                  " classes, from 0 to " + std::to_string(count - 1));
}

void require_classes(const Tensor& x, const Tensor& classes, std::string_view where) {
  if (x.rank() > 0 && x.shape().back() > 0 && classes.shape() == without_last(x.shape())) return;
  fail(where, "scores of shape " + to_string(x.shape()) + ", classes of shape " +
                  to_string(classes.shape()) +
                  ": classes have the shape of the scores without the last axis");
}

// (g, classes) ↦ g in the column of its row's class, elsewhere nothing (−0.0).
class IntoColumns final : public TensorOp {
 public:
  explicit IntoColumns(std::int64_t columns) : columns_(columns) {}
  std::string_view name() const override { return "into_columns"; }
  bool leaves_gaps() const override { return true; }
  std::string parameters() const override { return std::to_string(columns_); }
  TensorType infer(std::span<const Tensor> x) const override {
    Shape shape = x[0].shape();
    shape.push_back(columns_);
    return {x[0].element(), shape};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Tensor adjoints = dense(x[0]), classes = dense(x[1]);
      const T* g = TensorAccess::data<T>(adjoints);
      const T* c = TensorAccess::data<T>(classes);
      T* to = TensorAccess::data<T>(z);
      std::fill_n(to, z.size(), static_cast<T>(kUnreached));
      for (std::int64_t r = 0; r < x[0].size(); ++r)
        to[r * columns_ + class_at(c, r, columns_, x[1].shape(), name())] = g[r];
    });
  }
  void pull(const Pull& at) const override;
  std::uint32_t reads() const override { return 2; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t batched) const override {
    return call(shared_from_this(), all_in_batches(x, batched));
  }

 private:
  std::int64_t columns_;
};

// (x, classes) ↦ the element of each row in the column of its class.
class OfColumns final : public TensorOp {
 public:
  std::string_view name() const override { return "nll"; }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), x[1].shape()};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Tensor numbers = dense(x[0]), classes = dense(x[1]);
      const T* from = TensorAccess::data<T>(numbers);
      const T* c = TensorAccess::data<T>(classes);
      T* to = TensorAccess::data<T>(z);
      const std::int64_t n = x[0].shape().back();
      for (std::int64_t r = 0; r < z.size(); ++r)
        to[r] = from[r * n + class_at(c, r, n, x[1].shape(), name())];
    });
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    at.push(0,
            call(std::make_shared<const IntoColumns>(at.type(0).shape.back()), {at.g(), at.x(1)}));
  }
  std::uint32_t reads() const override { return 2; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t batched) const override {
    return call(shared_from_this(), all_in_batches(x, batched));
  }
};

Tensor of_columns(const Tensor& x, const Tensor& classes, Location at = Location::here()) {
  static const std::shared_ptr<const TensorOp> op = std::make_shared<const OfColumns>();
  return call(op, {x, classes}, at);
}

void IntoColumns::pull(const Pull& at) const {
  if (at.wants(0)) at.push(0, of_columns(at.g(), at.x(1)));
}

// ---- cross entropy ------------------------------------------------------------------------------

// Values and plain adjoints in one pass over rows; adjoints that are recorded in tensor operations.
class CrossEntropy final : public TensorOp {
 public:
  explicit CrossEntropy(Over over) : over_(over) {}
  std::string_view name() const override { return "cross_entropy"; }
  std::string parameters() const override {
    switch (over_) {
      case Over::mean: return "";
      case Over::sum: return "sum";
      case Over::none: return "none";
    }
    __builtin_unreachable();
  }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), over_ == Over::none ? without_last(x[0].shape()) : Shape{}};
  }
  // log Σ exp x − xₜ; for probabilities p of any sum, Σ p (log Σ exp x − x).
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Batch<T> batch(x[0], x[1]);
      T* to = TensorAccess::data<T>(z);
      double sum = 0;
      for (std::int64_t r = 0; r < batch.rows; ++r) {
        const double loss = batch.loss(r, name());
        if (over_ == Over::none) to[r] = static_cast<T>(loss);
        sum += loss;
      }
      if (over_ != Over::none) to[0] = static_cast<T>(sum / divisor(batch.rows));
    });
  }
  // x̄ = z̄ (softmax(x) Σ p − p), p̄ = −z̄ log softmax(x).
  void pull(const Pull& at) const override {
    const Tensor x = at.x(0), t = at.x(1), g = at.g();
    const bool is_recorded = g.is_recorded() || x.is_recorded() || t.is_recorded();
    if (!is_recorded && at.wants(0) && !at.wants(1)) return at.push(0, plain_pull(x, t, g));
    const Shape rows = without_last(x.shape());
    Shape beside = rows;
    beside.push_back(1);
    Tensor each = broadcast_to(g, rows);
    if (over_ == Over::mean) each = each / divisor(rows.size());
    each = reshape(each, beside);
    const bool has_classes = t.rank() < x.rank();
    if (at.wants(0)) {
      const Tensor p = has_classes ? one_hot(t, x) : t;
      const Tensor shares = softmax(x);
      const Tensor slopes = has_classes ? shares - p : shares * sum(p, -1, keepdims) - p;
      at.push(0, gated_product(each, slopes));
    }
    if (at.wants(1) && !has_classes) at.push(1, gated_product(each, -log_softmax(x)));
  }
  std::uint32_t reads() const override { return kReadsOperands; }
  // A loss of each row, then those of each slice together.
  Tensor batch(std::span<const Tensor> x, std::uint32_t batched) const override {
    const std::vector<Tensor> all = all_in_batches(x, batched);
    const Tensor losses = cross_entropy(all[0], all[1], Over::none);
    const Axes slice = axes_of(((1u << losses.rank()) - 1u) & ~1u);
    switch (over_) {
      case Over::mean: return mean(losses, slice);
      case Over::sum: return sum(losses, slice);
      case Over::none: return losses;
    }
    __builtin_unreachable();
  }

 private:
  double divisor(std::int64_t rows) const {
    return over_ == Over::mean ? static_cast<double>(rows) : 1.0;
  }
  static Tensor one_hot(const Tensor& classes, const Tensor& x) {
    const Tensor hot = call(std::make_shared<const IntoColumns>(x.shape().back()),
                            {ones(classes.shape(), classes.element()), classes});
    return hot + 0.0;
  }

  template <class T>
  struct Batch {
    Batch(const Tensor& x, const Tensor& t)
        : n(x.shape().back()),
          rows(x.size() / n),
          has_classes(t.rank() < x.rank()),
          targets(dense(t)),
          powers(dense(x), rows, n) {}
    // With what is below the largest in place of x: log Σ exp x − x is the same.
    double loss(std::int64_t r, std::string_view where) const {
      const double log_sum = std::log(powers.sum(r));
      const T* below = powers.below(r);
      if (has_classes) return log_sum - static_cast<double>(below[column(r, where)]);
      const T* p = TensorAccess::data<T>(targets) + r * n;
      double loss = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const double weight = static_cast<double>(p[i]);
        // 0 log 0 is 0.
        if (weight != 0) loss += weight * (log_sum - static_cast<double>(below[i]));
      }
      return loss;
    }
    std::int64_t column(std::int64_t r, std::string_view where) const {
      return class_at(TensorAccess::data<T>(targets), r, n, targets.shape(), where);
    }

    std::int64_t n, rows;
    bool has_classes;
    Tensor targets;
    Exponentials<T> powers;
  };

  Tensor plain_pull(const Tensor& x, const Tensor& t, const Tensor& adjoint) const {
    Tensor result = make_tensor(x.element(), x.shape());
    visit_element(x.element(), [&]<class T>(T) {
      const Batch<T> batch(x, t);
      const Tensor adjoints = dense(adjoint);
      const T* g = TensorAccess::data<T>(adjoints);
      T* to = TensorAccess::data<T>(result);
      const std::int64_t n = batch.n;
      for (std::int64_t r = 0; r < batch.rows; ++r, to += n) {
        const T arrived_here = g[over_ == Over::none ? r : 0];
        if (!any_arrived(&arrived_here, 1)) {
          std::fill_n(to, n, static_cast<T>(kUnreached));
          continue;
        }
        const double scale = static_cast<double>(arrived_here) / divisor(batch.rows);
        const T* powers = batch.powers.row(r);
        if (batch.has_classes) {
          const T share = static_cast<T>(scale / batch.powers.sum(r));
          for (std::int64_t i = 0; i < n; ++i) to[i] = powers[i] * share + T{0};
          to[batch.column(r, name())] -= static_cast<T>(scale);
          continue;
        }
        const T* p = TensorAccess::data<T>(batch.targets) + r * n;
        const double share = sum_of(p, 1, n) / batch.powers.sum(r);
        for (std::int64_t i = 0; i < n; ++i) {
          to[i] = static_cast<T>(
              scale * (static_cast<double>(powers[i]) * share - static_cast<double>(p[i])) + 0.0);
        }
      }
    });
    say_gaps(result);
    return result;
  }

  Over over_;
};

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, Over over, Location at) {
  const Shape& shape = logits.shape();
  if (shape.rank() == 0 || shape.back() == 0 ||
      (targets.shape() != shape && targets.shape() != without_last(shape))) {
    fail("cross_entropy", "logits of shape " + to_string(shape) + ", targets of shape " +
                              to_string(targets.shape()) +
                              ": targets have the shape of the logits, or that without the last "
                              "axis if they are classes");
  }
  static const std::shared_ptr<const TensorOp> ops[] = {
      std::make_shared<const CrossEntropy>(Over::mean),
      std::make_shared<const CrossEntropy>(Over::sum),
      std::make_shared<const CrossEntropy>(Over::none)};
  return call(ops[static_cast<std::size_t>(over)], {logits, cast(targets, logits.element(), at)},
              at);
}

Tensor nll(const Tensor& log_probabilities, const Tensor& classes, Over over, Location at) {
  require_classes(log_probabilities, classes, "nll");
  const Tensor picked =
      of_columns(log_probabilities, cast(classes, log_probabilities.element(), at), at);
  return reduced(neg(picked, at), over, at);
}

// t softplus(−x) + (1 − t) softplus(x): no difference of large numbers.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets, Over over,
                                        Location at) {
  static const auto loss = map<2>(
      [](const Scalar& x, const Scalar& t) { return t * softplus(-x) + (1.0 - t) * softplus(x); });
  require_equal_shapes(logits, targets, "binary_cross_entropy_with_logits");
  return reduced(loss(logits, cast(targets, logits.element(), at)), over, at);
}

Tensor mse(const Tensor& x, const Tensor& y, Over over, Location at) {
  static const auto square = map<2>([](const Scalar& a, const Scalar& b) {
    const Scalar d = a - b;
    return d * d;
  });
  require_equal_shapes(x, y, "mse");
  return reduced(square(x, y), over, at);
}

Tensor huber(const Tensor& x, const Tensor& y, double delta, Over over, Location at) {
  static const auto loss = map<3>([](const Scalar& a, const Scalar& b, const Scalar& width) {
    const Scalar d = a - b, size = abs(d);
    return select(le(size, width), 0.5 * d * d, width * (size - 0.5 * width));
  });
  if (!(delta > 0)) fail("huber", "delta is " + shortest(delta) + ", but must be above 0");
  require_equal_shapes(x, y, "huber");
  return reduced(loss(x, y, full({}, delta, x.element())), over, at);
}

}  // namespace chainrule
