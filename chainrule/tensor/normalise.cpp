#include "chainrule/tensor/normalise.hpp"

#include <algorithm>
#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/rows_internal.hpp"

namespace chainrule {
namespace {

// One pass over rows for the value, one for the three adjoints, row by row while it is in cache;
// where they are recorded, in tensor operations.
class LayerNorm final : public TensorOp {
 public:
  explicit LayerNorm(double eps) : eps_(eps) {}
  std::string_view name() const override { return "layer_norm"; }
  std::string parameters() const override { return "eps=" + shortest(eps_); }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }

  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Tensor numbers = dense(x[0]), gains = dense(x[1]), offsets = dense(x[2]);
      const T* gain = TensorAccess::data<T>(gains);
      const T* bias = TensorAccess::data<T>(offsets);
      const std::int64_t n = gains.size();
      each_row(n == 0 ? 0 : z.size() / n, n, [&](std::int64_t r) {
        const T* from = TensorAccess::data<T>(numbers) + r * n;
        T* to = TensorAccess::data<T>(z) + r * n;
        const Moments m(from, n, eps_);
        for (std::int64_t i = 0; i < n; ++i)
          to[i] = static_cast<T>(m.of(from[i])) * gain[i] + bias[i];
      });
    });
  }

  // With x̂ the normalised row, r = 1/√(variance + eps) and h = z̄ gain:
  //   x̄ = r (h − mean h − x̂ mean(h x̂)),  gain̅ = Σ z̄ x̂,  bias̅ = Σ z̄,  sums over rows.
  void pull(const Pull& at) const override {
    const Tensor x = at.x(0), gain = at.x(1);
    const Tensor& g = at.g();
    if (!g.is_recorded() && !x.is_recorded() && !gain.is_recorded()) return plain_pull(at);
    std::uint32_t mask = 0;
    for (std::size_t k = x.rank() - gain.rank(); k < x.rank(); ++k) mask |= 1u << k;
    const Axes axes = axes_of(mask);
    const Tensor deviations = centred(x, mask);
    const Tensor scale = 1.0 / sqrt(mean(deviations * deviations, axes, keepdims) + eps_);
    const Tensor normal = deviations * scale;
    if (at.wants(0)) {
      const Tensor h = g * gain;
      const Tensor slopes = scale * (centred(h, mask) - normal * mean(h * normal, axes, keepdims));
      at.push(0, gated(rows_arrived(g, mask), slopes));
    }
    if (at.wants(1)) at.push(1, sum_to(gated_product(g, normal), gain.shape()));
    if (at.wants(2)) at.push(2, sum_to(g, gain.shape()));
  }
  std::uint32_t reads() const override { return 3; }
  // Of x alone: rows are rows.
  Tensor batch(std::span<const Tensor> x, std::uint32_t batched) const override {
    return batched == 1 ? call(shared_from_this(), x) : TensorAccess::nothing();
  }

 private:
  struct Moments {
    template <class T>
    Moments(const T* x, std::int64_t n, double eps)
        : mean(sum_of(x, 1, n) / static_cast<double>(n)) {
      const double squares = sum_over(n, [&](std::int64_t i) {
        const double d = static_cast<double>(x[i]) - mean;
        return d * d;
      });
      scale = 1 / std::sqrt(squares / static_cast<double>(n) + eps);
    }
    template <class T>
    double of(T x) const {
      return (static_cast<double>(x) - mean) * scale;
    }
    double mean, scale;
  };

  void plain_pull(const Pull& at) const {
    const Tensor gain = dense(at.x(1));
    const Shape shape = gain.shape();
    const Precision element = gain.element();
    const bool wants_x = at.wants(0), wants_gain = at.wants(1) || at.wants(2);
    const std::int64_t n = gain.size();
    Tensor to_x = wants_x ? make_tensor(element, at.g().shape()) : Tensor();
    std::vector<double> to_gain(static_cast<std::size_t>(n), kUnreached), to_bias = to_gain;
    visit_element(element, [&]<class T>(T) {
      const Tensor numbers = dense(at.x(0)), adjoints = dense(at.g());
      const T* x = TensorAccess::data<T>(numbers);
      const T* g = TensorAccess::data<T>(adjoints);
      const T* scales = TensorAccess::data<T>(gain);
      T* to = wants_x ? TensorAccess::data<T>(to_x) : nullptr;
      double* gain_sums = to_gain.data();
      double* bias_sums = to_bias.data();
      const std::int64_t rows = n == 0 ? 0 : numbers.size() / n;
      for (std::int64_t r = 0; r < rows; ++r, x += n, g += n) {
        T* row = wants_x ? to + r * n : nullptr;
        if (!any_arrived(g, n)) {
          if (wants_x) std::fill_n(row, n, static_cast<T>(kUnreached));
          continue;
        }
        const Moments m(x, n, eps_);
        if (wants_gain) {
          for (std::int64_t i = 0; i < n; ++i) {
            const double z = static_cast<double>(g[i]);
            gain_sums[i] += z * m.of(x[i]);
            bias_sums[i] += z;
          }
        }
        if (!wants_x) continue;
        const auto h = [&](std::int64_t i) {
          return static_cast<double>(g[i]) * static_cast<double>(scales[i]);
        };
        const double mean = sum_over(n, h) / static_cast<double>(n);
        const double along =
            sum_over(n, [&](std::int64_t i) { return h(i) * m.of(x[i]); }) / static_cast<double>(n);
        for (std::int64_t i = 0; i < n; ++i)
          row[i] = static_cast<T>(m.scale * (h(i) - mean - m.of(x[i]) * along) + 0.0);
      }
    });
    const auto as_tensor = [&](const std::vector<double>& sums) {
      const Tensor result = converted(tensor(sums, shape), element);
      say_gaps(result);
      return result;
    };
    if (wants_x) {
      say_gaps(to_x);
      at.push(0, std::move(to_x));
    }
    if (at.wants(1)) at.push(1, as_tensor(to_gain));
    if (at.wants(2)) at.push(2, as_tensor(to_bias));
  }

  double eps_;
};

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps,
                  Location at) {
  const Shape& shape = x.shape();
  const std::size_t rank = gain.rank();
  bool fits = rank > 0 && rank <= x.rank() && bias.shape() == gain.shape();
  for (std::size_t k = 0; fits && k < rank; ++k)
    fits = shape[x.rank() - rank + k] == gain.shape()[k];
  if (!fits) {
    fail("layer_norm", to_string(shape) + " with a gain of shape " + to_string(gain.shape()) +
                           " and a bias of shape " + to_string(bias.shape()) +
                           ": both must have the shape of the last axes");
  }
  return call(std::make_shared<const LayerNorm>(eps), {x, gain, bias}, at);
}

Tensor dropout(const Tensor& x, double rate, const Tensor& keep, Location at) {
  static const auto kept = map<3>([](const Scalar& a, const Scalar& mask, const Scalar& scale) {
    return select(mask, a * scale, Scalar(0.0));
  });
  if (!(rate >= 0 && rate <= 1))
    fail("dropout", "a rate of " + shortest(rate) + ", but it is a probability");
  const double scale = rate < 1 ? 1 / (1 - rate) : 0.0;
  return kept(x, cast(keep, x.element(), at), full({}, scale, x.element()));
}

}  // namespace chainrule
