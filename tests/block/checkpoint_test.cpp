// Code that is run again in the reverse sweep instead of being kept.
#include "chainrule/block/checkpoint.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

using Vector = std::vector<double>;

void expect_close(const Vector& a, const Vector& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(a[k], b[k], 1e-13 * (1 + std::abs(b[k])));
}

TEST(Checkpoint, has_the_derivatives_of_its_code_at_every_order) {
  const auto code = [](const Scalar& x) { return sin(x) * exp(x * 0.5); };
  const auto kept = checkpoint(code);
  for (const double x : {0.3, -1.0}) {
    EXPECT_DOUBLE_EQ(grad(kept)(x), grad(code)(x));
    EXPECT_DOUBLE_EQ(grad(grad(kept))(x), grad(grad(code))(x));
    EXPECT_DOUBLE_EQ(hessian(kept)(x)(0, 0), hessian(code)(x)(0, 0));
    EXPECT_DOUBLE_EQ(jvp(kept)(x, 2.0).tangent, jvp(code)(x, 2.0).tangent);
    EXPECT_DOUBLE_EQ(grad(grad(grad(kept)))(x), grad(grad(grad(code)))(x));
  }
}

TEST(Checkpoint, takes_a_few_rows_of_the_tape_however_long_its_code_is) {
  const Scalar x = variable(0.5);
  const std::size_t before = Tape::active().size();
  const Scalar y = checkpoint([](Scalar v) {
    for (int k = 0; k < 100'000; ++k) v = v + 1e-6 * v * v;
    return v;
  })(x);
  EXPECT_LE(Tape::active().size(), before + 3);
  EXPECT_NE(gradient(y, {x})[0], 0.0);
}

TEST(Checkpoint, differentiates_by_what_its_code_captured) {
  const Scalar w = variable(3.0, "w"), x = variable(0.5, "x");
  const auto code = [w](const Scalar& a) { return sin(a * w) * a; };
  const Scalar kept = checkpoint(code)(x) * w, direct = code(x) * w;
  expect_close(gradient(kept, {x, w}), gradient(direct, {x, w}));
  expect_close(hessian(kept, {x, w}), hessian(direct, {x, w}));
}

TEST(Checkpoint, of_the_same_node_as_argument_and_capture_counts_it_once_each) {
  const Scalar x = variable(0.5);
  const Scalar y = checkpoint([x](const Scalar& a) { return a * x * x; })(x);
  EXPECT_DOUBLE_EQ(gradient(y, {x})[0], 3 * 0.25);
  EXPECT_DOUBLE_EQ(hessian(y, {x})[0], 3.0);
}

TEST(Checkpoint, where_an_operand_depends_on_another_counts_no_path_twice) {
  const Scalar x = variable(0.5);
  const Scalar u = x * x;
  const auto code = [x](const Scalar& a) { return a * a * x; };
  const Scalar kept = checkpoint(code)(u), direct = code(u);
  expect_close(gradient(kept, {x}), gradient(direct, {x}));
  expect_close(hessian(kept, {x}), hessian(direct, {x}));
}

TEST(Checkpoint, nests) {
  const Scalar w = variable(3.0), x = variable(0.5);
  const Scalar kept = checkpoint([=](const Scalar& a) {
    const Scalar b = checkpoint([=](const Scalar& t) { return t * t * w * a; })(a + 1.0);
    return b * a;
  })(x);
  const Scalar direct = (x + 1.0) * (x + 1.0) * w * x * x;
  expect_close(gradient(kept, {x, w}), gradient(direct, {x, w}));
  expect_close(hessian(kept, {x, w}), hessian(direct, {x, w}));
}

TEST(Checkpoint, takes_and_gives_structures) {
  const auto kept = checkpoint([](const std::vector<Scalar>& v, const Scalar& s) {
    return std::pair(v[0] * s, std::vector<Scalar>{v[1], v[0] * v[1]});
  });
  const std::vector<Scalar> v{variable(2.0), variable(3.0)};
  const Scalar s = variable(5.0);
  const auto [first, rest] = kept(v, s);
  EXPECT_EQ(first.value(), 10.0);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(gradient(rest[1] + first, {v[0], v[1], s}), (Vector{8, 2, 2}));
}

TEST(Checkpoint, decides_its_branches_by_the_values_of_each_run) {
  // A Function holds the block; its code is run again, so no guard is needed.
  const Function f = record(
      [](Scalar x, Scalar k) {
        return checkpoint([k](const Scalar& v) { return v > k ? v * v : -v; })(x);
      },
      2.0, 1.0);
  EXPECT_TRUE(f.trace().guards.empty());
  EXPECT_EQ(f(3.0, 1.0)[0], 9.0);
  EXPECT_EQ(f(3.0, 5.0)[0], -3.0) << "decided by what was captured";
  EXPECT_EQ(f(0.5, 1.0)[0], -0.5);
  EXPECT_EQ(grad(f)(3.0, 1.0)[0], 6.0);
}

TEST(Checkpoint, inside_of_a_Function_takes_captures_from_the_inputs_at_every_order) {
  const Function f = record(
      [](Scalar x, Scalar k) {
        return checkpoint([k](const Scalar& v) { return v * v * exp(k); })(x) * k;
      },
      1.0, 1.0);
  const auto code = [](const std::vector<Scalar>& v) { return v[0] * v[0] * exp(v[1]) * v[1]; };
  const Vector at{0.3, 0.7};
  const std::span<const double> x(at);
  expect_close(f(x), {0.09 * std::exp(0.7) * 0.7});
  expect_close(grad(f, kEveryArgument)(x), grad(code)(at));
  expect_close(hessian(f, kEveryArgument)(x), hessian(code)(at).entries);
  const Vector with_direction{0.3, 0.7, 1, 2};
  expect_close(jvp(f, kEveryArgument)(std::span<const double>(with_direction)),
               {f(x)[0], jvp(code)(at, Vector{1, 2}).tangent});
}

TEST(Checkpoint, a_derivative_as_a_number_inside_that_depends_on_a_capture_is_refused) {
  const Scalar w = variable(2.0);
  EXPECT_THROW(checkpoint([w](const Scalar& v) {
                 return v * grad([&](Scalar t) { return t * w; })(1.0);
               })(variable(1.0)),
               Error);
}

// ---- loops
TEST(Checkpoint, a_Function_inside_takes_the_branch_of_a_capture_as_it_is_now) {
  const Function branch = record([](Scalar v) { return v > 1.0 ? v * v : -v; }, 2.0);
  const Function f = record(
      [branch](Scalar x, Scalar k) {
        return checkpoint(
            [branch, k](const Scalar& v) { return v * branch(std::vector<Scalar>{k})[0]; })(x);
      },
      2.0, 3.0);
  EXPECT_EQ(f(2.0, 3.0)[0], 18.0);
  EXPECT_EQ(f(2.0, 0.5)[0], -1.0);
  EXPECT_EQ(grad(f, 1)(2.0, 0.5)[0], -2.0);
  EXPECT_EQ(grad(f, 1)(2.0, 3.0)[0], 12.0);
}

// ----------------------------------------------------------------------------------------

TEST(Repeat, equals_the_loop_that_it_stands_for_whatever_is_kept) {
  const Scalar x = variable(0.5), w = variable(1.5);
  const auto step = [w](const Scalar& v, std::size_t k) {
    return v + 0.01 * sin(v * w) * static_cast<double>(k % 3);
  };
  for (const std::size_t steps : {0u, 1u, 2u, 3u, 17u, 100u}) {
    Scalar direct = x;
    for (std::size_t k = 0; k < steps; ++k) direct = step(direct, k);
    for (const std::size_t kept : {1u, 2u, 5u, 200u}) {
      const Scalar y = repeat(step, x, steps, kept);
      EXPECT_EQ(y.value(), direct.value());
      expect_close(gradient(y, {x, w}), gradient(direct, {x, w}));
      if (steps < 20) expect_close(hessian(y, {x, w}), hessian(direct, {x, w}));
      if (steps == 0) continue;
      const double seeds[] = {1.0, 2.0};
      const std::vector<Scalar> xs{x, w};
      expect_close(jvp({&y, 1}, xs, seeds), jvp({&direct, 1}, xs, seeds));
    }
  }
}

TEST(Repeat, carries_a_structure) {
  using State = std::array<Scalar, 2>;
  const auto step = [](const State& s) { return State{s[0] + 0.1 * s[1], s[1] - 0.1 * sin(s[0])}; };
  const State start{variable(0.3), variable(0.0)};
  State direct = start;
  for (int k = 0; k < 50; ++k) direct = step(direct);
  const State end = repeat(step, start, 50, 4);
  expect_close(gradient(end[0] * end[1], {start[0], start[1]}),
               gradient(direct[0] * direct[1], {start[0], start[1]}));
}

TEST(Repeat, of_a_million_steps_is_reversed_in_bounded_memory) {
  // v ← v + h (w − v): ∂v_n/∂v₀ = (1 − h)ⁿ, ∂v_n/∂w = 1 − (1 − h)ⁿ.
  constexpr std::size_t kSteps = 1'000'000;
  constexpr double kStep = 1e-6;
  std::size_t runs = 0, largest = 0;
  const Scalar v = variable(2.0), w = variable(3.0);
  const std::size_t before = Tape::active().size();
  const Scalar end = repeat(
      [w, &runs, &largest](const Scalar& s) {
        ++runs;
        largest = std::max(largest, Tape::active().size());
        return s + kStep * (w - s);
      },
      v, kSteps, 32);
  EXPECT_LE(Tape::active().size(), before + 3);
  EXPECT_EQ(runs, kSteps);
  const Vector slopes = gradient(end, {v, w});
  const double decay = std::pow(1 - kStep, static_cast<double>(kSteps));
  EXPECT_NEAR(slopes[0], decay, 1e-9);
  EXPECT_NEAR(slopes[1], 1 - decay, 1e-9);
  // C(32 + 6, 32) > 10⁶: at most 6 runs forward and one to be reversed, after the first.
  EXPECT_LE(runs, (1 + 6 + 1) * kSteps);
  EXPECT_LT(largest, 100u) << "rows of the tape on which the steps are run";
}

TEST(Repeat, that_changes_its_shape_or_keeps_nothing_is_refused) {
  const std::vector<Scalar> start{variable(1.0)};
  EXPECT_THROW(repeat([](const std::vector<Scalar>&) { return std::vector<Scalar>(2); }, start, 3),
               Error);
  EXPECT_THROW(repeat([](const Scalar& s) { return s; }, variable(1.0), 3, 0), Error);
}

}  // namespace
}  // namespace chainrule
