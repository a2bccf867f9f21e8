// Functions of tensors: recorded, replayed, differentiated, compiled.
#include "chainrule/tensor/function.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/tensor/compile.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/random.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/transform.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;

void expect_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  const Numbers x = a.values(), y = b.values();
  for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(x[k], y[k], tolerance) << k;
}

Tensor net(const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& v) {
  return sum(square(matmul(tanh(matmul(x, w) + b), v)));
}

struct Operands {
  Random random{7};
  Tensor x = randn({5, 3}, random), w = randn({3, 4}, random), b = randn({4}, random),
         v = randn({4, 2}, random);
};

TEST(TensorFunction, a_recording_replays_for_other_numbers) {
  const Operands o;
  const TensorFunction f = record(net, o.x, o.w, o.b, o.v);
  const Tensor other = o.x * 2.0;
  expect_near(f(other, o.w, o.b, o.v), net(other, o.w, o.b, o.v), 1e-14);
  EXPECT_EQ(f.inputs(), 4u);
}

TEST(TensorFunction, another_branch_is_recorded_anew_and_never_answered_with_a_stale_one) {
  const auto code = [](const Tensor& x) { return scalar(sum(x)) > 0 ? x * 2.0 : x * 3.0; };
  const TensorFunction f = record(code, tensor({1, 2}));
  EXPECT_EQ(Tensor(f(tensor({3, 4}))).values(), (Numbers{6, 8}));
  EXPECT_EQ(f.variants(), 1u);
  EXPECT_EQ(Tensor(f(tensor({-3, -4}))).values(), (Numbers{-9, -12}));
  EXPECT_EQ(f.variants(), 2u);
  const TensorKernel kernel = compile(f);
  EXPECT_EQ(Tensor(kernel(tensor({-3, -4}))).values(), (Numbers{-9, -12}));
  EXPECT_EQ(Tensor(kernel(tensor({3, 4}))).values(), (Numbers{6, 8}));
}

TEST(TensorFunction, its_only_result_stands_in_formulas) {
  const TensorFunction f = record([](const Tensor& x) { return x * 2.0; }, ones({2}));
  const Tensor x = tensor({1, 4});
  EXPECT_EQ((f(x) - 1.0).values(), (Numbers{1, 7}));
  EXPECT_EQ((x / f(x) + f(x)).values(), (Numbers{2.5, 8.5}));
  EXPECT_EQ(max(f(x), 3.0).values(), (Numbers{3, 8}));
  const TensorFunction two = record([](const Tensor& t) { return std::pair(t, t); }, ones({2}));
  EXPECT_THROW(two(x) + 1.0, Error);
}

TEST(TensorFunction, other_shapes_are_refused) {
  const TensorFunction f = record([](const Tensor& x) { return sum(x); }, ones({2, 3}));
  EXPECT_THROW(f(ones({3, 2})), Error);
  EXPECT_THROW(f(ones({2, 3}, f32)), Error);
}

TEST(TensorFunction, numbers_of_one_run_are_not_taken_out_silently) {
  EXPECT_THROW(record([](const Tensor& x) { return x * x.values()[0]; }, ones({2})), Error);
}

TEST(TensorFunction, its_derivatives_are_those_of_the_code) {
  const Operands o;
  const TensorFunction f = record(net, o.x, o.w, o.b, o.v);
  expect_near(grad(f, 1)(o.x, o.w, o.b, o.v), grad<1>(net)(o.x, o.w, o.b, o.v), 1e-13);
  const auto all = value_and_grad(f)(o.x, o.w, o.b, o.v);
  ASSERT_EQ(all.size(), 5u);
  expect_near(all[0], net(o.x, o.w, o.b, o.v), 1e-13);
  const auto [gx, gw, gb, gv] = grad<0, 1, 2, 3>(net)(o.x, o.w, o.b, o.v);
  expect_near(all[1], gx, 1e-13);
  expect_near(all[3], gb, 1e-13);
  expect_near(all[4], gv, 1e-13);
  expect_near(hessian(f, 2)(o.x, o.w, o.b, o.v), hessian<2>(net)(o.x, o.w, o.b, o.v), 1e-12);
}

TEST(TensorTransforms, a_jacobian_has_the_axes_of_both) {
  const auto f = [](const Tensor& x) { return matmul(tensor({{1, 2}, {3, 4}, {5, 6}}), x * x); };
  const Tensor x = tensor({3, 5});
  const Tensor j = jacobian(f)(x);
  EXPECT_EQ(j.shape(), Shape({3, 2}));
  EXPECT_EQ(j.values(), (Numbers{6, 20, 18, 40, 30, 60}));
  const auto wide = [](const Tensor& t) { return sum(t * t, 0); };
  EXPECT_EQ(jacobian(wide)(tensor({{1, 2}, {3, 4}})).values(), (Numbers{2, 0, 6, 0, 0, 4, 0, 8}));
}

TEST(TensorTransforms, hessians_products_and_directions_agree) {
  const auto f = [](const Tensor& x) { return sum(x * x * x) + x.size() * prod(x); };
  const Tensor x = tensor({1, 2, 3}), v = tensor({1, -1, 2});
  const Tensor h = hessian(f)(x);
  EXPECT_EQ(h.values(), (Numbers{6, 9, 6, 9, 12, 3, 6, 3, 18}));
  EXPECT_EQ(hvp(f)(x, v).values(), (Numbers{9, 3, 39}));
  EXPECT_EQ(jvp(f)(x, v).tangent.values(), (Numbers{3 - 12 + 54 + 3 * (6 - 3 + 4)}));
  EXPECT_EQ(vjp(f)(x, full({}, 2.0)).adjoint.values(),
            (Numbers{2 * (3 + 18), 2 * (12 + 9), 2 * (27 + 6)}));
}

// D(x ↦ x·D(y ↦ x+y)) = 1 at x = 1: Siskind & Pearlmutter 2005.
TEST(TensorTransforms, nested_derivatives_are_not_confused) {
  const auto outer = [](const Tensor& x) {
    const auto inner = [&x](const Tensor& y) { return sum(x + y); };
    return sum(x * grad(inner)(ones({1}) * x));
  };
  EXPECT_EQ(grad(outer)(tensor({1.0})).values(), (Numbers{1}));
  const auto cube = [](const Tensor& x) { return sum(x * x * x); };
  const auto first = [&](const Tensor& x) { return sum(grad(cube)(x)); };
  EXPECT_EQ(grad(first)(tensor({2.0, 3.0})).values(), (Numbers{12, 18}));
}

// A recorded adjoint of value −0.0, a seed of 0 times a negative slope, is no gap.
TEST(TensorTransforms, numbers_in_the_middle_of_a_function_keep_their_derivatives) {
  const auto f = [](const Tensor& t) {
    const Scalar s = scalar(t, {0}), w = scalar(t, {1});
    return Tensor(cos(s) * 3.0 + w * sin(sin(s)) + exp(-w) * exp(-s));
  };
  const Tensor x = tensor({2.0, 0.0});
  const double s = 2, w = 0,
               slope_s =
                   -3 * std::sin(s) + w * std::cos(std::sin(s)) * std::cos(s) - std::exp(-w - s),
               slope_w = std::sin(std::sin(s)) - std::exp(-w - s);
  EXPECT_NEAR(jvp(f)(x, tensor({1, 0})).tangent.item(), slope_s, 1e-14);
  EXPECT_NEAR(jvp(f)(x, tensor({0, 1})).tangent.item(), slope_w, 1e-14);
  const Tensor h = hessian(f)(x);
  const double mixed = std::cos(std::sin(s)) * std::cos(s) + std::exp(-w - s);
  EXPECT_NEAR(h.at({0, 1}), mixed, 1e-14);
  EXPECT_NEAR(h.at({1, 0}), mixed, 1e-14);
  EXPECT_NEAR(h.at({0, 0}), -3 * std::cos(s) + std::exp(-w - s), 1e-14);
  expect_near(hvp(f)(x, tensor({1, 0})), tensor({h.at({0, 0}), mixed}), 1e-14);
}

TEST(Vmap, batches_of_a_function_of_vectors_are_one_batch_of_operations) {
  Random random(3);
  const Tensor w = randn({4, 3}, random), xs = randn({6, 3}, random), ys = randn({6, 4}, random);
  const auto f = [&w](const Tensor& x, const Tensor& y) {
    return sum(tanh(matmul(w, x)) * y) + sum(x, 0);
  };
  const Tensor z = vmap(f)(xs, ys);
  ASSERT_EQ(z.shape(), Shape({6}));
  for (std::int64_t k = 0; k < 6; ++k) {
    EXPECT_NEAR(z.at({k}), f(pick(xs, 0, k), pick(ys, 0, k)).item(), 1e-13);
  }
}

TEST(Vmap, axes_are_chosen_and_arguments_may_go_whole) {
  const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}}), b = tensor({10, 20});
  const auto f = [](const Tensor& x, const Tensor& y) { return x * y; };
  const Tensor z = vmap(f, {.axes = {1, VmapOptions::kWhole}, .out_axis = 1})(a, b);
  EXPECT_EQ(z.shape(), Shape({2, 3}));
  EXPECT_EQ(z.values(), (Numbers{10, 20, 30, 80, 100, 120}));
}

TEST(Vmap, closures_over_what_is_recorded_outside_and_nested_ones) {
  const Frame frame = Tape::active().frame();
  const Tensor w = variable(tensor({1, 2})), xs = tensor({{1, 2}, {3, 4}, {5, 6}});
  const Tensor z = vmap([&w](const Tensor& x) { return sum(w * x); })(xs);
  EXPECT_EQ(z.values(), (Numbers{5, 11, 17}));
  EXPECT_EQ(gradient(sum(z), {w})[0].values(), (Numbers{9, 12}));
  const Tensor products = vmap([&](const Tensor& x) {
    return vmap([&x](const Tensor& y) { return sum(x * y); })(tensor({{1, 0}, {0, 1}}));
  })(xs);
  EXPECT_EQ(products.values(), (Numbers{1, 2, 3, 4, 5, 6}));
}

TEST(TensorFunction, random_numbers_are_not_frozen_silently) {
  Random random(1);
  EXPECT_THROW(record([&](const Tensor& x) { return x * rand({2}, random); }, ones({2})), Error);
}

TEST(Vmap, gradients_of_each_row_and_code_that_decides_by_numbers) {
  const auto f = [](const Tensor& x) { return sum(x * x * x); };
  const Tensor xs = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ(vmap(grad(f))(xs).values(), (Numbers{3, 12, 27, 48}));
  const auto branch = [](const Tensor& x) { return sum(x).item() > 5 ? x * 2.0 : -x; };
  EXPECT_EQ(vmap(branch)(xs).values(), (Numbers{-1, -2, 6, 8}));
  // And through it a derivative.
  const auto total = [&](const Tensor& all) { return sum(vmap(f)(all)); };
  EXPECT_EQ(grad(total)(xs).values(), (Numbers{3, 12, 27, 48}));
}

// ---- compiled ---------------------------------------------------------------------------------

TEST(TensorKernel, gives_what_the_function_gives) {
  const Operands o;
  const TensorFunction f = value_and_grad(record(net, o.x, o.w, o.b, o.v));
  const TensorKernel kernel = compile(f);
  const auto expected = f(o.x, o.w, o.b, o.v), got = kernel(o.x, o.w, o.b, o.v);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) expect_near(got[k], expected[k], 1e-13);
}

TEST(TensorKernel, a_chain_and_its_gradient_are_one_pass_with_the_sum) {
  Random random(1);
  const Tensor x = randn({1000}, random, f32);
  const auto chain = [](const Tensor& t) { return sum(sigmoid(tanh(t * t + 1.0) * exp(-t))); };
  const TensorFunction f = value_and_grad(record(chain, x));
  const TensorKernel kernel = compile(f);
  EXPECT_EQ(kernel.report().passes, 1u) << kernel.dump();
  EXPECT_EQ(kernel.report().steps, 1u) << kernel.dump();
  const auto expected = f(x), got = kernel(x);
  EXPECT_NEAR(got[0].item(), expected[0].item(), 1e-3);
  expect_near(got[1], expected[1], 1e-5);
}

TEST(TensorKernel, branches_that_were_not_taken_stay_out_of_the_fused_pass) {
  const auto f = [](const Tensor& x) { return sum(where(x > 0.0, sqrt(x) * 3.0, x)); };
  const Tensor x = tensor({-4, 4, 0});
  const TensorKernel kernel = compile(grad(record(f, x)));
  EXPECT_EQ(Tensor(kernel(x)).values(), (Numbers{1, 0.75, 1}));
}

TEST(TensorKernel, memory_given_for_the_results_is_used_and_no_result_changes_later) {
  const TensorFunction f = record([](const Tensor& x) { return matmul(x, x) + 1.0; }, eye(3));
  const TensorKernel kernel = compile(f);
  std::vector<Tensor> out = {empty({3, 3})};
  const double* memory = out[0].span<double>().data();
  const Tensor in[] = {eye(3)};
  kernel.run(in, out);
  EXPECT_EQ(out[0].span<double>().data(), memory);
  const Tensor kept = out[0];
  const Tensor twice[] = {eye(3) * 2.0};
  kernel.run(twice, out);
  EXPECT_EQ(kept.at({0, 0}), 2);
  EXPECT_EQ(out[0].at({0, 0}), 5);
}

}  // namespace
}  // namespace chainrule
