// The largest and the smallest along axes, and where they stand.
//
// As the table's max and min: a NaN is handed on, what is equal to the extreme shares its adjoint
// evenly, and nothing arrives at the others.
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/rows_internal.hpp"

namespace chainrule {
namespace {

enum class Extreme : std::uint8_t { least, largest };

// Whether x stands before m. A NaN stands before every number, and the first one stays.
template <Extreme extreme, class T>
bool is_before(T x, T m) {
  if constexpr (extreme == Extreme::largest) return x > m || (x != x && m == m);
  return x < m || (x != x && m == m);
}

template <class T>
bool is_same(T x, T m) {
  return x == m || (x != x && m != m);
}

// Eight at a time, which do not wait for one another.
template <Extreme extreme, class T>
T extreme_of(const T* x, std::int64_t n) {
  T best[8];
  for (T& m : best) m = x[0];
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::int64_t k = 0; k < 8; ++k) {
      if (is_before<extreme>(x[i + k], best[k])) best[k] = x[i + k];
    }
  }
  for (; i < n; ++i) {
    if (is_before<extreme>(x[i], best[0])) best[0] = x[i];
  }
  for (const T m : best) {
    if (is_before<extreme>(m, best[0])) best[0] = m;
  }
  return best[0];
}

// Calls f with the extreme as a constant.
template <class F>
void with_extreme(Extreme extreme, F&& f) {
  switch (extreme) {
    case Extreme::least: return f.template operator()<Extreme::least>();
    case Extreme::largest: return f.template operator()<Extreme::largest>();
  }
}

TensorType checked(TensorType result, const Tensor& x, std::uint32_t mask, std::string_view name,
                   Extreme extreme) {
  if (x.size() == 0 && result.shape.size() != 0) {
    fail(name, to_string(x.shape()) + " has no " +
                   (extreme == Extreme::largest ? "largest" : "smallest") + " element along " +
                   axes_text(mask, Dims::drop));
  }
  return result;
}

// (x, the extremes) ↦ the share of each element in the adjoint of its extreme: 1/n for each of the
// n that are equal to it, −0.0, none, for the others. Piecewise constant.
class Shares final : public AlongAxes {
 public:
  explicit Shares(std::uint32_t mask) : AlongAxes(mask) {}
  std::string_view name() const override { return "shares"; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(z.shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]), extremes = dense(x[1]), target = rows.target(z);
      const T* from = TensorAccess::data<T>(numbers);
      const T* extreme = TensorAccess::data<T>(extremes);
      T* to = TensorAccess::data<T>(target);
      for (std::int64_t r = 0; r < rows.count; ++r, from += rows.length, to += rows.length) {
        std::int64_t equals = 0;
        for (std::int64_t i = 0; i < rows.length; ++i) equals += is_same(from[i], extreme[r]);
        const T share = static_cast<T>(1.0 / static_cast<double>(equals));
        for (std::int64_t i = 0; i < rows.length; ++i)
          to[i] = is_same(from[i], extreme[r]) ? share : static_cast<T>(kUnreached);
      }
      rows.go(target, z);
    });
  }
  void pull(const Pull&) const override {}
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const TensorOp> along(std::uint32_t other) const override {
    return std::make_shared<const Shares>(other);
  }
};

class ExtremeOf final : public OverAxes {
 public:
  ExtremeOf(Extreme extreme, std::uint32_t mask, Dims dims)
      : OverAxes(mask, dims), extreme_(extreme) {}
  std::string_view name() const override { return extreme_ == Extreme::largest ? "amax" : "amin"; }
  TensorType infer(std::span<const Tensor> x) const override {
    return checked(OverAxes::infer(x), x[0], mask(), name(), extreme_);
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    if (z.size() == 0) return;
    visit_element(z.element(), [&]<class T>(T) {
      const Rows rows(x[0].shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]);
      const T* from = TensorAccess::data<T>(numbers);
      T* to = TensorAccess::data<T>(z);
      with_extreme(extreme_, [&]<Extreme extreme>() {
        for (std::int64_t r = 0; r < rows.count; ++r)
          to[r] = extreme_of<extreme>(from + r * rows.length, rows.length);
      });
    });
  }
  // x̄ = z̄ share, nothing where the share is none.
  void pull(const Pull& at) const override {
    static const auto shared = map<2>([](const Scalar& g, const Scalar& share) {
      return select(either(is_gap(g), eq(share, 0.0)), Scalar(kUnreached), g * share + 0.0);
    });
    if (!at.wants(0)) return;
    const Tensor shares = call(std::make_shared<const Shares>(mask()), {at.x(0), at.z()});
    const Tensor contribution = shared(beside(at.g(), at.type(0).shape), shares);
    say_gaps(contribution);
    at.push(0, contribution);
  }

 private:
  std::shared_ptr<const TensorOp> over(std::uint32_t other, Dims dims) const override {
    return std::make_shared<const ExtremeOf>(extreme_, other, dims);
  }
  Extreme extreme_;
};

class PlaceOf final : public OverAxes {
 public:
  PlaceOf(Extreme extreme, std::uint32_t mask, Dims dims)
      : OverAxes(mask, dims), extreme_(extreme) {}
  std::string_view name() const override {
    return extreme_ == Extreme::largest ? "argmax" : "argmin";
  }
  TensorType infer(std::span<const Tensor> x) const override {
    return checked({f64, OverAxes::infer(x).shape}, x[0], mask(), name(), extreme_);
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    if (z.size() == 0) return;
    visit_element(x[0].element(), [&]<class T>(T) {
      const Rows rows(x[0].shape(), mask());
      const Tensor numbers = rows.in_rows(x[0]);
      const T* from = TensorAccess::data<T>(numbers);
      double* to = TensorAccess::data<double>(z);
      with_extreme(extreme_, [&]<Extreme extreme>() {
        for (std::int64_t r = 0; r < rows.count; ++r, from += rows.length) {
          std::int64_t best = 0;
          for (std::int64_t i = 1; i < rows.length; ++i) {
            if (is_before<extreme>(from[i], from[best])) best = i;
          }
          to[r] = static_cast<double>(best);
        }
      });
    });
  }
  void pull(const Pull&) const override {}
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const TensorOp> over(std::uint32_t other, Dims dims) const override {
    return std::make_shared<const PlaceOf>(extreme_, other, dims);
  }
  Extreme extreme_;
};

Tensor extreme(Extreme which, const Tensor& x, const Axes& axes, Dims dims, std::string_view where,
               Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), where);
  if (mask == 0) return x;
  return call(std::make_shared<const ExtremeOf>(which, mask, dims), {x}, at);
}

Tensor place(Extreme which, const Tensor& x, const Axes& axes, Dims dims, std::string_view where,
             Location at) {
  const std::uint32_t mask = axes.mask(x.shape(), where);
  return call(std::make_shared<const PlaceOf>(which, mask, dims), {x}, at);
}

}  // namespace

Tensor amax(const Tensor& x, const Axes& axes, Dims dims, Location at) {
  return extreme(Extreme::largest, x, axes, dims, "amax", at);
}
Tensor amin(const Tensor& x, const Axes& axes, Dims dims, Location at) {
  return extreme(Extreme::least, x, axes, dims, "amin", at);
}
Tensor argmax(const Tensor& x, const Axes& axes, Dims dims, Location at) {
  return place(Extreme::largest, x, axes, dims, "argmax", at);
}
Tensor argmin(const Tensor& x, const Axes& axes, Dims dims, Location at) {
  return place(Extreme::least, x, axes, dims, "argmin", at);
}

}  // namespace chainrule
