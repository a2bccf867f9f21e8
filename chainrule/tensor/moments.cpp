// mean, var, stddev and norms.
//
// Sums are taken in double whatever the elements are; a variance in two passes, mean and then
// deviations, so that it loses no digits where the mean is large beside it; a norm of numbers whose
// squares would overflow or vanish with the largest of them taken out.
#include <algorithm>
#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/rows_internal.hpp"

namespace chainrule {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class T>
double mean_of(const T* x, std::int64_t n) {
  return sum_of(x, 1, n) / static_cast<double>(n);
}

// x minus its mean: a linear operation, and its own transpose. A row of adjoints of which none has
// arrived stays so.
class Centred final : public AlongAxes {
 public:
  explicit Centred(std::uint32_t mask) : AlongAxes(mask) {}
  std::string_view name() const override { return "centred"; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(z.shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]), target = rows.target(z);
      const T* from = TensorAccess::data<T>(numbers);
      T* to = TensorAccess::data<T>(target);
      for (std::int64_t r = 0; r < rows.count; ++r, from += rows.length, to += rows.length) {
        if (!any_arrived(from, rows.length)) {
          std::fill_n(to, rows.length, static_cast<T>(kUnreached));
          continue;
        }
        const double mean = mean_of(from, rows.length);
        for (std::int64_t i = 0; i < rows.length; ++i)
          to[i] = static_cast<T>(static_cast<double>(from[i]) - mean);
      }
      rows.go(target, z);
    });
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, centred(at.g(), mask()));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const TensorOp> along(std::uint32_t other) const override {
    return std::make_shared<const Centred>(other);
  }
};

class Variance final : public OverAxes {
 public:
  Variance(std::uint32_t mask, Dims dims, double ddof) : OverAxes(mask, dims), ddof_(ddof) {}
  std::string_view name() const override { return "var"; }
  std::string parameters() const override {
    return OverAxes::parameters() + " ddof=" + shortest(ddof_);
  }
  // Σ (x − x̄)²/(n − ddof); NaN where n − ddof is not above 0.
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(x[0].shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]);
      const T* from = TensorAccess::data<T>(numbers);
      T* to = TensorAccess::data<T>(z);
      for (std::int64_t r = 0; r < rows.count; ++r, from += rows.length) {
        const double mean = mean_of(from, rows.length);
        const double squares = sum_over(rows.length, [&](std::int64_t i) {
          const double d = static_cast<double>(from[i]) - mean;
          return d * d;
        });
        to[r] = static_cast<T>(squares / divisor(rows.length));
      }
    });
  }
  // x̄ = z̄ 2 (x − x̄)/(n − ddof).
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const Shape shape = at.type(0).shape;
    const double scale = 2.0 / divisor(Rows(shape, mask()).length);
    at.push(0, gated_product(beside(at.g(), shape), scale * centred(at.x(0), mask())));
  }
  std::uint32_t reads() const override { return 1; }

 private:
  std::shared_ptr<const TensorOp> over(std::uint32_t other, Dims dims) const override {
    return std::make_shared<const Variance>(other, dims, ddof_);
  }
  double divisor(std::int64_t n) const {
    const double left = static_cast<double>(n) - ddof_;
    return left > 0 ? left : kNaN;
  }

  double ddof_;
};

// The largest size; NaN if any is.
template <class T>
double size_of(const T* x, std::int64_t n) {
  double most = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double size = std::fabs(static_cast<double>(x[i]));
    if (size > most || size != size) most = size;
    if (size != size) break;
  }
  return most;
}

// The root of the sum of squares. A first sum is good unless it is beyond the range in which every
// square that matters is a normal number.
template <class T>
double length_of(const T* x, std::int64_t n) {
  double squares = sum_over(
      n, [x](std::int64_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); });
  if (squares > 1e-280 && squares < 1e300) return std::sqrt(squares);
  const double size = size_of(x, n);
  if (!(size > 0) || std::isinf(size)) return size;
  squares = sum_over(n, [=](std::int64_t i) {
    const double part = static_cast<double>(x[i]) / size;
    return part * part;
  });
  return size * std::sqrt(squares);
}

// (Σ |x|^p)^(1/p).
template <class T>
double length_of(const T* x, std::int64_t n, double p) {
  const double size = size_of(x, n);
  if (!(size > 0) || std::isinf(size)) return size;
  double powers = 0;
  for (std::int64_t i = 0; i < n; ++i)
    powers += std::pow(std::fabs(static_cast<double>(x[i])) / size, p);
  return size * std::pow(powers, 1 / p);
}

class Norm final : public OverAxes {
 public:
  Norm(std::uint32_t mask, Dims dims, double p) : OverAxes(mask, dims), p_(p) {}
  std::string_view name() const override { return "norm"; }
  std::string parameters() const override { return OverAxes::parameters() + " p=" + shortest(p_); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(x[0].shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]);
      const T* from = TensorAccess::data<T>(numbers);
      T* to = TensorAccess::data<T>(z);
      for (std::int64_t r = 0; r < rows.count; ++r, from += rows.length)
        to[r] = static_cast<T>(p_ == 2 ? length_of(from, rows.length)
                                       : length_of(from, rows.length, p_));
    });
  }
  // x̄ = z̄ sign(x) (|x|/z)^(p − 1), by convention 0 where the norm is.
  void pull(const Pull& at) const override {
    static const auto part = map<2>(
        [](const Scalar& x, const Scalar& z) { return select(eq(z, 0.0), Scalar(0.0), x / z); });
    if (!at.wants(0)) return;
    const Shape shape = at.type(0).shape;
    const Tensor parts = part(at.x(0), beside(at.z(), shape));
    const Tensor slopes = p_ == 2 ? parts : sign(parts) * pow(abs(parts), p_ - 1.0);
    at.push(0, gated_product(beside(at.g(), shape), slopes));
  }

 private:
  std::shared_ptr<const TensorOp> over(std::uint32_t other, Dims dims) const override {
    return std::make_shared<const Norm>(other, dims, p_);
  }
  double p_;
};

}  // namespace

Tensor centred(const Tensor& x, std::uint32_t mask) {
  return call(std::make_shared<const Centred>(mask), {x});
}

Tensor mean(const Tensor& x, const Axes& axes, Dims dims, Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), "mean");
  if (mask == 0) return x;
  const auto count = static_cast<double>(Rows(x.shape(), mask).length);
  return div(sum(x, axes, dims, at), full({}, count, x.element()), at);
}

Tensor var(const Tensor& x, const Axes& axes, double ddof, Dims dims, Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), "var");
  return call(std::make_shared<const Variance>(mask, dims, ddof), {x}, at);
}

Tensor stddev(const Tensor& x, const Axes& axes, double ddof, Dims dims, Location at) {
  // As the norm of the deviations: its gradient is 0 where all are equal, not NaN.
  const std::uint32_t mask = axes.mask(x.shape(), "stddev");
  const double left = static_cast<double>(Rows(x.shape(), mask).length) - ddof;
  return div(norm(centred(x, mask), axes, 2.0, dims, at), std::sqrt(left > 0 ? left : kNaN), at);
}

Tensor norm(const Tensor& x, const Axes& axes, double p, Dims dims, Location at) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::uint32_t mask = axes.mask(x.shape(), "norm");
  if (p == kInfinity) return amax(abs(x, at), axes, dims, at);
  if (p == -kInfinity) return amin(abs(x, at), axes, dims, at);
  if (p == 1) return sum(abs(x, at), axes, dims, at);
  if (!(p > 1)) {
    fail("norm", "of order " + shortest(p) + ": p is at least 1, or -inf for the smallest size");
  }
  return call(std::make_shared<const Norm>(mask, dims, p), {x}, at);
}

}  // namespace chainrule
