// Random bodies full of choices, infinities and NaN: a loop gives what the code written out gives.
#include "chainrule/transform/split.hpp"
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

// The same numbers bit by bit, or both NaN.
void expect_same(const Vector& a, const Vector& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (std::isnan(a[k]) && std::isnan(b[k])) continue;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(a[k]), std::bit_cast<std::uint64_t>(b[k]))
        << "entry " << k << ": " << a[k] << " for " << b[k];
  }
}

TEST(KeepSteps, leaves_every_bit_of_a_random_loop_and_its_derivatives) {
  std::mt19937 bits(20260711);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.3, 3.0};
  std::size_t kept = 0;
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const LoopProgram program(bits);
    Vector x(10);
    for (double& number : x) number = special[bits() % 8];
    const std::size_t output = bits() % 5;
    const Function f = record([&](const Scalars& v) { return looped(program, v)[output]; }, x);
    for (const Function& g : {f, value_and_grad(f), hessian(f), jvp(grad(f))}) {
      Vector in = x;
      while (in.size() < g.inputs()) in.push_back(special[bits() % 8]);
      const auto better = keep_steps(g.trace());
      if (!better) continue;
      ++kept;
      ASSERT_EQ(verify(*better), "");
      const std::span<const double> flat(in);
      expect_same(Function(*better)(flat), g(flat));
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(kept, 100u);
}

TEST(Split, gives_every_bit_in_two_stages) {
  std::mt19937 bits(20260712);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.3, 3.0};
  std::size_t guarded = 0;
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const LoopProgram program(bits);
    Vector x(10);
    for (double& number : x) number = special[bits() % 8];
    const Function f = record([&](const Scalars& v) { return looped(program, v); }, x);
    const Function g = vjp(f);
    guarded += !g.trace().guards.empty();
    const Vector seeds = {0.5, 0.0, -1.0, 2.0, 1.0};
    Vector in = x;
    in.insert(in.end(), seeds.begin(), seeds.end());
    const Vector whole = g(std::span<const double>(in));
    const Split stages = split(g, 1);
    Vector early = stages.early(x);
    ASSERT_EQ(early.size(), stages.early.outputs());
    Vector rest(early.end() - static_cast<std::ptrdiff_t>(stages.kept), early.end());
    early.resize(early.size() - stages.kept);
    rest.insert(rest.end(), seeds.begin(), seeds.end());
    const Vector late = stages.late(std::span<const double>(rest));
    // An adjoint that no seed reaches is early: it is 0.
    ASSERT_EQ(early.size() + late.size(), whole.size());
    ASSERT_GE(early.size(), f.outputs());
    Vector y(early.begin(), early.begin() + static_cast<std::ptrdiff_t>(f.outputs()));
    expect_same(y, Vector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(y.size())));
    Vector found(late), expected;
    for (std::size_t k = y.size(); k < early.size(); ++k) found.push_back(early[k]);
    expected.assign(whole.begin() + static_cast<std::ptrdiff_t>(y.size()), whole.end());
    const auto order = [](Vector& v) {
      for (double& number : v) number += 0.0;  // one kind of zero, one kind of NaN
      std::ranges::sort(v, {}, [](double z) {
        return std::isnan(z) ? -std::numeric_limits<double>::infinity() : z;
      });
    };
    order(found), order(expected);
    for (std::size_t k = 0; k < found.size(); ++k) {
      EXPECT_TRUE(found[k] == expected[k] || (std::isnan(found[k]) && std::isnan(expected[k])))
          << "entry " << k;
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace chainrule
