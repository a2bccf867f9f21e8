// A Kernel on Scalars is its Function's operations written out, whatever arrives at it.
#include "tests/support/written_out.hpp"

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

}  // namespace
}  // namespace chainrule
