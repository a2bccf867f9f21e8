// Products against loops, factorisations and solves against what defines them, and the laws.
#include "chainrule/tensor/linalg.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/tensor/index.hpp"
#include "tests/support/strider.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::check_tensor_op;
using Numbers = std::vector<double>;

Tensor numbers(const Shape& shape, double seed = 0.3) {
  return laws::detail::spread_numbers(shape, seed);
}
std::string said(const std::function<void()>& mistake) {
  try {
    mistake();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}
void expect_near(const Tensor& found, const Tensor& expected, double tolerance,
                 const std::string& what = "") {
  ASSERT_EQ(found.shape(), expected.shape()) << what;
  const Numbers a = found.values(), b = expected.values();
  for (std::size_t k = 0; k < a.size(); ++k)
    ASSERT_NEAR(a[k], b[k], tolerance * (1 + std::fabs(b[k]))) << what;
}

// ---- matmul against three loops -----------------------------------------------------------------

// x(…, i, s) y(…, s, j), element by element.
Tensor by_loops(const Tensor& x, const Tensor& y) {
  Tensor a = x.rank() == 1 ? unsqueeze(x, 0) : x, b = y.rank() == 1 ? unsqueeze(y, 1) : y;
  const std::int64_t m = a.size(-2), inner = a.size(-1), n = b.size(-1);
  Shape batch_a(std::span(a.shape().begin(), a.rank() - 2));
  Shape batch_b(std::span(b.shape().begin(), b.rank() - 2));
  const Shape batch = broadcast(batch_a, batch_b, "test");
  const auto stretched = [&](const Tensor& t) {
    Shape shape = batch;
    shape.push_back(t.size(-2));
    shape.push_back(t.size(-1));
    return broadcast_to(t, shape).values();
  };
  const Numbers left = stretched(a), right = stretched(b);
  Numbers z;
  for (std::int64_t k = 0; k < batch.size(); ++k) {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double total = 0;
        for (std::int64_t s = 0; s < inner; ++s) {
          total += left[static_cast<std::size_t>((k * m + i) * inner + s)] *
                   right[static_cast<std::size_t>((k * inner + s) * n + j)];
        }
        z.push_back(total);
      }
    }
  }
  Shape shape = batch;
  if (x.rank() > 1) shape.push_back(m);
  if (y.rank() > 1) shape.push_back(n);
  return tensor(z, shape);
}

TEST(Matmul, any_strides_ranks_and_broadcasts_agree_with_three_loops) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Strider random(seed);
    const std::int64_t m = random.size(), inner = random.size(), n = random.size();
    Shape x, y;
    const std::size_t batch = random.below(3);
    const bool x_is_vector = random.below(8) == 0, y_is_vector = random.below(8) == 0;
    for (std::size_t k = 0; k < batch; ++k) {
      const std::int64_t size = random.size();
      const std::size_t who = random.below(4);
      if (!x_is_vector && (x.rank() > 0 || who != 0)) x.push_back(who == 1 ? 1 : size);
      if (!y_is_vector && (y.rank() > 0 || who != 3)) y.push_back(who == 2 ? 1 : size);
    }
    if (!x_is_vector) x.push_back(m);
    x.push_back(inner);
    y.push_back(inner);
    if (!y_is_vector) y.push_back(n);
    const Precision element = random.below(2) == 0 ? f64 : f32;
    const Tensor a = random.strided(x, element), b = random.strided(y, element);
    const std::string what =
        "seed " + std::to_string(seed) + ": " + to_string(a.type()) + " x " + to_string(b.type());
    expect_near(matmul(a, b), by_loops(a, b), element == f64 ? 1e-13 : 1e-5, what);
    if (::testing::Test::HasFatalFailure()) return;
    if (seed % 10 != 0 || element == f32) continue;
    // The gradient of ⟨w, x y⟩ by x is that of x ↦ ⟨w, x y⟩, which is linear: its value at x.
    const Frame frame = Tape::active().frame();
    const Tensor u = variable(a), v = variable(b);
    const Tensor z = matmul(u, v);
    const Tensor total = sum(z * numbers(z.shape(), 0.4));
    const auto slopes = gradient(total, {u, v});
    EXPECT_NEAR(sum(slopes[0] * a).item(), total.item(), 1e-11) << what;
    EXPECT_NEAR(sum(slopes[1] * b).item(), total.item(), 1e-11) << what;
  }
}

TEST(Matmul, products_obey_the_laws) {
  const auto product = [](const Tensor& x, const Tensor& y) { return matmul(x, y); };
  EXPECT_TRUE(check_tensor_op(product, {numbers({3}), numbers({3}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(product, {numbers({2, 3}), numbers({3, 2}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(product, {numbers({3}), numbers({2, 3, 2}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(product, {numbers({2, 2, 3}), numbers({3}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(product, {numbers({2, 2, 3}), numbers({3, 2}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(product, {numbers({2, 1, 2, 3}), numbers({2, 3, 2}, 1.0)}));
  EXPECT_EQ(said([] {
              matmul(zeros({3, 4}), zeros({5, 2}));
            }),
            "[matmul] (3,4) x (5,2): inner sizes must agree");
  EXPECT_EQ(said([] {
              matmul(zeros({2, 3, 4}), zeros({3, 4, 2}));
            }),
            "[matmul] (2,) and (3,) cannot be broadcast together: sizes are equal, or one of them "
            "is 1");
}

TEST(Matmul, threads_give_the_same_product) {
  const Tensor x = numbers({300, 200}), y = transpose(numbers({170, 200}, 1.0));
  const Numbers alone = matmul(x, y).values();
  const Numbers tall = matmul(transpose(y), transpose(x)).values();
  set_threads(2);
  const Tensor together = matmul(x, y), other = matmul(transpose(y), transpose(x));
  set_threads(1);
  expect_near(together, tensor(alone, {300, 170}), 1e-13);
  expect_near(other, tensor(tall, {170, 300}), 1e-13);
}

// ---- factorisations -----------------------------------------------------------------------------

// Far from singular, not symmetric.
Tensor regular(const Shape& batch, std::int64_t n, double seed = 0.3) {
  Shape shape = batch;
  shape.push_back(n);
  shape.push_back(n);
  return numbers(shape, seed) + 3.0 * eye(n);
}
Tensor positive(const Shape& batch, std::int64_t n) {
  const Tensor a = regular(batch, n);
  return matmul(a, transpose(a, -1, -2));
}

TEST(Linalg, cholesky_of_a_known_matrix) {
  const Tensor x = tensor({{4, 12, -16}, {12, 37, -43}, {-16, -43, 98}});
  EXPECT_EQ(cholesky(x).values(), (Numbers{2, 0, 0, 6, 1, 0, -8, 5, 3}));
  const Tensor batch = positive({2, 1}, 4);
  const Tensor z = cholesky(batch);
  expect_near(matmul(z, transpose(z, -1, -2)), batch, 1e-13);
  EXPECT_EQ(cholesky(zeros({2, 0, 0})).shape(), (Shape{2, 0, 0}));
  EXPECT_EQ(cholesky(cast(x, f32)).element(), f32);
}

TEST(Linalg, solve_gives_what_multiplies_back_to_the_right_side) {
  EXPECT_EQ(solve(tensor({{2, 1}, {1, 3}}), tensor({5, 10})).values(), (Numbers{1, 3}));
  const Tensor x = regular({2, 1}, 4), y = numbers({3, 4, 5}, 2.0);
  const Tensor z = solve(x, y);
  EXPECT_EQ(z.shape(), (Shape{2, 3, 4, 5}));
  expect_near(matmul(x, z), broadcast_to(y, {2, 3, 4, 5}), 1e-12);
  const Tensor v = solve(x, numbers({4}, 1.0));
  EXPECT_EQ(v.shape(), (Shape{2, 1, 4}));
  expect_near(matmul(x, unsqueeze(v, -1)), broadcast_to(numbers({4, 1}, 1.0), {2, 1, 4, 1}), 1e-12);
  const Tensor shared = solve(regular({}, 4), y);
  expect_near(matmul(regular({}, 4), shared), y, 1e-12);
  EXPECT_EQ(solve(zeros({0, 0}), zeros({0})).shape(), (Shape{0}));
  EXPECT_EQ(solve(regular({}, 3), zeros({3, 0})).shape(), (Shape{3, 0}));
  EXPECT_EQ(solve(zeros({0, 3, 3}), zeros({3, 2})).shape(), (Shape{0, 3, 2}));
  expect_near(solve(transpose(regular({}, 3)), slice(numbers({3, 4}), 1, {0, 4, 2})),
              solve(contiguous(transpose(regular({}, 3))), numbers({3, 4})(all, Range{0, 4, 2})),
              1e-15);
  EXPECT_EQ(solve(cast(regular({}, 3), f32), ones({3})).element(), f64);
}

TEST(Linalg, a_triangular_solve_reads_one_half) {
  const Tensor x = tensor({{2, 100}, {1, 4}});
  EXPECT_EQ(triangular_solve(x, tensor({2, 9})).values(), (Numbers{1, 2}));
  EXPECT_EQ(triangular_solve(x, tensor({202, 8}), Triangle::upper).values(), (Numbers{1, 2}));
  const Tensor batch = regular({2}, 3), y = numbers({2, 3, 2});
  expect_near(matmul(triu(batch), triangular_solve(batch, y, Triangle::upper)), y, 1e-13);
  EXPECT_EQ(triangular_solve(zeros({0, 0}), zeros({0, 2})).shape(), (Shape{0, 2}));
}

TEST(Linalg, inverse_and_determinants) {
  EXPECT_EQ(inverse(tensor({{2, 0}, {0, 4}})).values(), (Numbers{0.5, 0, 0, 0.25}));
  const Tensor x = regular({2}, 4);
  expect_near(matmul(inverse(x), x), broadcast_to(eye(4), {2, 4, 4}), 1e-13);
  EXPECT_EQ(det(tensor({{0, 2}, {3, 0}})).item(), -6);
  EXPECT_EQ(det(tensor({{1, 2}, {2, 4}})).item(), 0);
  EXPECT_EQ(det(tensor({{{2, 0}, {0, 3}}, {{0, 1}, {1, 0}}})).values(), (Numbers{6, -1}));
  const auto [sign, log] = slogdet(tensor({{{-2, 0}, {0, 3}}, {{1, 2}, {2, 4}}}));
  EXPECT_EQ(sign.values(), (Numbers{-1, 0}));
  EXPECT_NEAR(log.values()[0], std::log(6.0), 1e-15);
  EXPECT_EQ(log.values()[1], -INFINITY);
  const auto large = slogdet(1e300 * eye(4));
  EXPECT_EQ(large.sign.item(), 1);
  EXPECT_NEAR(large.logabsdet.item(), 4 * std::log(1e300), 1e-12);
  EXPECT_EQ(det(zeros({0, 0})).item(), 1);
  EXPECT_EQ(det(zeros({3, 0, 0})).values(), (Numbers{1, 1, 1}));
  EXPECT_EQ(inverse(zeros({0, 0})).shape(), (Shape{0, 0}));
}

TEST(Linalg, factorisations_and_solves_obey_the_laws) {
  const Tensor x = regular({}, 3), batch = regular({2}, 2);
  EXPECT_TRUE(check_tensor_op([](const Tensor& a) { return cholesky(a); }, {positive({}, 3)}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& a) { return cholesky(a); }, {positive({2}, 2)}));
  // Not symmetric: it is the symmetric part that counts.
  EXPECT_TRUE(check_tensor_op([](const Tensor& a) { return cholesky(a); },
                              {positive({}, 3) + 0.1 * numbers({3, 3})}));
  const auto solved = [](const Tensor& a, const Tensor& b) { return solve(a, b); };
  EXPECT_TRUE(check_tensor_op(solved, {x, numbers({3}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(solved, {x, numbers({3, 2}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(solved, {batch, numbers({2}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(solved, {batch, numbers({2, 1}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(solved, {regular({}, 2), numbers({2, 2, 1}, 1.0)}));
  for (const Triangle which : {Triangle::lower, Triangle::upper}) {
    const auto half = [which](const Tensor& a, const Tensor& b) {
      return triangular_solve(a, b, which);
    };
    EXPECT_TRUE(check_tensor_op(half, {x, numbers({3}, 1.0)}));
    EXPECT_TRUE(check_tensor_op(half, {batch, numbers({2, 2}, 1.0)}));
  }
  EXPECT_TRUE(check_tensor_op([](const Tensor& a) { return inverse(a); }, {x}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& a) { return inverse(a); }, {batch}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& a) { return det(a); }, {x}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& a) { return det(a); }, {batch}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& a) { return slogdet(a).logabsdet; }, {x}));
  EXPECT_TRUE(check_tensor_op(
      [](const Tensor& a) {
        const auto [sign, log] = slogdet(a);
        return sign * log;
      },
      {batch * tensor({{-1, 1}, {-1, 1}})}));
  // The log-likelihood of a Gaussian, by both ways.
  const auto by_factor = [](const Tensor& a, const Tensor& b) {
    const Tensor l = cholesky(a);
    const Tensor white = triangular_solve(l, b);
    return 0.5 * sum(white * white) + sum(log(diagonal(l)));
  };
  EXPECT_TRUE(check_tensor_op(by_factor, {positive({}, 3), numbers({3}, 1.0)}));
  const Tensor s = positive({}, 3), b = numbers({3}, 1.0);
  EXPECT_NEAR(by_factor(s, b).item(),
              (0.5 * dot(b, solve(s, b)) + 0.5 * slogdet(s).logabsdet).item(), 1e-13);
}

TEST(Linalg, a_mistake_names_the_matrix_of_the_batch) {
  Tensor batch = broadcast_to(eye(3), {2, 2, 3, 3});
  batch.set({1, 0, 2, 2}, 0.0);
  EXPECT_EQ(said([&] { solve(batch, ones({3})); }),
            "[solve] the matrix at 1,0 of the batch (2,2) is singular: its pivot 2 is 0");
  EXPECT_EQ(said([&] { inverse(batch); }),
            "[inverse] the matrix at 1,0 of the batch (2,2) is singular: its pivot 2 is 0");
  EXPECT_EQ(said([&] { triangular_solve(batch, ones({3})); }),
            "[triangular_solve] the matrix at 1,0 of the batch (2,2) is singular: its pivot 2 is "
            "0");
  EXPECT_EQ(said([&] { cholesky(batch); }),
            "[cholesky] the matrix at 1,0 of the batch (2,2) is not positive definite: its leading "
            "minor of order 3 is not positive");
  EXPECT_EQ(said([] { cholesky(tensor({{-1}})); }),
            "[cholesky] the matrix is not positive definite: its leading minor of order 1 is not "
            "positive");
  EXPECT_EQ(said([] {
              cholesky(zeros({2, 3}));
            }),
            "[cholesky] square matrices are needed, but the shape is (2,3)");
  EXPECT_EQ(said([] { det(zeros({3})); }),
            "[det] square matrices are needed, but the shape is (3,)");
  EXPECT_EQ(said([] {
              solve(eye(3), zeros({2, 4}));
            }),
            "[solve] (3,3) and right sides (2,4): a right side has as many rows as the matrix");
  EXPECT_EQ(said([] {
              solve(zeros({2, 3, 3}), zeros({4, 3, 1}));
            }),
            "[solve] (2,) and (4,) cannot be broadcast together: sizes are equal, or one of them "
            "is 1");
  EXPECT_EQ(said([] { solve(eye(3), Tensor(1.0)); }),
            "[solve] (3,3) and right sides (): a right side has as many rows as the matrix");
}

TEST(Linalg, nan_goes_through_and_is_no_error) {
  Tensor x = eye(2);
  x.set({0, 0}, NAN);
  EXPECT_TRUE(std::isnan(solve(x, ones({2})).values()[0]));
  EXPECT_TRUE(std::isnan(det(x).item()));
  EXPECT_TRUE(std::isnan(slogdet(x).sign.item()));
  EXPECT_TRUE(std::isnan(inverse(x).values()[0]));
}

}  // namespace
}  // namespace chainrule
