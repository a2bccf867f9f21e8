// Random bodies full of choices, infinities and NaN: a loop gives what the code written out gives.
#include "tests/transform/random_loops.hpp"

namespace chainrule {
namespace {

using namespace test;

TEST(Loop, of_a_random_body_has_the_derivatives_of_the_code_written_out) {
  std::mt19937 bits(20240521);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.0, 3.0};
  for (int round = 0; round < 400; ++round) {
    const LoopProgram program(bits);
    Vector x(10), example(10);
    for (double& number : x) number = special[bits() % 8];
    for (double& number : example) number = special[bits() % 8];
    const std::size_t output = bits() % 5;
    const Function f =
        record([&](const Scalars& v) { return looped(program, v)[output]; }, example);
    const Function g =
        record([&](const Scalars& v) { return written_out(program, v)[output]; }, example);
    SCOPED_TRACE("round " + std::to_string(round));
    expect_close(f(x), g(x));
    expect_close(grad(f)(x), grad(g)(x));
    expect_close(hessian(f)(x), hessian(g)(x));
    Scalars xs;
    for (const double number : x) xs.push_back(variable(number));
    const Scalar y = looped(program, xs)[output], z = written_out(program, xs)[output];
    if (!y.is_number()) expect_close(gradient(y, xs), gradient(z, xs));
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace chainrule
