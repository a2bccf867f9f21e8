// Eigen's matrices and tensors: copies, views, and gradients that cross.
#include "chainrule/tensor/eigen.hpp"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;

std::string said(const std::function<void()>& mistake) {
  try {
    mistake();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST(TensorEigen, matrices_vectors_arrays_maps_and_expressions_become_tensors) {
  Eigen::MatrixXd m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  EXPECT_EQ(tensor(m).shape(), (Shape{2, 3}));
  EXPECT_EQ(tensor(m).values(), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(tensor(m.transpose()).values(), (Numbers{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(tensor(m * m.transpose()).values(), (Numbers{14, 32, 32, 77}));
  EXPECT_EQ(tensor(m.array().square().eval()).values(), (Numbers{1, 4, 9, 16, 25, 36}));
  EXPECT_EQ(tensor(m.row(1)).shape(), (Shape{3}));
  EXPECT_EQ(tensor(m.block(0, 1, 2, 2)).values(), (Numbers{2, 3, 5, 6}));
  EXPECT_EQ(tensor(Eigen::Vector3f(1, 2, 3)).type(), (TensorType{f32, {3}}));
  EXPECT_EQ(tensor(Eigen::MatrixXd(0, 2)).shape(), (Shape{0, 2}));
  const double numbers[] = {1, 2, 3, 4};
  EXPECT_EQ(tensor(Eigen::Map<const Eigen::Matrix2d>(numbers)).values(), (Numbers{1, 3, 2, 4}));
}

TEST(TensorEigen, the_memory_of_a_tensor_is_seen_as_a_matrix) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  const auto m = matrix_view<double>(x);
  EXPECT_EQ(m.data(), x.span<double>().data());
  EXPECT_EQ(m(1, 0), 4);
  EXPECT_EQ((m * m.transpose())(0, 1), 32);
  EXPECT_EQ(vector_view<double>(x).sum(), 21);
  const Tensor turned = transpose(x), narrow = cast(x, f32), row = tensor({1, 2});
  EXPECT_EQ(said([&] { matrix_view<double>(row); }), "[matrix_view] of a tensor of shape (2,)");
  EXPECT_NE(said([&] { matrix_view<double>(turned); }).find("contiguous()"), std::string::npos);
  EXPECT_NE(said([&] { matrix_view<double>(narrow); }).find("f32(2,3)"), std::string::npos);
  EXPECT_EQ(matrix_view<float>(narrow)(1, 2), 6.0f);
}

TEST(TensorEigen, gradients_go_through_eigens_own_algorithms) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({{4, 1}, {1, 3}})), b = variable(tensor({1, 2}));
  const EigenMatrix<Scalar> z = scalar_matrix(x).llt().solve(scalar_matrix(b));
  const Tensor by_eigen = sum(tensor(z.col(0)) * tensor({1, 5}));
  const Tensor by_lapack = sum(solve(x, b) * tensor({1, 5}));
  EXPECT_NEAR(by_eigen.item(), by_lapack.item(), 1e-15);
  const Tensor found = gradient(by_eigen, {b})[0], expected = gradient(by_lapack, {b})[0];
  for (std::size_t k = 0; k < 2; ++k) EXPECT_NEAR(found.values()[k], expected.values()[k], 1e-15);
  // Eigen's LLT reads the lower half alone: the adjoints of both halves of a symmetric matrix.
  const Numbers half = gradient(by_eigen, {x})[0].values();
  const Numbers both = gradient(by_lapack, {x})[0].values();
  EXPECT_NEAR(half[1] + half[2], both[1] + both[2], 1e-14);
  EXPECT_NEAR(half[0], both[0], 1e-14);
  EXPECT_EQ(said([&] {
              scalar_matrix(zeros({1, 2, 2}));
            }),
            "[scalar_matrix] of a tensor of shape (1,2,2)");
}

}  // namespace
}  // namespace chainrule
