// The check of tensor operations itself: it passes what is right and names what is wrong.
#include <gtest/gtest.h>

#include "chainrule/tensor/linalg.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::check_tensor_op;

// x², whose pullback is told what to do.
class Square final : public TensorOp {
 public:
  enum class Fault { none, scaled, plain_only, transposed };
  explicit Square(Fault fault) : fault_(fault) {}
  std::string_view name() const override { return "square"; }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    const auto numbers = x[0].values();
    const auto square = [&]<class T>(T* to) {
      for (std::size_t k = 0; k < numbers.size(); ++k)
        to[k] = static_cast<T>(numbers[k] * numbers[k]);
    };
    if (z.element() == f64) return square(TensorAccess::data<double>(z));
    square(TensorAccess::data<float>(z));
  }
  void pull(const Pull& at) const override {
    const Tensor slope = at.g() * at.x(0);
    switch (fault_) {
      case Fault::none: return at.push(0, 2.0 * slope);
      case Fault::scaled: return at.push(0, 2.000001 * slope);
      case Fault::plain_only: return at.push(0, 2.0 * (at.g() * at.x(0).detached()));
      case Fault::transposed: return at.push(0, 2.0 * transpose(slope));
    }
  }

 private:
  Fault fault_;
};

::testing::AssertionResult checked(Square::Fault fault) {
  const auto op = std::make_shared<const Square>(fault);
  return check_tensor_op([&](const Tensor& x) { return call(op, {x}); },
                         {tensor({{1, -2}, {0.5, 3}})});
}

TEST(TensorCheck, right_pullbacks_pass) {
  EXPECT_TRUE(checked(Square::Fault::none));
  EXPECT_TRUE(check_tensor_op([](const Tensor& x, const Tensor& y) { return sin(x) * exp(y); },
                              {tensor({{1, 2, 3}, {4, 5, 6}}), tensor({0.1, 0.2, 0.3})}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& x, const Tensor& y) { return matmul(x, y); },
                              {tensor({{1, 2, 3}, {4, 5, 6}}), tensor({{1, -1}, {2, 0}, {3, 1}})}));
}

TEST(TensorCheck, a_factor_of_a_millionth_too_much_is_found) {
  EXPECT_NE(std::string(checked(Square::Fault::scaled).message()).find("order 1"),
            std::string::npos);
}

TEST(TensorCheck, a_pullback_that_forgets_to_record_is_found) {
  EXPECT_FALSE(checked(Square::Fault::plain_only));
}

TEST(TensorCheck, an_adjoint_in_another_order_is_found) {
  EXPECT_NE(std::string(checked(Square::Fault::transposed).message()).find("order 1"),
            std::string::npos);
}

}  // namespace
}  // namespace chainrule
