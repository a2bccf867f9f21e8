// Linear algebra in Functions: replayed, differentiated, saved and loaded.
#include <gtest/gtest.h>

#include "chainrule/block/linalg.hpp"
#include "chainrule/graph/save.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

using Vector = std::vector<double>;

// xᵀ A⁻¹ x + log|det A| of A = [a b; c d], x = (a, d).
Scalar code(const std::vector<Scalar>& v) {
  const Dense<Scalar> a(2, 2, v);
  const std::vector<Scalar> x{v[0], v[3]};
  const std::vector<Scalar> y = solve(a, x);
  return y[0] * x[0] + y[1] * x[1] + logdet(a);
}

TEST(LinalgFunction, is_replayed_and_differentiated_to_the_second_order) {
  const Function f = record(code, Vector{3, 1, 1, 4});
  const Function slope = grad(f), curvature = hessian(f);
  for (const Vector& at : {Vector{3, 1, 1, 4}, Vector{2, -1, 0.5, 5}}) {
    const std::span<const double> x(at);
    const Vector truth = grad(code)(at), second = hessian(code)(at).entries;
    const Vector found = slope(x), found_second = curvature(x);
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(found[k], truth[k], 1e-12);
    for (std::size_t k = 0; k < 16; ++k) EXPECT_NEAR(found_second[k], second[k], 1e-11);
  }
}

TEST(LinalgFunction, is_saved_and_loaded_with_its_blocks) {
  const Function slope = grad(record(code, Vector{3, 1, 1, 4}));
  const Vector at{2, -1, 0.5, 5};
  const std::span<const double> x(at);
  const Function from_text(parse_trace(print(slope.trace())));
  const Function from_binary(from_bytes(to_bytes(slope.trace())));
  EXPECT_EQ(from_text(x), slope(x));
  EXPECT_EQ(from_binary(x), slope(x));
  EXPECT_EQ(from_text.trace(), slope.trace());
}

}  // namespace
}  // namespace chainrule
