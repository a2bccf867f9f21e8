// A Kernel on Scalars is its Function's operations written out, whatever arrives at it.
#include "tests/support/written_out.hpp"

#include "chainrule/tape/block.hpp"
#include "chainrule/transform/loop.hpp"
#include "tests/emit/kernels.hpp"

namespace chainrule {
namespace {

using namespace test;

class Bodies : public testing::TestWithParam<Body> {};

TEST_P(Bodies, in_a_kernel) {
  const auto code = GetParam().code;
  const Function f = record([code](const Scalars& x) { return code(x); }, Vector{0.3, 0.7});
  for (const Backend backend : backends()) {
    for (const Arithmetic arithmetic : {Arithmetic::strict, Arithmetic::relaxed}) {
      SCOPED_TRACE(std::string(name_of(backend)) + ", " + std::string(name_of(arithmetic)));
      const Kernel kernel = compile(f, {.backend = backend, .arithmetic = arithmetic});
      expect_written_out([&](const Scalars& x) { return kernel(std::span<const Scalar>(x)); }, code,
                         {0.3, 0.7}, kPoints);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(WrittenOut, Bodies, testing::ValuesIn(kBodies), name_of_body);

// Each row of the table that may push nothing, under an infinite slope.
TEST(WrittenOut, a_kernel_tells_what_a_choice_within_a_row_cuts_off) {
  const auto gradient_of = [](const auto& f, double at) {
    const Scalars a = {variable(at)}, x = {sqrt(a[0])};
    return gradient(f(std::span<const Scalar>(x))[0], a)[0];
  };
  const Function relu_of = record([](Scalar x) { return relu(x); }, 1.0);
  EXPECT_EQ(gradient_of(relu_of, 0.0), 0.0);
  EXPECT_EQ(gradient_of(compile(relu_of), 0.0), 0.0);
  EXPECT_EQ(gradient_of(compile(relu_of), 4.0), 0.25);
  const Function max_of = record([](Scalar x) { return max(x, 1.0); }, 2.0);
  EXPECT_EQ(gradient_of(max_of, 0.0), 0.0);
  EXPECT_EQ(gradient_of(compile(max_of), 0.0), 0.0);
  EXPECT_EQ(gradient_of(compile(max_of), 4.0), 0.25);
  const Function down = record([](Scalar x) { return floor(x); }, 2.0);
  EXPECT_EQ(gradient_of(compile(down), 0.0), 0.0);
}

TEST(WrittenOut, a_recorded_gradient_of_one_result_of_a_kernel_knows_nothing_of_the_others) {
  const Kernel kernel = compile(record([](Scalar x) { return std::pair(sqrt(x), x); }, 1.0));
  const Scalars x = {variable(0.0)};
  const Scalars z = kernel(std::span<const Scalar>(x));
  EXPECT_EQ(recorded_gradient(z[1], x)[0].value(), 1.0);
  EXPECT_EQ(gradient(z[1], x)[0], 1.0);
  const Function slope = grad(record(
      [kernel](Scalar v) {
        const Scalars in = {v};
        return kernel(std::span<const Scalar>(in))[1];
      },
      2.0));
  EXPECT_EQ(slope(0.0)[0], 1.0);
}

// The derivative of a loop may take branches that the loop does not.
TEST(WrittenOut, a_compiled_loop_takes_the_branches_of_its_derivative) {
  // x₀ where x₁ > 0.5, else x₀ x₁.
  struct OneOrProduct final : Block {
    std::string_view name() const override { return "one_or_product"; }
    std::size_t inputs() const override { return 2; }
    std::size_t outputs() const override { return 1; }
    void value(std::span<const double> x, std::span<double> z) const override {
      z[0] = x[1] > 0.5 ? x[0] : x[0] * x[1];
    }
    void vjp(std::span<const double> x, std::span<const double>, std::span<const double> zbar,
             std::span<double> xbar) const override {
      xbar[0] = x[1] > 0.5 ? zbar[0] : zbar[0] * x[1];
      if (!(x[1] > 0.5)) xbar[1] = zbar[0] * x[0];
    }
    void recorded_vjp(std::span<const Scalar> x, std::span<const Scalar>,
                      std::span<const Scalar> zbar, std::span<Scalar> xbar) const override {
      if (x[1] > 0.5) {
        xbar[0] = zbar[0];
      } else {
        xbar[0] = zbar[0] * x[1], xbar[1] = zbar[0] * x[0];
      }
    }
  };
  const auto block = std::make_shared<const OneOrProduct>();
  const Function f = record(
      [block](const Scalars& x, const Scalars& y) {
        return sum_over([block](Scalar a, Scalar b) { return call(block, {{a, b}})[0]; }, x, y);
      },
      Vector{1, 1}, Vector{1, 1});
  const Function slopes = grad(f, kEveryArgument);
  const Vector rows = {5, 7, 1, 0.25, 5, 7, 0.25, 1, 5, 7, 1, 1, 5, 7, 0.25, 0.5};
  const Vector truth = {1, 0.25, 0, 7, 0.25, 1, 5, 0, 1, 1, 0, 0, 0.25, 0.5, 5, 7};
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(slopes, {.backend = backend});
    Vector out(rows.size());
    kernel.map({}, rows, out);
    EXPECT_EQ(out, truth) << name_of(backend);
  }
}

}  // namespace
}  // namespace chainrule
