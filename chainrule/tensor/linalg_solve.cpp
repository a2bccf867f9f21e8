// Factorisations and solves, each matrix of a batch by LAPACK, in its element type.
//
// Rows of ours are columns of LAPACK's, which so sees xᵀ. A solve reads the factors of x, an
// operation of their own, and is recorded as a function of x: its pullback and every higher one use
// the same factors, so that a matrix is factored once.
//
//   z = x⁻¹ y       ȳ = x⁻ᵀ z̄, x̄ = −ȳ zᵀ                         Giles 2008, 2.3.1
//   z = x⁻¹         x̄ = −zᵀ z̄ zᵀ                                  2.2.3
//   z = log|det x|  x̄ = z̄ x⁻ᵀ                                     2.2.4
//   z zᵀ = x        x̄ = sym(z⁻ᵀ Φ(zᵀ z̄) z⁻¹), Φ the lower half    Murray 2016, eq. 10
//                   with its diagonal halved
#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "chainrule/tensor/blas_internal.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/move_internal.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule {
namespace {

// ---- LAPACK by element type -------------------------------------------------------------------

template <class T>
lapack_int factor_lu(lapack_int n, T* a, lapack_int* pivots) {
  if constexpr (std::is_same_v<T, float>) {
    return LAPACKE_sgetrf_work(LAPACK_COL_MAJOR, n, n, a, n, pivots);
  } else {
    return LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, a, n, pivots);
  }
}
template <class T>
void solve_lu(char turned, lapack_int n, lapack_int k, const T* a, const lapack_int* pivots, T* b) {
  if constexpr (std::is_same_v<T, float>) {
    LAPACKE_sgetrs_work(LAPACK_COL_MAJOR, turned, n, k, a, n, pivots, b, n);
  } else {
    LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, turned, n, k, a, n, pivots, b, n);
  }
}
template <class T>
void invert_lu(lapack_int n, T* a, const lapack_int* pivots) {
  std::vector<T> work(static_cast<std::size_t>(n) * 64);
  const auto size = static_cast<lapack_int>(work.size());
  if constexpr (std::is_same_v<T, float>) {
    LAPACKE_sgetri_work(LAPACK_COL_MAJOR, n, a, n, pivots, work.data(), size);
  } else {
    LAPACKE_dgetri_work(LAPACK_COL_MAJOR, n, a, n, pivots, work.data(), size);
  }
}
template <class T>
lapack_int factor_cholesky(lapack_int n, T* a) {
  if constexpr (std::is_same_v<T, float>) {
    return LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'U', n, a, n);
  } else {
    return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, a, n);
  }
}
template <class T>
void solve_triangle(CBLAS_UPLO half, CBLAS_TRANSPOSE turned, lapack_int n, lapack_int k, const T* a,
                    T* b) {
  if constexpr (std::is_same_v<T, float>) {
    cblas_strsm(CblasRowMajor, CblasLeft, half, turned, CblasNonUnit, n, k, 1.0f, a, n, b, k);
  } else {
    cblas_dtrsm(CblasRowMajor, CblasLeft, half, turned, CblasNonUnit, n, k, 1.0, a, n, b, k);
  }
}

// ---- matrices and batches ---------------------------------------------------------------------

Tensor turned(const Tensor& x) { return transpose(x, -2, -1); }

// The size of square matrices.
std::int64_t order_of(const Shape& shape, std::string_view where) {
  if (shape.rank() < 2 || shape.back() != shape[shape.rank() - 2]) {
    fail(where, "square matrices are needed, but the shape is " + to_string(shape));
  }
  if (shape.back() > INT32_MAX) fail(where, to_string(shape) + ": an axis beyond 2^31");
  return shape.back();
}

Shape batch_of(const Shape& shape) { return Shape(std::span(shape.begin(), shape.rank() - 2)); }
Shape with_matrix(Shape batch, std::int64_t rows, std::int64_t columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

// Operands that are batches where the mask says so, their slices having as many axes as each other:
// those of fewer get axes of size 1 after the batch's. Whole operands are broadcast as they are.
std::vector<Tensor> aligned(std::span<const Tensor> x, std::uint32_t mask) {
  const auto slice_rank = [&](std::size_t k) { return x[k].rank() - (mask >> k & 1u); };
  std::size_t rank = 0;
  for (std::size_t k = 0; k < x.size(); ++k) rank = std::max(rank, slice_rank(k));
  std::vector<Tensor> all_of_them;
  for (std::size_t k = 0; k < x.size(); ++k) {
    Shape shape = x[k].shape();
    for (std::size_t have = slice_rank(k); (mask >> k & 1u) != 0 && have < rank; ++have)
      shape.insert(1, 1);
    all_of_them.push_back(reshape(x[k], shape));
  }
  return all_of_them;
}

// "the matrix", or "the matrix 1,0 of the batch".
std::string which_matrix(std::int64_t place, const Shape& batch) {
  if (batch.rank() == 0) return "the matrix";
  std::string index;
  for (std::size_t k = batch.rank(); k-- > 0;) {
    index = std::to_string(place % batch[k]) + (index.empty() ? "" : ",") + index;
    place /= batch[k];
  }
  return "the matrix at " + index + " of the batch " + to_string(batch);
}
[[noreturn]] void fail_singular(std::string_view where, std::int64_t place, const Shape& batch,
                                std::int64_t pivot) {
  fail(where,
       which_matrix(place, batch) + " is singular: its pivot " + std::to_string(pivot) + " is 0");
}

// Two dense tensors of matrices whose batches are broadcast: visit(place of x's matrix, of y's, of
// the result's).
template <class Visit>
void each_pair(const Shape& x, const Shape& y, const Shape& common, Visit&& visit) {
  const auto steps_of = [&](const Shape& own) {
    detail::Strides steps = {};
    const detail::Strides dense_steps = dense_strides(own);
    const std::size_t skip = common.rank() - own.rank();
    for (std::size_t k = 0; k < own.rank(); ++k) steps[k + skip] = own[k] == 1 ? 0 : dense_steps[k];
    return steps;
  };
  const detail::Strides sx = steps_of(x), sy = steps_of(y);
  const Walk walk(common, {&sx, &sy});
  std::int64_t place = 0;
  walk.each([&](const auto& at) {
    for (std::int64_t i = 0; i < walk.run_length(); ++i, ++place)
      visit(at[0] + i * walk.step(0), at[1] + i * walk.step(1), place);
  });
}

// ---- factors ----------------------------------------------------------------------------------

// The factors of xᵀ as LAPACK leaves them, n rows; and a row of its pivots, counted from 1. They
// have no derivative: what uses them is recorded as a function of x.
class Factors final : public TensorOp {
 public:
  std::string_view name() const override { return "lu"; }
  TensorType infer(std::span<const Tensor> x) const override {
    const std::int64_t n = order_of(x[0].shape(), name());
    return {x[0].element(), with_matrix(batch_of(x[0].shape()), n + 1, n)};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    const std::int64_t n = z.size(-1), size = n * (n + 1);
    if (z.size() == 0) return;
    const Tensor from = dense(x[0]);
    std::vector<lapack_int> pivots(static_cast<std::size_t>(n));
    visit_element(z.element(), [&]<class T>(T) {
      const T* a = TensorAccess::data<T>(from);
      T* to = TensorAccess::data<T>(z);
      for (std::int64_t place = 0; place < z.size() / size; ++place, a += n * n, to += size) {
        std::copy_n(a, n * n, to);
        factor_lu(static_cast<lapack_int>(n), to, pivots.data());
        for (std::int64_t k = 0; k < n; ++k)
          to[n * n + k] = static_cast<T>(pivots[static_cast<std::size_t>(k)]);
      }
    });
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(shared_from_this(), {x[0]});
  }
  void pull(const Pull&) const override {}
  std::uint32_t reads() const override { return 0; }
};

Tensor factors_of(const Tensor& x, std::string_view where, Location at) {
  order_of(x.shape(), where);
  one_thread_a_product();
  static const std::shared_ptr<const TensorOp> op = std::make_shared<const Factors>();
  return call(op, {x}, at);
}

// The factors of one matrix.
template <class T>
struct Lu {
  Lu(const T* from, std::int64_t order) : n(order), a(from) {
    for (std::int64_t k = 0; k < n; ++k) pivots.push_back(static_cast<lapack_int>(a[n * n + k]));
  }
  T diagonal(std::int64_t k) const { return a[k * n + k]; }
  void require_regular(std::string_view where, std::int64_t place, const Shape& batch) const {
    for (std::int64_t k = 0; k < n; ++k) {
      if (diagonal(k) == T{0}) fail_singular(where, place, batch, k);
    }
  }
  bool is_odd() const {
    bool odd = false;
    for (std::int64_t k = 0; k < n; ++k)
      odd = odd != (pivots[static_cast<std::size_t>(k)] != k + 1);
    return odd;
  }
  std::int64_t n;
  const T* a;
  std::vector<lapack_int> pivots;
};

// ---- solves -----------------------------------------------------------------------------------

enum class Side : std::uint8_t { plain, turned };  // x⁻¹ y, x⁻ᵀ y

// The shapes of x⁻¹ y, y being a vector or matrices.
struct SolveShapes {
  SolveShapes(const Shape& x, const Shape& y, std::string_view where)
      : n(order_of(x, where)), is_vector(y.rank() == 1), batch_x(batch_of(x)), right(y) {
    const auto facts = [&] { return to_string(x) + " and right sides " + to_string(y); };
    if (is_vector) right.push_back(1);
    if (y.rank() == 0 || right[right.rank() - 2] != n) {
      fail(where, facts() + ": a right side has as many rows as the matrix");
    }
    batch_y = batch_of(right);
    batch = broadcast(batch_x, batch_y, where);
    k = right.back();
    if (k > INT32_MAX) fail(where, facts() + ": an axis beyond 2^31");
    result = with_matrix(batch, n, k);
    if (is_vector) result.erase(result.rank() - 1);
  }
  std::int64_t n, k = 0;
  bool is_vector;
  Shape batch_x, right, batch_y, batch, result;
};

// Operands x, y and, it may be, factors of x. z = x⁻¹ y, or x⁻ᵀ y.
class SolveOp : public TensorOp {
 public:
  explicit SolveOp(Side side) : side_(side) {}
  std::string parameters() const override { return side_ == Side::plain ? "" : "turned"; }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), SolveShapes(x[0].shape(), x[1].shape(), name()).result};
  }
  // x⁻¹ y: ȳ = x⁻ᵀ z̄, x̄ = −ȳ zᵀ.  x⁻ᵀ y: ȳ = x⁻¹ z̄, x̄ = −z ȳᵀ.
  // A vector among right sides would be taken for matrices: it becomes a column for the while.
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    std::vector<Tensor> operands(x.begin(), x.end());
    const bool is_vector = x[1].rank() - (mask >> 1 & 1u) == 1;
    if (is_vector) operands[1] = unsqueeze(x[1], -1);
    const Tensor z = call(shared_from_this(), aligned(operands, mask));
    return is_vector ? squeeze(z, -1) : z;
  }
  void pull(const Pull& at) const override {
    const Tensor x = at.x(0);
    const bool is_vector = at.g().rank() < x.rank();
    const auto as_matrix = [&](const Tensor& t) { return is_vector ? unsqueeze(t, -1) : t; };
    const Tensor arrived = other_side(at, as_matrix(at.g()));
    if (at.wants(1)) {
      const Shape shape = at.type(1).shape;
      Shape columns = shape;
      if (is_vector) columns.push_back(1);
      at.push(1, reshape(sum_to(arrived, columns), shape));
    }
    if (!at.wants(0)) return;
    const Tensor z = as_matrix(at.z());
    const Tensor slope =
        side_ == Side::plain ? matmul(arrived, turned(z)) : matmul(z, turned(arrived));
    at.push(0, sum_to(half(neg(slope)), x.shape()));
  }

 protected:
  /// y solved by the transposed matrix, or by the plain one if that is what this does.
  virtual Tensor other_side(const Pull& at, const Tensor& y) const = 0;
  /// The part of x̄ that belongs to what is read of x.
  virtual Tensor half(const Tensor& slope) const { return slope; }

  const Side side_;
};

class Solve final : public SolveOp {
 public:
  using SolveOp::SolveOp;
  static Tensor of(Side side, const Tensor& x, const Tensor& y, const Tensor& factors,
                   Location at = Location::here()) {
    static const std::shared_ptr<const TensorOp> ops[] = {
        std::make_shared<const Solve>(Side::plain), std::make_shared<const Solve>(Side::turned)};
    return call(ops[static_cast<std::size_t>(side)], {x, y, factors}, at);
  }
  std::string_view name() const override { return "solve"; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    if (z.size() == 0) return;
    visit_element(z.element(), [&]<class T>(T) { compute_as<T>(x, z); });
  }
  std::uint32_t reads() const override { return 0b101u | kReadsResult; }

 private:
  Tensor other_side(const Pull& at, const Tensor& y) const override {
    return of(side_ == Side::plain ? Side::turned : Side::plain, at.x(0), y, at.x(2));
  }

  template <class T>
  void compute_as(std::span<const Tensor> x, const Tensor& z) const {
    const SolveShapes shapes(x[0].shape(), x[1].shape(), name());
    const std::int64_t n = shapes.n, k = shapes.k;
    const Tensor factors = dense(x[2]), right = dense(x[1]);
    std::optional<Lu<T>> lu;
    std::int64_t factored = -1;
    std::vector<T> columns(static_cast<std::size_t>(k > 1 ? n * k : 0));
    each_pair(shapes.batch_x, shapes.batch_y, shapes.batch,
              [&](std::int64_t matrix, std::int64_t side, std::int64_t place) {
                if (matrix != factored) {
                  lu.emplace(TensorAccess::data<T>(factors) + matrix * n * (n + 1), n);
                  lu->require_regular(name(), matrix, shapes.batch_x);
                  factored = matrix;
                }
                const T* from = TensorAccess::data<T>(right) + side * n * k;
                T* to = TensorAccess::data<T>(z) + place * n * k;
                if (k == 1) {
                  std::copy_n(from, n, to);
                  solve_columns(*lu, k, to);
                } else {
                  turn(from, n, k, columns.data());
                  solve_columns(*lu, k, columns.data());
                  turn(columns.data(), k, n, to);
                }
              });
  }
  // LAPACK has the factors of xᵀ.
  template <class T>
  void solve_columns(const Lu<T>& lu, std::int64_t k, T* b) const {
    solve_lu(side_ == Side::plain ? 'T' : 'N', static_cast<lapack_int>(lu.n),
             static_cast<lapack_int>(k), lu.a, lu.pivots.data(), b);
  }
  template <class T>
  static void turn(const T* from, std::int64_t rows, std::int64_t columns, T* to) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
    }
  }
};

class TriangularSolve final : public SolveOp {
 public:
  TriangularSolve(Triangle which, Side side) : SolveOp(side), which_(which) {}
  static Tensor of(Triangle which, Side side, const Tensor& x, const Tensor& y,
                   Location at = Location::here()) {
    static const std::shared_ptr<const TensorOp> ops[] = {
        std::make_shared<const TriangularSolve>(Triangle::lower, Side::plain),
        std::make_shared<const TriangularSolve>(Triangle::lower, Side::turned),
        std::make_shared<const TriangularSolve>(Triangle::upper, Side::plain),
        std::make_shared<const TriangularSolve>(Triangle::upper, Side::turned)};
    one_thread_a_product();
    return call(ops[static_cast<std::size_t>(which) * 2 + static_cast<std::size_t>(side)], {x, y},
                at);
  }
  std::string_view name() const override { return "triangular_solve"; }
  std::string parameters() const override {
    return std::string(which_ == Triangle::lower ? "lower" : "upper") +
           (side_ == Side::plain ? "" : " turned");
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    if (z.size() == 0) return;
    visit_element(z.element(), [&]<class T>(T) { compute_as<T>(x, z); });
  }
  std::uint32_t reads() const override { return 1u | kReadsResult; }

 private:
  Tensor other_side(const Pull& at, const Tensor& y) const override {
    return of(which_, side_ == Side::plain ? Side::turned : Side::plain, at.x(0), y);
  }
  Tensor half(const Tensor& slope) const override {
    return which_ == Triangle::lower ? tril(slope) : triu(slope);
  }

  template <class T>
  void compute_as(std::span<const Tensor> x, const Tensor& z) const {
    const SolveShapes shapes(x[0].shape(), x[1].shape(), name());
    const std::int64_t n = shapes.n, k = shapes.k;
    const Tensor matrices = dense(x[0]), right = dense(x[1]);
    const CBLAS_UPLO uplo = which_ == Triangle::lower ? CblasLower : CblasUpper;
    const CBLAS_TRANSPOSE turn = side_ == Side::plain ? CblasNoTrans : CblasTrans;
    each_pair(shapes.batch_x, shapes.batch_y, shapes.batch,
              [&](std::int64_t matrix, std::int64_t side, std::int64_t place) {
                const T* a = TensorAccess::data<T>(matrices) + matrix * n * n;
                for (std::int64_t i = 0; i < n; ++i) {
                  if (a[i * n + i] == T{0}) fail_singular(name(), matrix, shapes.batch_x, i);
                }
                T* to = TensorAccess::data<T>(z) + place * n * k;
                std::copy_n(TensorAccess::data<T>(right) + side * n * k, n * k, to);
                solve_triangle(uplo, turn, static_cast<lapack_int>(n), static_cast<lapack_int>(k),
                               a, to);
              });
  }

  Triangle which_;
};

// ---- inverses and determinants ----------------------------------------------------------------

class Inverse final : public TensorOp {
 public:
  std::string_view name() const override { return "inverse"; }
  TensorType infer(std::span<const Tensor> x) const override {
    order_of(x[0].shape(), name());
    return x[0].type();
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    const std::int64_t n = z.size(-1);
    if (z.size() == 0) return;
    copy_numbers(x[0], z);
    std::vector<lapack_int> pivots(static_cast<std::size_t>(n));
    visit_element(z.element(), [&]<class T>(T) {
      T* a = TensorAccess::data<T>(z);
      for (std::int64_t place = 0; place < z.size() / (n * n); ++place, a += n * n) {
        const lapack_int info = factor_lu(static_cast<lapack_int>(n), a, pivots.data());
        if (info > 0) fail_singular(name(), place, batch_of(z.shape()), info - 1);
        invert_lu(static_cast<lapack_int>(n), a, pivots.data());
      }
    });
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(shared_from_this(), {x[0]});
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const Tensor z = turned(at.z());
    at.push(0, neg(matmul(matmul(z, at.g()), z)));
  }
  std::uint32_t reads() const override { return kReadsResult; }
};

// What is read off the factors: operands x and its factors.
class Determinant final : public TensorOp {
 public:
  enum class Of : std::uint8_t { whole, sign, log };
  explicit Determinant(Of of) : of_(of) {}
  std::string_view name() const override {
    switch (of_) {
      case Of::whole: return "det";
      case Of::sign: return "det_sign";
      case Of::log: return "logabsdet";
    }
    __builtin_unreachable();
  }
  TensorType infer(std::span<const Tensor> x) const override {
    return {x[0].element(), batch_of(x[0].shape())};
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    const std::int64_t n = x[0].size(-1);
    const Tensor factors = dense(x[1]);
    visit_element(z.element(), [&]<class T>(T) {
      T* to = TensorAccess::data<T>(z);
      for (std::int64_t place = 0; place < z.size(); ++place) {
        to[place] =
            static_cast<T>(value(Lu<T>(TensorAccess::data<T>(factors) + place * n * (n + 1), n)));
      }
    });
  }
  // x̄ = z̄ x⁻ᵀ, times the determinant if that is the value.
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    return call(shared_from_this(), {as_batch(x, mask, 0), as_batch(x, mask, 1)});
  }
  void pull(const Pull& at) const override {
    if (of_ == Of::sign || !at.wants(0)) return;
    const Tensor x = at.x(0);
    const Tensor g = of_ == Of::whole ? at.g() * at.z() : at.g();
    const Tensor inverse = Solve::of(Side::turned, x, eye(x.size(-1), x.element()), at.x(1));
    at.push(0, unsqueeze(unsqueeze(g, -1), -1) * inverse);
  }
  std::uint32_t reads() const override {
    switch (of_) {
      case Of::whole: return 0b11u | kReadsResult;
      case Of::sign: return 0;
      case Of::log: return 0b11u;
    }
    __builtin_unreachable();
  }

 private:
  template <class T>
  double value(const Lu<T>& lu) const {
    double sign = lu.is_odd() ? -1.0 : 1.0, product = sign, log = 0.0;
    for (std::int64_t k = 0; k < lu.n; ++k) {
      const auto pivot = static_cast<double>(lu.diagonal(k));
      product *= pivot;
      log += std::log(std::fabs(pivot));
      sign *= pivot == 0 ? 0.0 : std::copysign(1.0, pivot);
      if (std::isnan(pivot)) sign = pivot;
    }
    switch (of_) {
      case Of::whole: return product;
      case Of::sign: return sign + 0.0;
      case Of::log: return log;
    }
    __builtin_unreachable();
  }

  Of of_;
};

Tensor determinant(Determinant::Of of, const Tensor& x, const Tensor& factors, Location at) {
  static const std::shared_ptr<const TensorOp> ops[] = {
      std::make_shared<const Determinant>(Determinant::Of::whole),
      std::make_shared<const Determinant>(Determinant::Of::sign),
      std::make_shared<const Determinant>(Determinant::Of::log)};
  return call(ops[static_cast<std::size_t>(of)], {x, factors}, at);
}

// ---- Cholesky ---------------------------------------------------------------------------------

class Cholesky final : public TensorOp {
 public:
  std::string_view name() const override { return "cholesky"; }
  TensorType infer(std::span<const Tensor> x) const override {
    order_of(x[0].shape(), name());
    return x[0].type();
  }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    const std::int64_t n = z.size(-1);
    if (z.size() == 0) return;
    const Tensor from = dense(x[0]);
    visit_element(z.element(), [&]<class T>(T) {
      const T* a = TensorAccess::data<T>(from);
      T* to = TensorAccess::data<T>(z);
      for (std::int64_t place = 0; place < z.size() / (n * n); ++place, a += n * n, to += n * n) {
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t j = 0; j <= i; ++j)
            to[i * n + j] = T{0.5} * a[i * n + j] + T{0.5} * a[j * n + i];
          std::fill(to + i * n + i + 1, to + i * n + n, T{0});
        }
        const lapack_int info = factor_cholesky(static_cast<lapack_int>(n), to);
        if (info > 0) {
          fail(name(), which_matrix(place, batch_of(z.shape())) +
                           " is not positive definite: its leading minor of order " +
                           std::to_string(info) + " is not positive");
        }
      }
    });
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(shared_from_this(), {x[0]});
  }
  void pull(const Pull& at) const override {
    if (!at.wants(0)) return;
    const Tensor z = at.z();
    const std::int64_t n = z.size(-1);
    const Tensor lower = tril(ones({n, n}, z.element())) - 0.5 * eye(n, z.element());
    const Tensor inner = matmul(turned(z), at.g()) * lower;
    const auto left = [&](const Tensor& y) {  // z⁻ᵀ y
      return TriangularSolve::of(Triangle::lower, Side::turned, z, y);
    };
    const Tensor slope = left(turned(left(inner)));
    at.push(0, 0.5 * (slope + turned(slope)));
  }
  std::uint32_t reads() const override { return kReadsResult; }
};

// Of one element type.
std::pair<Tensor, Tensor> alike(const Tensor& x, const Tensor& y, Location at) {
  if (x.element() == y.element()) return {x, y};
  return {cast(x, f64, at), cast(y, f64, at)};
}

}  // namespace

Tensor cholesky(const Tensor& x, Location at) {
  one_thread_a_product();
  static const std::shared_ptr<const TensorOp> op = std::make_shared<const Cholesky>();
  return call(op, {x}, at);
}

Tensor solve(const Tensor& x, const Tensor& y, Location at) {
  SolveShapes(x.shape(), y.shape(), "solve");
  const auto [matrix, right] = alike(x, y, at);
  return Solve::of(Side::plain, matrix, right, factors_of(matrix, "solve", at), at);
}

Tensor triangular_solve(const Tensor& x, const Tensor& y, Triangle which, Location at) {
  return TriangularSolve::of(which, Side::plain, x, y, at);
}

Tensor inverse(const Tensor& x, Location at) {
  one_thread_a_product();
  static const std::shared_ptr<const TensorOp> op = std::make_shared<const Inverse>();
  return call(op, {x}, at);
}

Tensor det(const Tensor& x, Location at) {
  return determinant(Determinant::Of::whole, x, factors_of(x, "det", at), at);
}

SignAndLog slogdet(const Tensor& x, Location at) {
  const Tensor factors = factors_of(x, "slogdet", at);
  return {determinant(Determinant::Of::sign, x, factors, at),
          determinant(Determinant::Of::log, x, factors, at)};
}

}  // namespace chainrule
