#include "chainrule/nn/affine.hpp"

#include <algorithm>
#include <string>

#include "chainrule/nn/product_internal.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule::nn {
namespace {

class Affine final : public TensorOp {
 public:
  std::string_view name() const override { return "affine"; }

  TensorType infer(std::span<const Tensor> x) const override {
    const Shape &in = x[0].shape(), &w = x[1].shape();
    if (in.rank() == 0 || w.rank() != 2 || in.back() != w[1]) {
      fail("affine", to_string(in) + " with a weight of shape " + to_string(w) +
                         ": the weight is (out, in), and the last axis must have `in` elements");
    }
    Shape out = in;
    out[out.rank() - 1] = w[0];
    constexpr std::int64_t kMost = INT32_MAX;
    if (w[0] > kMost || w[1] > kMost || in.size() / std::max<std::int64_t>(w[1], 1) > kMost)
      fail("affine", to_string(in) + " with " + to_string(w) + ": an axis beyond 2^31");
    if (x.size() == 3 && broadcast(out, x[2].shape(), "affine") != out) {
      fail("affine", "a bias of shape " + to_string(x[2].shape()) + " for a result of shape " +
                         to_string(out));
    }
    return {x[0].element(), out};
  }

  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    one_thread_a_product();
    if (z.element() == f32) {
      compute_as<float>(x, z);
    } else {
      compute_as<double>(x, z);
    }
  }

  // Rows of x are a batch as they are.
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    const bool is_bias_a_row = x.size() < 3 || x[2].rank() <= 1;
    if (mask != 1 || !is_bias_a_row) return TensorAccess::nothing();
    return call(shared_from_this(), x);
  }

  // x̄ = z̄ w,  w̄ = z̄ᵀ x,  b̄ = z̄ summed to its shape.
  void pull(const Pull& at) const override {
    const Tensor& g = at.g();
    if (at.wants(0)) at.push(0, matmul(g, at.x(1)));
    if (at.wants(1)) {
      const Tensor x = at.x(0);
      const std::int64_t in = x.shape().back(), out = g.shape().back();
      const std::int64_t rows = g.size() / std::max<std::int64_t>(out, 1);
      at.push(1, matmul(transpose(reshape(g, {rows, out})), reshape(x, {rows, in})));
    }
    if (at.count() == 3 && at.wants(2)) at.push(2, sum_to(g, at.type(2).shape));
  }
  std::uint32_t reads() const override { return 0b11; }

 private:
  template <class T>
  static void compute_as(std::span<const Tensor> x, const Tensor& z) {
    if (z.size() == 0) return;
    const Tensor rows = contiguous(x[0]), weight = contiguous(x[1]);
    const auto n = z.shape().back();
    const std::int64_t m = z.size() / n, k = weight.shape()[1];
    T* to = TensorAccess::data<T>(z);
    if (x.size() < 3) {
      std::fill_n(to, z.size(), T{0});
    } else {
      const bool is_row = x[2].size() == n && x[2].shape().back() == n;
      const Tensor bias = contiguous(is_row ? x[2] : broadcast_to(x[2], z.shape()));
      const T* from = TensorAccess::data<T>(bias);
      for (std::int64_t i = 0; i < z.size(); i += bias.size())
        std::copy_n(from, bias.size(), to + i);
    }
    add_by_turned<T>(matrix(to, m, n), matrix<const T>(TensorAccess::data<T>(rows), m, k),
                     matrix<const T>(TensorAccess::data<T>(weight), n, k));
  }
};

const std::shared_ptr<const TensorOp>& affine_op() {
  static const std::shared_ptr<const TensorOp> op = std::make_shared<const Affine>();
  return op;
}

}  // namespace

Tensor affine(const Tensor& x, const Tensor& w, const Tensor& b, Location at) {
  return call(affine_op(), {x, w, b}, at);
}
Tensor affine(const Tensor& x, const Tensor& w, Location at) {
  return call(affine_op(), {x, w}, at);
}

}  // namespace chainrule::nn
