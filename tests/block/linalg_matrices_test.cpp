// The functions of linalg.hpp and eigen_linalg.hpp: what they compute, what they read, where
// derivatives are hard, what they throw.
#include <gtest/gtest.h>

#include <Eigen/Dense>

#include "chainrule/block/eigen_linalg.hpp"
#include "chainrule/block/linalg.hpp"
#include "chainrule/chainrule.hpp"

namespace chainrule {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

Matrix leaves(const Eigen::MatrixXd& m) {
  return m.unaryExpr([](double v) { return variable(v); });
}

Eigen::MatrixXd gradient_by(const Scalar& y, const Matrix& m) {
  const auto g = gradient(y, std::span(m.data(), static_cast<std::size_t>(m.size())));
  return Eigen::Map<const Eigen::MatrixXd>(g.data(), m.rows(), m.cols());
}

Eigen::MatrixXd random_matrix(int rows, int columns, unsigned seed = 1) {
  std::srand(seed);
  return Eigen::MatrixXd::Random(rows, columns);
}
Eigen::MatrixXd random_spd(int n) {
  const Eigen::MatrixXd m = random_matrix(n, n);
  return m * m.transpose() + Eigen::MatrixXd::Identity(n, n);
}

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

void expect_near(const Eigen::MatrixXd& got, const Eigen::MatrixXd& want, double relative) {
  ASSERT_EQ(got.rows(), want.rows());
  ASSERT_EQ(got.cols(), want.cols());
  EXPECT_LE((got - want).norm(), relative * (1 + want.norm())) << got << "\n\n" << want;
}

TEST(LinalgMatrices, solve_has_the_gradient_of_the_taped_elimination) {
  for (const int n : {1, 2, 3, 8, 30}) {
    const Frame frame = Tape::active().frame();
    const Matrix a = leaves(random_matrix(n, n)), b = leaves(random_matrix(n, 1, 2));
    const Scalar block = solve(a, b).squaredNorm();
    const Scalar taped = a.partialPivLu().solve(b).squaredNorm();
    EXPECT_NEAR(block.value(), taped.value(), 1e-9 * taped.value());
    expect_near(gradient_by(block, a), gradient_by(taped, a), 1e-9);
    expect_near(gradient_by(block, b), gradient_by(taped, b), 1e-9);
  }
}

TEST(LinalgMatrices, logdet_and_inverse_have_the_gradients_of_taped_eliminations) {
  const Frame frame = Tape::active().frame();
  const Matrix a = leaves(random_matrix(6, 6));
  const Scalar det = a.partialPivLu().determinant();
  expect_near(gradient_by(logdet(a), a), gradient_by(log(abs(det)), a), 1e-11);
  EXPECT_NEAR(logdet(a).value(), std::log(std::abs(det.value())), 1e-12);
  const Matrix taped = a.partialPivLu().inverse();
  expect_near(gradient_by(inverse(a).sum(), a), gradient_by(taped.sum(), a), 1e-10);
}

// Eigen's LLT reads the lower triangle, too.
TEST(LinalgMatrices, cholesky_has_the_gradient_of_the_taped_one) {
  const Frame frame = Tape::active().frame();
  const Matrix a = leaves(random_spd(7)), b = leaves(random_matrix(7, 2));
  const Matrix taped = a.llt().matrixL();
  const Matrix weights = random_matrix(7, 7, 3).cast<Scalar>();
  expect_near(gradient_by(cholesky(a).cwiseProduct(weights).sum(), a),
              gradient_by(taped.cwiseProduct(weights).sum(), a), 1e-11);
  expect_near(gradient_by(solve_spd(a, b).sum(), a), gradient_by(a.llt().solve(b).sum(), a), 1e-11);
  expect_near(gradient_by(logdet_spd(a), a),
              gradient_by(2.0 * Matrix(taped.diagonal().array().log()).sum(), a), 1e-11);
}

TEST(LinalgMatrices, factors_multiply_to_the_matrix) {
  for (const auto& [m, n] : {std::pair(1, 1), std::pair(5, 3), std::pair(8, 8), std::pair(3, 5)}) {
    const Eigen::MatrixXd a = random_matrix(m, n);
    const auto [u, s, v] = svd(a);
    expect_near(u * s.asDiagonal() * v.transpose(), a, 1e-14);
    for (int j = 1; j < s.size(); ++j) EXPECT_GE(s(j - 1), s(j));
    if (m < n) continue;
    const auto [q, r] = qr(a);
    expect_near(q * r, a, 1e-14);
    expect_near(q.transpose() * q, Eigen::MatrixXd::Identity(n, n), 1e-14);
    for (int j = 0; j < n; ++j) EXPECT_GT(r(j, j), 0);
    EXPECT_EQ(Eigen::MatrixXd(r.triangularView<Eigen::StrictlyLower>()).norm(), 0);
  }
  const Eigen::MatrixXd a = random_spd(9), l = cholesky(a);
  expect_near(l * l.transpose(), a, 1e-14);
  const auto [values, vectors] = eigh(a);
  expect_near(vectors * values.asDiagonal() * vectors.transpose(), a, 1e-14);
  for (int j = 1; j < 9; ++j) EXPECT_LE(values(j - 1), values(j));
}

TEST(LinalgMatrices, signs_do_not_depend_on_the_way) {
  const Eigen::MatrixXd a = random_spd(5);
  const auto found = eigh(a);
  for (int j = 0; j < 5; ++j) {
    const double most = found.vectors.col(j).cwiseAbs().maxCoeff();
    int lead = 0;
    while (std::abs(found.vectors(lead, j)) < most / 2) ++lead;
    EXPECT_GT(found.vectors(lead, j), 0) << j;
  }
  expect_near(eigh(Eigen::MatrixXd(a * 3.0)).vectors, found.vectors, 1e-13);
  const Eigen::MatrixXd b = random_matrix(5, 3);
  expect_near(svd(Eigen::MatrixXd(-b)).u, svd(b).u, 1e-13);
}

TEST(LinalgMatrices, of_symmetric_and_triangular_matrices_one_triangle_is_read) {
  const Frame frame = Tape::active().frame();
  Eigen::MatrixXd plain = random_spd(4);
  const Eigen::MatrixXd symmetric = plain;
  plain.triangularView<Eigen::StrictlyUpper>().setConstant(kNaN);
  const Matrix a = leaves(plain);
  const Eigen::VectorXd b = random_matrix(4, 1, 5);
  EXPECT_EQ(logdet_spd(a).value(), logdet_spd(symmetric));
  for (const Scalar& y : {Scalar(solve_spd(a, b).sum()), logdet_spd(a), Scalar(cholesky(a).sum()),
                          Scalar(eigh(a).values(0)), Scalar(solve_lower(a, b).sum())}) {
    EXPECT_TRUE(std::isfinite(y.value()));
    EXPECT_EQ(reach(y, a(0, 3)), Reach::independent);
    EXPECT_EQ(reach(y, a(3, 0)), Reach::reached);
  }
  EXPECT_EQ(reach(solve_upper(Matrix(a.transpose()), b).sum(), a(0, 3)), Reach::independent);
  // The entry below the diagonal stands for both: d log det A = tr(A⁻¹ dA).
  EXPECT_NEAR(gradient_by(logdet_spd(a), a)(3, 0), 2 * symmetric.inverse()(3, 0), 1e-12);
}

TEST(LinalgMatrices, numbers_and_recorded_entries_mix) {
  const Frame frame = Tape::active().frame();
  const Dense<double> a(2, 2, {2, 1, 1, 3});
  const std::vector<Scalar> b = {variable(1), 2.0};
  const std::vector<Scalar> x = solve(a, b);
  EXPECT_DOUBLE_EQ(x[0].value(), 0.2);
  EXPECT_DOUBLE_EQ(gradient(x[0], {b[0]})[0], 0.6);
  Dense<Scalar> c = a;
  c(0, 0) = variable(2);
  const std::vector<double> plain = {1, 2};
  EXPECT_DOUBLE_EQ(gradient(solve(c, plain)[0], {c(0, 0)})[0], -0.6 * 0.2);
  EXPECT_DOUBLE_EQ(gradient(matmul(c, a)(0, 0), {c(0, 0)})[0], 2);
  EXPECT_DOUBLE_EQ(dot(a, c).value(), 15);
  static_assert(std::same_as<decltype(solve(a, a)), Dense<double>>);
  static_assert(std::same_as<decltype(solve(a, c)), Dense<Scalar>>);

  const Eigen::Matrix2d fixed{{2, 1}, {1, 3}};
  const Eigen::Matrix<Scalar, 2, 1> right(b[0], b[1]);
  const auto y = solve(fixed, right);
  static_assert(std::same_as<decltype(y), const Eigen::Matrix<Scalar, 2, 1>>);
  EXPECT_EQ(y(0).value(), x[0].value());
  EXPECT_DOUBLE_EQ(gradient(dot(right, fixed.col(1)), {b[0]})[0], 1);
}

TEST(LinalgMatrices, norm_is_safe_at_the_origin_and_at_the_ends_of_the_range) {
  const Frame frame = Tape::active().frame();
  const auto at = [](double x, double y) { return std::vector<Scalar>{variable(x), variable(y)}; };
  for (const double size : {1.0, 1e200, 1e-200, 5e-323}) {
    const auto v = at(size, size);
    const Scalar length = norm(column(v));
    EXPECT_NEAR(length.value() / size, std::sqrt(2), 0.5 * (size < 1e-300) + 1e-15);
    EXPECT_NEAR(gradient(length, v)[0], size / length.value(), 1e-15);
  }
  const auto origin = at(0, 0);
  const Scalar length = norm(column(origin));
  EXPECT_EQ(gradient(length, origin), (std::vector<double>{0, 0}));
  EXPECT_EQ(reach(length, origin[0]), Reach::reached);
  for (const double entry : hessian(length, origin)) EXPECT_EQ(entry, 0);
  EXPECT_EQ(norm(Dense<double>(2, 1, {kInf, 1})), kInf);
}

// ---- equal eigenvalues and singular values ----------------------------------------------------

// A symmetric matrix with eigenvalues 1, 1, 3, in general position.
Eigen::MatrixXd twofold() {
  const Eigen::MatrixXd q = Eigen::MatrixXd(random_matrix(3, 3)).householderQr().householderQ();
  return q * Eigen::Vector3d(1, 1, 3).asDiagonal() * q.transpose();
}

TEST(LinalgMatrices, the_sum_of_eigenvalues_has_a_derivative_where_they_are_equal) {
  for (const Eigen::MatrixXd& point : {Eigen::MatrixXd(Eigen::Matrix3d::Identity()), twofold()}) {
    const Frame frame = Tape::active().frame();
    const Matrix a = leaves(point);
    const Scalar sum = eigh(a).values.sum();
    expect_near(gradient_by(sum, a), Eigen::Matrix3d::Identity(), 1e-14);
  }
}

// V exp(Λ) Vᵀ at the identity has the derivative e in each direction; a decomposition cannot know.
TEST(LinalgMatrices, what_equal_eigenvectors_reach_is_never_a_wrong_number) {
  const Frame frame = Tape::active().frame();
  const Matrix a = leaves(Eigen::Matrix3d::Identity());
  const auto found = eigh(a);
  Matrix scaled = found.vectors;
  for (int j = 0; j < 3; ++j) scaled.col(j) *= exp(found.values(j));
  const Scalar entry = (scaled * found.vectors.transpose())(1, 0);
  EXPECT_TRUE(std::isnan(gradient_by(entry, a)(1, 0)));
  const std::vector<double> direction(9, 1.0);
  EXPECT_TRUE(std::isnan(jvp(std::vector{entry}, std::span(a.data(), 9), direction)[0]));
}

TEST(LinalgMatrices, one_of_equal_eigenvectors_has_no_derivative_and_says_so) {
  const Frame frame = Tape::active().frame();
  const Matrix a = leaves(Eigen::Matrix3d::Identity());
  const Scalar entry = eigh(a).vectors(1, 0);
  const Eigen::MatrixXd g = gradient_by(entry, a);
  EXPECT_FALSE(g.allFinite());
}

TEST(LinalgMatrices, the_sum_of_singular_values_has_a_derivative_where_they_are_equal) {
  const Frame frame = Tape::active().frame();
  const Matrix a = leaves(2 * Eigen::MatrixXd::Identity(4, 3));
  const auto [u, s, v] = svd(a);
  expect_near(gradient_by(s.sum(), a), Eigen::MatrixXd::Identity(4, 3), 1e-14);
  EXPECT_TRUE(std::isnan(gradient_by(matmul(u, v.transpose())(1, 0), a)(1, 0)));
}

TEST(LinalgMatrices, singular_values_of_a_matrix_without_full_rank_have_gradients) {
  const Frame frame = Tape::active().frame();
  const Matrix a = leaves(Eigen::Vector3d(1, 2, 2) * Eigen::RowVector2d(3, 4));
  const auto [u, s, v] = svd(a);
  EXPECT_NEAR(s(0).value(), 15, 1e-13);
  EXPECT_NEAR(s(1).value(), 0, 1e-13);
  expect_near(gradient_by(s(0), a), Eigen::Vector3d(1, 2, 2) * Eigen::RowVector2d(3, 4) / 15,
              1e-14);
}

// ---- hard systems -----------------------------------------------------------------------------

Eigen::MatrixXd hilbert(int n) {
  Eigen::MatrixXd h(n, n);
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) h(i, j) = 1.0 / (i + j + 1);
  }
  return h;
}

// d xᵢ/dbⱼ and d log det/dA are entries of H⁻¹, which are whole numbers, known exactly.
TEST(LinalgMatrices, an_ill_conditioned_system_loses_what_its_condition_says) {
  const Frame frame = Tape::active().frame();
  const Matrix a = leaves(hilbert(8)), b = leaves(Eigen::VectorXd::Ones(8));  // condition 1.5e10
  const double corner = 64;
  EXPECT_NEAR(gradient_by(solve(a, b)(0), b)(0), corner, corner * 1e-5);
  EXPECT_NEAR(gradient_by(solve_spd(a, b)(0), b)(0), corner, corner * 1e-5);
  EXPECT_NEAR(gradient_by(logdet(a), a)(0, 0), corner, corner * 1e-5);
  EXPECT_NEAR(gradient_by(logdet_spd(a), a)(0, 0), corner, corner * 1e-5);
}

TEST(LinalgMatrices, rows_of_all_scales_are_pivoted) {
  const Frame frame = Tape::active().frame();
  const Matrix a = leaves(Eigen::Matrix2d{{1e-20, 1}, {1, 1}});
  const Matrix b = leaves(Eigen::Vector2d{1, 2});
  expect_near(gradient_by(solve(a, b)(0), b), Eigen::Vector2d(-1, 1), 1e-15);
  expect_near(gradient_by(solve(a, b)(0), a), Eigen::Matrix2d{{1, 1}, {-1, -1}}, 1e-15);
}

// ---- messages ---------------------------------------------------------------------------------

TEST(LinalgMatrices, sizes_that_do_not_fit_are_named) {
  const Dense<double> a(3, 3, {1, 0, 0, 0, 1, 0, 0, 0, 1}), b(2, 1), wide(2, 3), none;
  EXPECT_EQ(message_of([&] { solve(a, b); }),
            "[solve] 3x3 and 2x1: the right side must have 3 rows");
  EXPECT_EQ(message_of([&] { solve_spd(a, std::vector<double>(4)); }),
            "[solve_spd] 3x3 and 4x1: the right side must have 3 rows");
  EXPECT_EQ(message_of([&] { solve(wide, b); }), "[solve] 2x3: the matrix must be square");
  EXPECT_EQ(message_of([&] { matmul(a, b); }), "[matmul] 3x3 times 2x1: inner sizes must agree");
  EXPECT_EQ(message_of([&] { dot(a, wide); }), "[dot] 3x3 and 2x3: sizes must agree");
  EXPECT_EQ(message_of([&] { qr(wide); }), "[qr] 2x3: takes at least as many rows as columns");
  EXPECT_EQ(message_of([&] { eigh(none); }), "[eigh] 0x0: the matrix is empty");
  EXPECT_EQ(message_of([&] { svd(none); }), "[svd] 0x0: the matrix is empty");
  EXPECT_EQ(message_of([] {
              Dense<double>(2, 2, {1, 2, 3});
            }),
            "[Dense] 2x2: takes 4 entries, got 3");
  for (const auto& f : {+[](const Dense<double>& m) { static_cast<void>(inverse(m)); },
                        +[](const Dense<double>& m) { static_cast<void>(logdet(m)); },
                        +[](const Dense<double>& m) { static_cast<void>(logdet_spd(m)); },
                        +[](const Dense<double>& m) { static_cast<void>(cholesky(m)); },
                        +[](const Dense<double>& m) { static_cast<void>(eigh(m)); }}) {
    EXPECT_NE(message_of([&] { f(wide); }).find("2x3: the matrix must be square"),
              std::string::npos);
  }
}

TEST(LinalgMatrices, what_does_not_exist_is_said_with_the_pivot) {
  const Frame frame = Tape::active().frame();
  Dense<Scalar> singular(3, 3, {1, 2, 3, 2, 4, 6, 1, 0, 1});
  singular(2, 2) = variable(1);
  const Dense<double> b(3, 1);
  EXPECT_EQ(message_of([&] { solve(singular, b); }),
            "[solve] 3x3: the matrix is singular: pivot 2 is 0");
  EXPECT_EQ(message_of([&] { inverse(singular); }),
            "[inverse] 3x3: the matrix is singular: pivot 2 is 0");
  EXPECT_EQ(message_of([&] { logdet(singular); }),
            "[logdet] 3x3: the matrix is singular: pivot 2 is 0");
  EXPECT_EQ(message_of([&] {
              solve_lower(Dense<double>(3, 3, {1, 0, 0, 5, 0, 0, 2, 2, 2}), b);
            }),
            "[solve_lower] 3x3: the matrix is singular: diagonal entry 1 is 0");
  const Dense<double> indefinite(3, 3, {4, 0, 0, 2, 2, 0, 2, 1, 0.5});
  EXPECT_EQ(message_of([&] { cholesky(indefinite); }),
            "[cholesky] 3x3: the matrix is not positive definite at pivot 2 (value -0.5)");
  EXPECT_NE(
      message_of([&] { solve_spd(indefinite, b); }).find("[solve_spd] 3x3: the matrix is not"),
      std::string::npos);
  EXPECT_EQ(message_of([&] {
              qr(Dense<double>(2, 2, {1, 0, 0, 0}));
            }),
            "[qr] 2x2: the columns are dependent: diagonal entry 1 of R is 0");
}

TEST(LinalgMatrices, what_is_not_finite_gives_nan) {
  for (const double bad : {kNaN, kInf, -kInf}) {
    for (const int n : {1, 2, 5, 20}) {
      Eigen::MatrixXd a = random_spd(n);
      a(n - 1, 0) = bad;
      EXPECT_TRUE(solve(a, a.col(0)).array().isNaN().all());
      EXPECT_TRUE(solve_spd(a, a.col(0)).array().isNaN().all());
      EXPECT_TRUE(inverse(a).array().isNaN().all());
      EXPECT_TRUE(std::isnan(logdet(a)));
      EXPECT_TRUE(std::isnan(logdet_spd(a)));
      EXPECT_TRUE(cholesky(a).triangularView<Eigen::Lower>().toDenseMatrix().hasNaN());
      EXPECT_TRUE(eigh(a).values.array().isNaN().all());
      EXPECT_TRUE(svd(a).s.array().isNaN().all());
      EXPECT_TRUE(qr(a).q.array().isNaN().all());
    }
  }
}

}  // namespace
}  // namespace chainrule
