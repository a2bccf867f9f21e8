// logsumexp, softmax and log_softmax.
//
// With m the largest of a row and d = x − m, 0 where x = m:
//
//   logsumexp = m + log Σ exp d    softmax = exp d / Σ exp d    log_softmax = d − log Σ exp d
//
// Nothing overflows, and infinite elements have the limits that finite ones tend to when they grow
// together: the elements equal to an infinite m share alike, a row of −∞ being one of equals.
// Exponentials are one pass of the compiled kernel over all rows; sums are taken in double.
#include <algorithm>
#include <cmath>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/rows_internal.hpp"
#include "chainrule/tensor/softmax_internal.hpp"

namespace chainrule {

using detail::value_of;

namespace {

class LogSumExp final : public OverAxes {
 public:
  using OverAxes::OverAxes;
  std::string_view name() const override { return "logsumexp"; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(x[0].shape(), mask());
      T* to = TensorAccess::data<T>(z);
      const Exponentials<T> e(rows.in_rows(x[0]), rows.count, rows.length);
      each_row(rows.count, rows.length,
               [&](std::int64_t r) { to[r] = static_cast<T>(e.largest(r) + std::log(e.sum(r))); });
    });
  }
  // x̄ = z̄ softmax(x).
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    at.push(0, gated_product(beside(at.g(), at.type(0).shape), softmax_over(at.x(0), mask())));
  }
  std::uint32_t reads() const override { return 1; }

 private:
  std::shared_ptr<const TensorOp> over(std::uint32_t other, Dims dims) const override {
    return std::make_shared<const LogSumExp>(other, dims);
  }
};

// The pullback of softmax, (z̄, z) ↦ z (z̄ − Σ z̄ z), a row of which nothing has arrived apart.
class SoftmaxPull final : public AlongAxes {
 public:
  explicit SoftmaxPull(std::uint32_t mask) : AlongAxes(mask) {}
  std::string_view name() const override { return "softmax_pull"; }
  bool leaves_gaps() const override { return true; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(z.shape(), mask());
      const Tensor adjoints = rows.in_rows(x[0]), parts = rows.in_rows(x[1]);
      const Tensor target = rows.target(z);
      const std::int64_t n = rows.length;
      each_row(rows.count, n, [&](std::int64_t r) {
        const T* g = TensorAccess::data<T>(adjoints) + r * n;
        const T* p = TensorAccess::data<T>(parts) + r * n;
        T* to = TensorAccess::data<T>(target) + r * n;
        if (!any_arrived(g, n)) {
          std::fill_n(to, n, static_cast<T>(kUnreached));
          return;
        }
        const T mean = static_cast<T>(sum_over(n, [&](std::int64_t i) {
          return static_cast<double>(g[i]) * static_cast<double>(p[i]);
        }));
        for (std::int64_t i = 0; i < n; ++i) to[i] = p[i] * (g[i] - mean) + T{0};
      });
      rows.go(target, z);
    });
  }
  // With h its adjoint and s = Σ z̄ z: to z̄ goes z (h − Σ h z), the same once more; to z
  // h (z̄ − s) − z̄ Σ h z.
  void pull(const Pull& at) const override {
    const Tensor g = at.x(0), p = at.x(1);
    const Tensor& h = at.g();
    if (at.wants(0)) at.push(0, softmax_pull(h, p, mask()));
    if (!at.wants(1)) return;
    const Axes axes = axes_of(mask());
    at.push(1, gated(rows_arrived(g, mask()),
                     h * (g - sum(g * p, axes, keepdims)) - g * sum(h * p, axes, keepdims)));
  }
  std::uint32_t reads() const override { return kReadsOperands; }

 private:
  std::shared_ptr<const TensorOp> along(std::uint32_t other) const override {
    return std::make_shared<const SoftmaxPull>(other);
  }
};

class Softmax final : public AlongAxes {
 public:
  explicit Softmax(std::uint32_t mask) : AlongAxes(mask) {}
  std::string_view name() const override { return "softmax"; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(z.shape(), mask());
      const Exponentials<T> e(rows.in_rows(x[0]), rows.count, rows.length);
      const Tensor target = rows.target(z);
      each_row(rows.count, rows.length, [&](std::int64_t r) {
        T* to = TensorAccess::data<T>(target) + r * rows.length;
        const T* powers = e.row(r);
        const T scale = static_cast<T>(1 / e.sum(r));
        for (std::int64_t i = 0; i < rows.length; ++i) to[i] = powers[i] * scale;
      });
      rows.go(target, z);
    });
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, softmax_pull(at.g(), at.z(), mask()));
  }
  std::uint32_t reads() const override { return kReadsResult; }

 private:
  std::shared_ptr<const TensorOp> along(std::uint32_t other) const override {
    return std::make_shared<const Softmax>(other);
  }
};

// The pullback of log_softmax, (z̄, z) ↦ z̄ − exp(z) Σ z̄, a row of which nothing has arrived apart.
class LogSoftmaxPull final : public AlongAxes {
 public:
  explicit LogSoftmaxPull(std::uint32_t mask) : AlongAxes(mask) {}
  std::string_view name() const override { return "log_softmax_pull"; }
  bool leaves_gaps() const override { return true; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(z.shape(), mask());
      const Tensor adjoints = rows.in_rows(x[0]);
      const Tensor parts = value_of(*tensor_op(Op::exp), {{rows.in_rows(x[1])}});
      const Tensor target = rows.target(z);
      const std::int64_t n = rows.length;
      each_row(rows.count, n, [&](std::int64_t r) {
        const T* g = TensorAccess::data<T>(adjoints) + r * n;
        const T* p = TensorAccess::data<T>(parts) + r * n;
        T* to = TensorAccess::data<T>(target) + r * n;
        if (!any_arrived(g, n)) {
          std::fill_n(to, n, static_cast<T>(kUnreached));
          return;
        }
        const T all = static_cast<T>(sum_of(g, 1, n));
        for (std::int64_t i = 0; i < n; ++i) to[i] = g[i] - p[i] * all + T{0};
      });
      rows.go(target, z);
    });
  }
  // With h its adjoint: to z̄ goes h − Σ h exp z, to z −h exp(z) Σ z̄.
  void pull(const Pull& at) const override {
    const Tensor g = at.x(0);
    const Axes axes = axes_of(mask());
    const Tensor weighted = gated_product(at.g(), exp(at.x(1)));
    if (at.wants(0)) at.push(0, at.g() - sum(weighted, axes, keepdims));
    if (!at.wants(1)) return;
    at.push(1, gated(rows_arrived(g, mask()), -(weighted * sum(g, axes, keepdims))));
  }
  std::uint32_t reads() const override { return kReadsOperands; }

 private:
  std::shared_ptr<const TensorOp> along(std::uint32_t other) const override {
    return std::make_shared<const LogSoftmaxPull>(other);
  }
};

class LogSoftmax final : public AlongAxes {
 public:
  explicit LogSoftmax(std::uint32_t mask) : AlongAxes(mask) {}
  std::string_view name() const override { return "log_softmax"; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(z.shape(), mask());
      const Exponentials<T> e(rows.in_rows(x[0]), rows.count, rows.length);
      const Tensor target = rows.target(z);
      each_row(rows.count, rows.length, [&](std::int64_t r) {
        T* to = TensorAccess::data<T>(target) + r * rows.length;
        const T* below = e.below(r);
        const double log_sum = std::log(e.sum(r));
        for (std::int64_t i = 0; i < rows.length; ++i)
          to[i] = static_cast<T>(static_cast<double>(below[i]) - log_sum);
      });
      rows.go(target, z);
    });
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    at.push(0, call(std::make_shared<const LogSoftmaxPull>(mask()), {at.g(), at.z()}));
  }
  std::uint32_t reads() const override { return kReadsResult; }

 private:
  std::shared_ptr<const TensorOp> along(std::uint32_t other) const override {
    return std::make_shared<const LogSoftmax>(other);
  }
};

}  // namespace

Tensor softmax_pull(const Tensor& g, const Tensor& z, std::uint32_t mask) {
  return call(std::make_shared<const SoftmaxPull>(mask), {g, z});
}

Tensor softmax_over(const Tensor& x, std::uint32_t mask, Location at) {
  return call(std::make_shared<const Softmax>(mask), {x}, at);
}

Tensor logsumexp(const Tensor& x, const Axes& axes, Dims dims, Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), "logsumexp");
  return call(std::make_shared<const LogSumExp>(mask, dims), {x}, at);
}
Tensor softmax(const Tensor& x, const Axes& axes, Location at) {
  return softmax_over(x, axes.mask(x.shape(), "softmax"), at);
}
Tensor log_softmax(const Tensor& x, const Axes& axes, Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), "log_softmax");
  return call(std::make_shared<const LogSoftmax>(mask), {x}, at);
}

}  // namespace chainrule
