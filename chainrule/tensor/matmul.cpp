// matmul: the last two axes as matrices, on OpenBLAS.
//
// Pullbacks are products of the same kind: x̄ = z̄ yᵀ, ȳ = xᵀ z̄; transposed operands are views that
// BLAS reads as they are. Vectors are matrices of one row or column. Where a batch shares its right
// matrix the batch is one tall product.
#include <cblas.h>

#include <algorithm>

#include "chainrule/base/parallel.hpp"
#include "chainrule/tensor/blas_internal.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/pass_internal.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule {
namespace {

// A matrix as BLAS takes it: rows or columns are dense.
struct Matrix {
  Tensor holder;  // keeps a copy alive
  std::int64_t rows, columns;
  CBLAS_TRANSPOSE turned;
  int leading;
};

bool is_readable(std::int64_t outer, std::int64_t inner, std::int64_t outer_size,
                 std::int64_t inner_size) {
  return (inner == 1 || inner_size == 1) && (outer >= inner_size || outer_size == 1);
}

template <class T>
void gemm(CBLAS_TRANSPOSE tx, CBLAS_TRANSPOSE ty, std::int64_t m, std::int64_t n, std::int64_t k,
          const T* x, int ldx, const T* y, int ldy, T* z, int ldz) {
  const int m_ = static_cast<int>(m), n_ = static_cast<int>(n), k_ = static_cast<int>(k);
  if constexpr (std::is_same_v<T, float>) {
    if (n == 1 && ldz == 1) {
      const bool turned = tx == CblasTrans;
      cblas_sgemv(CblasRowMajor, tx, turned ? k_ : m_, turned ? m_ : k_, 1.0f, x, ldx, y,
                  ty == CblasTrans ? 1 : ldy, 0.0f, z, 1);
    } else if (m == 1) {
      // (1,k) (k,n): yᵀ x.
      const bool turned = ty == CblasTrans;
      cblas_sgemv(CblasRowMajor, turned ? CblasNoTrans : CblasTrans, turned ? n_ : k_,
                  turned ? k_ : n_, 1.0f, y, ldy, x, tx == CblasTrans ? ldx : 1, 0.0f, z, 1);
    } else {
      cblas_sgemm(CblasRowMajor, tx, ty, m_, n_, k_, 1.0f, x, ldx, y, ldy, 0.0f, z, ldz);
    }
  } else {
    cblas_dgemm(CblasRowMajor, tx, ty, m_, n_, k_, 1.0, x, ldx, y, ldy, 0.0, z, ldz);
  }
}

// The product of an outer kind, (m,1) (1,n): a copy is all that it costs.
template <class T>
void outer(std::int64_t m, std::int64_t n, const T* x, std::int64_t step_x, const T* y,
           std::int64_t step_y, T* z) {
  for (std::int64_t i = 0; i < m; ++i) {
    const T a = x[i * step_x];
    T* row = z + i * n;
    if (step_y == 1) {
      for (std::int64_t j = 0; j < n; ++j) row[j] = a * y[j];
    } else {
      for (std::int64_t j = 0; j < n; ++j) row[j] = a * y[j * step_y];
    }
  }
}

struct Shapes {
  bool x_is_vector, y_is_vector;
  Shape x, y;   // as batches of matrices
  Shape batch;  // broadcast
  std::int64_t m, k, n;
  Shape result;
};

Shapes shapes_of(const Shape& x, const Shape& y) {
  const auto facts = [&] { return to_string(x) + " x " + to_string(y); };
  if (x.rank() == 0 || y.rank() == 0) fail("matmul", facts() + ": a single number: use *");
  Shapes s{x.rank() == 1, y.rank() == 1, x, y, {}, 0, 0, 0, {}};
  if (s.x_is_vector) s.x.insert(0, 1);
  if (s.y_is_vector) s.y.push_back(1);
  s.m = s.x[s.x.rank() - 2];
  s.k = s.x.back();
  s.n = s.y.back();
  if (s.y[s.y.rank() - 2] != s.k) fail("matmul", facts() + ": inner sizes must agree");
  constexpr std::int64_t kMost = INT32_MAX;
  if (std::max({s.m, s.k, s.n}) > kMost) fail("matmul", facts() + ": an axis beyond 2^31");
  const auto batch_of = [](const Shape& shape) {
    Shape batch = shape;
    batch.erase(batch.rank() - 1);
    batch.erase(batch.rank() - 1);
    return batch;
  };
  s.batch = broadcast(batch_of(s.x), batch_of(s.y), "matmul");
  s.result = s.batch;
  if (!s.x_is_vector) s.result.push_back(s.m);
  if (!s.y_is_vector) s.result.push_back(s.n);
  return s;
}

class Matmul final : public TensorOp {
 public:
  std::string_view name() const override { return "matmul"; }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), shapes_of(x[0].shape(), x[1].shape()).result};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    visit_element(z.element(), [&]<class T>(T) { compute_as<T>(x[0], x[1], z); });
  }

  void pull(const Pull& at) const override {
    const Shapes s = shapes_of(at.wants(0) ? at.type(0).shape : at.x(0).shape(),
                               at.wants(1) ? at.type(1).shape : at.x(1).shape());
    Tensor g = at.g();
    if (s.x_is_vector || s.y_is_vector) {
      Shape full = s.batch;
      full.push_back(s.m);
      full.push_back(s.n);
      g = reshape(g, full);
    }
    if (at.wants(0)) {
      const Tensor y = reshape(at.x(1), s.y);
      at.push(0, reshape(sum_to(matmul(g, transpose(y, -2, -1)), s.x), at.type(0).shape));
    }
    if (at.wants(1)) {
      const Tensor x = reshape(at.x(0), s.x);
      if (s.x.rank() > 2 && s.y.rank() == 2) {
        // A batch that shares y: one product of all rows.
        const Tensor rows = reshape(x, Shape{x.size() / s.k, s.k});
        const Tensor seeds = reshape(g, Shape{g.size() / s.n, s.n});
        at.push(1, reshape(matmul(transpose(rows), seeds), at.type(1).shape));
      } else {
        at.push(1, reshape(sum_to(matmul(transpose(x, -2, -1), g), s.y), at.type(1).shape));
      }
    }
  }
  // Vectors become matrices of one row or column for the while; slices of fewer axes than the
  // other's get axes of size 1 after the batch's.
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    const auto slice_rank = [&](std::size_t k) { return x[k].rank() - (mask >> k & 1u); };
    const std::size_t rank = std::max({slice_rank(0), slice_rank(1), std::size_t{2}});
    const auto side = [&](std::size_t k) {
      Shape shape = x[k].shape();
      if (slice_rank(k) == 1) shape.insert(k == 0 ? shape.rank() - 1 : shape.rank(), 1);
      const bool is_batch = (mask >> k & 1u) != 0;
      while (is_batch && shape.rank() < rank + 1) shape.insert(1, 1);
      return reshape(x[k], shape);
    };
    const Tensor z = matmul(side(0), side(1));
    Shape shape = z.shape();
    if (slice_rank(1) == 1) shape.erase(shape.rank() - 1);
    if (slice_rank(0) == 1) shape.erase(shape.rank() - (slice_rank(1) == 1 ? 1 : 2));
    return reshape(z, shape);
  }
  std::uint32_t reads() const override { return kReadsOperands; }

 private:
  template <class T>
  static void compute_as(const Tensor& x, const Tensor& y, const Tensor& z) {
    const Shapes s = shapes_of(x.shape(), y.shape());
    if (z.size() == 0) return;
    if (s.k == 0) {
      std::fill_n(TensorAccess::data<T>(z), z.size(), T{0});
      return;
    }
    // As batches of matrices; those whose last two axes BLAS cannot read are copied.
    struct Side {
      Tensor t;
      std::int64_t outer, inner;  // strides of the last two axes
      bool turned;
      int leading;
    };
    const auto side_of = [](const Tensor& t, const Shape& shape, bool leading_one) {
      Side side{t, 0, 0, false, 1};
      for (int attempt = 0;; ++attempt) {
        const auto strides = side.t.strides();
        const std::size_t rank = side.t.rank();
        if (rank == 1) {
          side.outer = leading_one ? shape.back() * strides[0] : strides[0];
          side.inner = leading_one ? strides[0] : 1;
        } else {
          side.outer = strides[rank - 2];
          side.inner = strides[rank - 1];
        }
        const std::int64_t rows = shape[shape.rank() - 2], columns = shape.back();
        constexpr std::int64_t kMost = INT32_MAX;
        if (is_readable(side.outer, side.inner, rows, columns) && side.outer <= kMost) {
          side.leading = static_cast<int>(std::max({side.outer, columns, std::int64_t{1}}));
          if (rows == 1) side.leading = static_cast<int>(std::max<std::int64_t>(columns, 1));
          return side;
        }
        if (is_readable(side.inner, side.outer, columns, rows) && side.inner <= kMost) {
          side.turned = true;
          side.leading = static_cast<int>(std::max({side.inner, rows, std::int64_t{1}}));
          if (columns == 1) side.leading = static_cast<int>(std::max<std::int64_t>(rows, 1));
          return side;
        }
        side.t = dense(side.t);
      }
    };
    const Side a = side_of(x, s.x, true), b = side_of(y, s.y, false);
    T* to = TensorAccess::data<T>(z);
    const T* from_a = TensorAccess::data<T>(a.t);
    const T* from_b = TensorAccess::data<T>(b.t);
    const CBLAS_TRANSPOSE ta = a.turned ? CblasTrans : CblasNoTrans;
    const CBLAS_TRANSPOSE tb = b.turned ? CblasTrans : CblasNoTrans;

    // Batches of x that stand dense and share y are one tall matrix.
    std::int64_t m = s.m;
    Shape batch = s.batch;
    if (s.y.rank() == 2 && a.t.is_contiguous() && !a.turned && !s.x_is_vector) {
      m *= batch.size();
      batch = Shape();
    }
    const auto batch_strides = [&](const Tensor& t) {
      detail::Strides strides = {};
      if (t.rank() <= 2) return strides;
      const std::size_t own = t.rank() - 2, skip = batch.rank() - own;
      for (std::size_t k = 0; k < own; ++k)
        strides[k + skip] = t.shape()[k] == 1 ? 0 : t.strides()[k];
      return strides;
    };
    const detail::Strides sa = batch.rank() == 0 ? detail::Strides{} : batch_strides(a.t);
    const detail::Strides sb = batch.rank() == 0 ? detail::Strides{} : batch_strides(b.t);
    const Walk walk(batch, {&sa, &sb});
    std::int64_t place = 0;
    walk.each([&](const auto& at) {
      for (std::int64_t i = 0; i < walk.run_length(); ++i, ++place) {
        const T* pa = from_a + at[0] + i * walk.step(0);
        const T* pb = from_b + at[1] + i * walk.step(1);
        multiply<T>(ta, tb, m, s.n, s.k, pa, a.leading, pb, b.leading, to + place * m * s.n);
      }
    });
  }

  // One product, its rows or columns divided among threads where it is large.
  template <class T>
  static void multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, std::int64_t m, std::int64_t n,
                       std::int64_t k, const T* x, int ldx, const T* y, int ldy, T* z) {
    if (k == 1) {
      return outer(m, n, x, ta == CblasTrans ? 1 : ldx, y, tb == CblasTrans ? ldy : 1, z);
    }
    const std::size_t parts = threads_worth_flops(2.0 * static_cast<double>(m) *
                                                  static_cast<double>(n) * static_cast<double>(k));
    if (parts == 1) return gemm(ta, tb, m, n, k, x, ldx, y, ldy, z, static_cast<int>(n));
    const bool by_rows = m >= n;
    const std::int64_t size = by_rows ? m : n, count = static_cast<std::int64_t>(parts);
    in_parallel(parts, [&](std::size_t part) {
      const auto p = static_cast<std::int64_t>(part);
      const std::int64_t first = size * p / count, last = size * (p + 1) / count;
      if (by_rows) {
        gemm(ta, tb, last - first, n, k, x + (ta == CblasTrans ? first : first * ldx), ldx, y, ldy,
             z + first * n, static_cast<int>(n));
      } else {
        gemm(ta, tb, m, last - first, k, x, ldx, y + (tb == CblasTrans ? first * ldy : first), ldy,
             z + first, static_cast<int>(n));
      }
    });
  }
};

}  // namespace

void one_thread_a_product() {
  static const bool done = [] {
    openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

Tensor matmul(const Tensor& x, const Tensor& y, Location at) {
  one_thread_a_product();
  static const std::shared_ptr<const TensorOp> op = std::make_shared<const Matmul>();
  return call(op, {x, y}, at);
}

}  // namespace chainrule
