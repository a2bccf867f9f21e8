// Loops of odd shapes, with branches, of many steps, on many threads.
#include <thread>

#include "chainrule/graph/save.hpp"
#include "tests/support/small_stack.hpp"
#include "tests/transform/loops.hpp"

namespace chainrule {
namespace {

using namespace test;

// ---- shapes -----------------------------------------------------------------------------------

std::string message_of(auto code) {
  try {
    code();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Loop, of_no_steps_gives_what_it_began_with) {
  const Scalars none;
  const Scalar x = variable(2.0);
  EXPECT_TRUE(map([](Scalar a) { return a * a; }, none).empty());
  EXPECT_EQ(sum_over([](Scalar a) { return a * a; }, none).value(), 0.0);
  EXPECT_EQ(gradient(fold([](Scalar c, Scalar a) { return c * a; }, x, none) * x, {x})[0], 4.0);
  EXPECT_EQ(gradient(fold(
                         0, [](Scalar c) { return c * c; }, x),
                     {x})[0],
            1.0);
  const auto scanned = scan([](Scalar c, Scalar a) { return std::pair(c * a, a); }, x, none);
  EXPECT_EQ(scanned.carry.value(), 2.0);
  EXPECT_TRUE(scanned.ys.empty());
}

TEST(Loop, as_a_block_of_no_steps_passes_its_carry_on) {
  const Function body = record([](Scalar c, Scalar w) { return Scalars{c * w, w}; }, 1.0, 1.0);
  const auto loop = std::make_shared<const Loop>(body, Loop::Shape{0, 1, 0, 1, 0, 1});
  const Scalars x = {variable(3.0), variable(5.0)};
  const Scalars z = call(loop, x);
  EXPECT_EQ(z[0].value(), 3.0);
  EXPECT_EQ(z[1].value(), 0.0);
  EXPECT_EQ(gradient(z[0] * 2.0, x), (Vector{2, 0}));
  EXPECT_EQ(reach(z[0], x[1]), Reach::cut);
  const Scalar ys[] = {z[0], z[1]};
  EXPECT_EQ(jvp(ys, x, Vector{1, 1}), (Vector{1, 0}));
}

TEST(Loop, of_one_step_is_the_body) {
  expect_same(
      [](const Scalars& v) {
        const Scalar w = v[1];
        return sum_over([w](Scalar x) { return sin(x * w); }, Scalars{v[0]});
      },
      [](const Scalars& v) { return sin(v[0] * v[1]) + 0.0; }, {0.4, 0.9});
}

TEST(Loop, descending_runs_the_last_step_first) {
  const Function body = record(
      [](Scalar c, Scalar x) {
        return Scalars{c * 0.5 + x, c, c * x};
      },
      1.0, 1.0);
  const auto loop = std::make_shared<const Loop>(body, Loop::Shape{3, 1, 1, 0, 1, 1},
                                                 Loop::Direction::descending);
  const Scalars x = {variable(0.3), variable(1.0), variable(-2.0), variable(4.0)};
  const auto plain = [](const Scalars& v) {
    Scalar c = v[0], sum = 0.0;
    Scalars z(5);
    for (const std::size_t t : {2u, 1u, 0u}) {
      z[1 + t] = c;
      sum += c * v[1 + t];
      c = c * 0.5 + v[1 + t];
    }
    z[0] = c;
    z[4] = sum;
    return z;
  };
  const Scalars z = call(loop, x), expected = plain(x);
  for (std::size_t k = 0; k < 5; ++k) EXPECT_EQ(z[k].value(), expected[k].value()) << k;
  expect_close(jacobian(z, x).entries, jacobian(expected, x).entries);
  expect_close(jacobian(z, x, Sweep::forward).entries, jacobian(expected, x).entries);
}

TEST(Loop, says_which_lengths_do_not_agree) {
  const Scalars three = {1.0, 2.0, 3.0}, two = {1.0, 2.0};
  EXPECT_EQ(message_of([&] { map([](Scalar a, Scalar b) { return a * b; }, three, two); }),
            "[map] range 0 has 3 elements, but range 1 has 2");
  EXPECT_EQ(
      message_of([&] {
        sum_over([](const Scalars& a) { return a[0]; }, std::vector{two, three});
      }),
      "[sum_over] the rows of a range have one shape: row 0 of range 0 has a part of 2 elements, "
      "where row 1 has 3");
  EXPECT_EQ(message_of([&] {
              fold([](const Scalars& c, Scalar x) { return Scalars{c[0] * x}; }, two, three);
            }),
            "[fold] the body gave a carry of 1 numbers for one of 2");
  EXPECT_EQ(message_of([] {
              Loop(record([](Scalar x) { return x; }, 1.0), Loop::Shape{1, 1, 1, 0, 0, 0});
            }),
            "[loop] the body takes 1 numbers, but the loop's shape says 2");
}

// ---- branches ---------------------------------------------------------------------------------

TEST(Loop, steps_take_their_own_branches) {
  const auto body = [](const Scalar& c, const Scalar& x) {
    if (x > 0.0) return c * x * x;
    return c + sin(x);
  };
  expect_same([body](const Scalars& v) { return fold(body, v[0], std::span(v).subspan(1)); },
              [body](const Scalars& v) {
                Scalar c = v[0];
                for (std::size_t k = 1; k < v.size(); ++k) c = body(c, v[k]);
                return c;
              },
              {0.5, 1.0, -2.0, 3.0, -0.5});
}

TEST(Loop, a_capture_that_one_branch_alone_reads_is_differentiated_by) {
  const auto body = [](const Scalar& w, const Scalar& x) {
    const Scalar both = x * w;
    if (x > 0.0) return both * both;
    return x + 1.0;
  };
  expect_same(
      [body](const Scalars& v) {
        const Scalar w = v[0];
        return sum_over([=](Scalar x) { return body(w, x); }, std::span(v).subspan(1));
      },
      [body](const Scalars& v) {
        Scalar sum = 0.0;
        for (std::size_t k = 1; k < v.size(); ++k) sum += body(v[0], v[k]);
        return sum;
      },
      {0.5, -1.0, 2.0, -3.0, 0.5});
}

TEST(Loop, whose_count_depends_on_data_is_recorded_anew_for_another_count) {
  const Function power = record(
      [](Scalar x, Scalar n) {
        return fold(
            static_cast<int>(n.value()), [x](Scalar p) { return p * x; }, 1.0);
      },
      2.0, 3.0);
  EXPECT_EQ(power(2.0, 3.0)[0], 8.0);
  EXPECT_EQ(power(2.0, 10.0)[0], 1024.0);
  EXPECT_EQ(power(3.0, 3.0)[0], 27.0);
  EXPECT_EQ(grad(power)(2.0, 5.0)[0], 80.0);
  EXPECT_EQ(power(7.0, 0.0)[0], 1.0);
  EXPECT_EQ(power.variants(), 4u);
}

TEST(Loop, rows_of_a_function_agree_with_one_at_a_time) {
  const Function f = record(
      [](const Scalars& v) {
        const Scalar w = v[0];
        return fold(
            [w](const Scalar& c, const Scalar& x) {
              if (x > 0.5) return c * x;
              return c + w * x;
            },
            1.0, std::span(v).subspan(1));
      },
      shape(4));
  const Vector in = random_numbers(4 * 100, 23);
  const Function slopes = grad(f);
  Vector out(100), gradients(400);
  f.rows(in, out);
  slopes.rows(in, gradients);
  for (std::size_t r = 0; r < 100; ++r) {
    const std::span<const double> row = std::span(in).subspan(4 * r, 4);
    EXPECT_EQ(out[r], f(row)[0]);
    const Vector one = slopes(row);
    EXPECT_TRUE(std::ranges::equal(std::span(gradients).subspan(4 * r, 4), one)) << "row " << r;
  }
}

TEST(Loop, a_capture_that_a_later_branch_is_the_first_to_read_is_refused) {
  const Function f = record(
      [](Scalar w, const Scalars& xs) {
        return sum_over(
            [w](Scalar x) {
              if (x > 0.0) return x * w;
              return x;
            },
            xs);
      },
      1.0, Vector{-1, -2});
  EXPECT_EQ(f(3.0, Vector{-1, -2})[0], -3.0);
  // The recording at −1 has not met w, so that it is no input of the loop.
  EXPECT_THROW(f(3.0, Vector{-1, 2}), HandleError);
}

TEST(Loop, a_trace_that_calls_one_is_not_written_to_a_file) {
  const Function f =
      record([](const Scalars& v) { return sum_over([](Scalar x) { return x; }, v); }, shape(2));
  EXPECT_NE(message_of([&] { save(f.trace(), "loop.crt"); }).find("loop"), std::string::npos);
}

TEST(Loop, functions_with_loops_are_called_in_functions) {
  const Function norm = record(
      [](const Scalars& v) { return sqrt(sum_over([](Scalar x) { return x * x; }, v)); }, shape(3));
  const Function both = record(
      [norm](const Scalars& v) {
        const Scalar n = norm(v)[0];
        return sum_over([n](Scalar x) { return exp(x / n); }, v);
      },
      shape(3));
  const Function plain = record(
      [](const Scalars& v) {
        const Scalar n = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        return exp(v[0] / n) + exp(v[1] / n) + exp(v[2] / n);
      },
      shape(3));
  const Vector x = {0.4, -0.3, 1.2};
  expect_close(both(x), plain(x));
  expect_close(grad(both)(x), grad(plain)(x));
  expect_close(hessian(both)(x), hessian(plain)(x));
}

// ---- sizes ------------------------------------------------------------------------------------

// The nodes of f and of its derivatives, with `steps` steps of a body of `work` operations.
std::array<std::size_t, 3> sizes_of(std::size_t steps, int work) {
  const Function f = record(
      [work](const Scalars& xs, Scalar w) {
        return fold(
            [w, work](Scalar c, Scalar x) {
              for (int k = 0; k < work; ++k) c = sin(c * w) + x;
              return c;
            },
            w, xs);
      },
      shape(steps), 1.0);
  return {f.trace().graph.size(), grad(f).trace().graph.size(), hessian(f, 1).trace().graph.size()};
}

TEST(Loop, a_trace_does_not_grow_with_the_body) { EXPECT_EQ(sizes_of(20, 3), sizes_of(20, 30)); }

TEST(Loop, a_trace_grows_with_the_numbers_of_the_steps_alone) {
  const auto a = sizes_of(20, 3), b = sizes_of(40, 3), c = sizes_of(60, 3);
  EXPECT_LE(b[0] - a[0], 20u);  // an input a step
  // And in the gradient the carry that is kept, and an adjoint.
  EXPECT_LE(b[1] - a[1], 60u);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(c[k] - b[k], b[k] - a[k]) << k;
}

// The blocks that a trace calls.
std::vector<const Block*> blocks_of(const Function& f) {
  std::vector<const Block*> blocks;
  for (const BlockCall& call : f.trace().graph.calls()) blocks.push_back(call.block.get());
  return blocks;
}

TEST(Loop, derivatives_of_one_loop_are_derived_once) {
  const Function f = record(
      [](const Scalars& v) { return fold([](Scalar c, Scalar x) { return c * x; }, 1.0, v); },
      shape(3));
  EXPECT_EQ(blocks_of(f).size(), 1u);
  EXPECT_EQ(blocks_of(hessian(f)), blocks_of(hessian(f)));
}

TEST(Loop, a_loop_without_a_carry_is_not_run_again_for_its_gradient) {
  const Function f = record(
      [](const Scalars& v) { return sum_over([](Scalar x) { return exp(x); }, v); }, shape(3));
  EXPECT_EQ(blocks_of(grad(f)).size(), 1u);
  EXPECT_EQ(blocks_of(value_and_grad(f)).size(), 2u);
}

TEST(Loop, a_gradient_takes_along_what_it_reads_alone) {
  // The gradient of Σ w² x + b does not read b; the adjoint of x, which is data, is not computed.
  const Function f = record(
      [](Scalar w, Scalar b) {
        return sum_over([=](Scalar x) { return w * w * x + b; }, Vector{1, 2, 3});
      },
      1.0, 1.0);
  const Function slopes = grad(f, kEveryArgument);
  EXPECT_EQ(slopes(2.0, 5.0), (Vector{24, 3}));
  const auto& loop = dynamic_cast<const Loop&>(*slopes.trace().graph.calls()[0].block);
  // In: each x; w and the seed of the sum. Out: the adjoints of w and b.
  EXPECT_EQ(loop.shape(), (Loop::Shape{3, 0, 1, 2, 0, 2}));
}

TEST(Loop, of_many_steps_runs_on_a_small_stack) {
  test::on_a_small_stack([] {
    constexpr std::size_t kSteps = 100'000;
    const Function f = record(
        [](Scalar a, Scalar b) {
          return fold(
              static_cast<int>(kSteps), [=](Scalar x) { return a * x + b; }, 0.0);
        },
        0.5, 1.0);
    // x → b / (1 − a) = 4: ∂/∂a = b / (1 − a)², ∂/∂b = 1 / (1 − a).
    const Function slopes = grad(f, kEveryArgument);
    EXPECT_DOUBLE_EQ(f(0.75, 1.0)[0], 4.0);
    expect_close(slopes(0.75, 1.0), {16.0, 4.0});
    const Scalar a = variable(0.75), b = variable(1.0);
    const Scalar y = fold(
        static_cast<int>(kSteps), [=](Scalar x) { return a * x + b; }, 0.0);
    expect_close(gradient(y, {a, b}), {16.0, 4.0});
  });
}

TEST(Loop, two_threads_evaluate_one_function) {
  const Function f = record(
      [](const Scalars& v) {
        const Scalar w = v[0];
        return fold(
            [w](const Scalar& c, const Scalar& x) {
              if (x > 0.0) return c * w + x;
              return c - x * w;
            },
            1.0, std::span(v).subspan(1));
      },
      shape(9));
  const Function slopes = grad(f);
  const auto work = [&](unsigned seed) {
    for (unsigned k = 0; k < 200; ++k) {
      const Vector x = random_numbers(9, seed * 1000 + k);
      double c = 1.0;
      for (std::size_t i = 1; i < 9; ++i) c = x[i] > 0 ? c * x[0] + x[i] : c - x[i] * x[0];
      ASSERT_EQ(f(x)[0], c);
      const Scalar w = variable(x[0]);
      Scalar y = 1.0;
      for (std::size_t i = 1; i < 9; ++i) y = x[i] > 0 ? y * w + x[i] : y - x[i] * w;
      ASSERT_NEAR(slopes(x)[0], gradient(y, {w})[0], 1e-12);
    }
  };
  std::thread other(work, 1u);
  work(2u);
  other.join();
}

}  // namespace
}  // namespace chainrule
