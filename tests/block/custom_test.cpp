// User code as a primitive.
#include "chainrule/block/custom.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/block/checkpoint.hpp"
#include "chainrule/chainrule.hpp"
#include "chainrule/tape/inspect.hpp"
#include "chainrule/transform/check.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule {
namespace {

using Vector = std::vector<double>;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

auto my_exp() {
  return custom(
      "my_exp", [](double x) { return std::exp(x); },
      [](auto, auto z, auto zbar) { return zbar * z; });
}

// (x₀ x₁, x₀ + x₁)
auto product_and_sum() {
  return custom(
      "product_and_sum",
      [](std::span<const double> x) {
        return Vector{x[0] * x[1], x[0] + x[1]};
      },
      [](auto x, auto, auto zbar) {
        return std::vector{zbar[0] * x[1] + zbar[1], zbar[0] * x[0] + zbar[1]};
      });
}

TEST(Custom, of_plain_numbers_is_a_plain_number) {
  const Scalar z = my_exp()(Scalar(1.0));
  EXPECT_TRUE(z.is_number());
  EXPECT_EQ(z.value(), std::exp(1.0));
}

TEST(Custom, works_at_every_order_where_its_vjp_is_recorded) {
  const auto f = [g = my_exp()](Scalar x) { return g(x * 2.0) * x; };
  const double x = 0.3, e = std::exp(0.6);
  EXPECT_DOUBLE_EQ(grad(f)(x), e * (2 * x + 1));
  EXPECT_DOUBLE_EQ(grad(grad(f))(x), e * (4 * x + 4));
  EXPECT_DOUBLE_EQ(grad(grad(grad(f)))(x), e * (8 * x + 12));
  EXPECT_DOUBLE_EQ(hessian(f)(x)(0, 0), e * (4 * x + 4));
  EXPECT_DOUBLE_EQ(jvp(f)(x, 1.0).tangent, e * (2 * x + 1));
  EXPECT_DOUBLE_EQ(jvp(grad(f))(x, 1.0).tangent, e * (4 * x + 4));
}

TEST(Custom, has_many_inputs_and_outputs) {
  const auto g = product_and_sum();
  const std::vector<Scalar> x{variable(2.0), variable(3.0)};
  const std::vector<Scalar> z = g(x);
  EXPECT_EQ(z[0].value(), 6.0);
  EXPECT_EQ(gradient(z[0] * z[1], x), (Vector{5 * 3 + 6, 5 * 2 + 6}));
  EXPECT_EQ(gradient(z[1], x), (Vector{1, 1})) << "one output of two";
  EXPECT_EQ(hessian(z[0] * z[1], x), (Vector{6, 10, 10, 4}));
  EXPECT_EQ(jacobian(std::span<const Scalar>(z), x, Sweep::forward).entries, (Vector{3, 2, 1, 1}));
}

TEST(Custom, takes_several_numbers_one_by_one) {
  const auto g = custom(
      "mix", [](double x, double y) { return x * x * y; },
      [](auto x, auto y, auto, auto zbar) {
        return std::array{2.0 * x * y * zbar, x * x * zbar};
      });
  const auto f = [&](Scalar x, Scalar y) { return g(x, y); };
  EXPECT_EQ((grad<0, 1>(f)(3.0, 5.0)), std::make_tuple(30.0, 9.0));
  const Scalar x = variable(3.0);
  EXPECT_EQ(gradient(g(x, 5.0), {x})[0], 30.0) << "a plain number among the operands";
  EXPECT_EQ(gradient(g(x, x), {x})[0], 27.0) << "the same node twice";
}

TEST(Custom, of_a_vjp_over_numbers_says_that_it_has_no_second_order) {
  const auto g = custom(
      "first", [](double x) { return x * x; },
      [](double x, double, double zbar) { return 2 * x * zbar; });
  const auto f = [&](Scalar x) { return g(x); };
  EXPECT_EQ(grad(f)(3.0), 6.0);
  EXPECT_EQ(jvp(f)(3.0, 2.0).tangent, 12.0);
  EXPECT_NE(message_of([&] { grad(grad(f))(3.0); }).find("[first] cannot be differentiated twice"),
            std::string::npos);
  EXPECT_THROW(hessian(f)(3.0), Error);
  EXPECT_EQ(grad(f)(3.0), 6.0) << "the tape is clean after an exception in a sweep";
}

TEST(Custom, with_a_jvp_of_its_own_uses_it_in_forward_mode) {
  int pushed = 0;
  const auto g = custom(
      "counted", [](double x) { return x * x; },
      [](auto x, auto, auto zbar) { return 2.0 * x * zbar; },
      [&pushed](auto x, auto, auto xdot) {
        ++pushed;
        return 2.0 * x * xdot;
      });
  EXPECT_EQ(jvp([&](Scalar x) { return g(x); })(3.0, 1.0).tangent, 6.0);
  EXPECT_EQ(pushed, 1);
}

TEST(Custom, that_gives_another_count_of_numbers_is_told) {
  const auto g = custom(
      "odd", [](std::span<const double> x) { return Vector{x[0]}; },
      [](auto, auto, auto zbar) {
        return std::vector{zbar[0], zbar[0], zbar[0]};
      });
  const std::vector<Scalar> x{variable(1.0), variable(2.0)};
  EXPECT_EQ(message_of([&] { gradient(g(x)[0], x); }), "[odd] vjp gave 3 numbers for 2");
}

TEST(Custom, an_exception_in_a_vjp_leaves_a_clean_tape) {
  const auto g = custom(
      "thrower", [](double x) { return x; },
      [](double, double, double) -> double { throw std::runtime_error("vjp"); });
  const Scalar x = variable(2.0), y = variable(3.0);
  const Scalar z = g(x) * y * x;
  EXPECT_THROW(gradient(z, {x, y}), std::runtime_error);
  EXPECT_EQ(gradient(x * y, {x, y}), (Vector{3, 2}));
  EXPECT_THROW(z.backward(), std::runtime_error);
  EXPECT_EQ(gradient(x * x, {x})[0], 4.0);
}

TEST(Custom, may_record_inside_of_its_vjp) {
  const auto g = custom(
      "nested", [](double x) { return x * x * x; },
      [](double x, double, double zbar) {
        return zbar * grad([](Scalar t) { return t * t * t; })(x);
      });
  const Scalar x = variable(2.0);
  Scalar y = g(x);
  for (int k = 0; k < 100; ++k) y = g(y * 0.1);
  EXPECT_EQ(gradient(g(x) + x, {x})[0], 13.0);
}

TEST(Custom, is_replayed_in_Functions_with_the_new_values) {
  const auto g = my_exp();
  const Function f = record([g](Scalar x) { return g(x) * x; }, 1.0);
  const Function slope = grad(f), curvature = grad(slope);
  EXPECT_DOUBLE_EQ(f(0.5)[0], std::exp(0.5) * 0.5);
  EXPECT_DOUBLE_EQ(slope(0.5)[0], std::exp(0.5) * 1.5);
  EXPECT_DOUBLE_EQ(curvature(0.5)[0], std::exp(0.5) * 2.5);
  Vector in(70, 0.5), out(70);
  f.rows(in, out);
  EXPECT_EQ(out, Vector(70, f(0.5)[0]));
}

TEST(Custom, an_output_that_nothing_uses_brings_no_nan) {
  // The second output's derivative is infinite at 0; nobody asks for it.
  const auto g = custom(
      "pair",
      [](std::span<const double> x) {
        return Vector{x[0], std::sqrt(x[0])};
      },
      [](auto x, auto, auto zbar) { return std::vector{zbar[0] + zbar[1] / (2.0 * sqrt(x[0]))}; });
  const std::vector<Scalar> x{variable(4.0)};
  const std::vector<Scalar> z = g(x);
  EXPECT_EQ(gradient(z[0] + z[1], x)[0], 1.25);
  // A code that is run again knows which of its outputs were reached.
  const Scalar zero = variable(0.0);
  const auto both = checkpoint([](const Scalar& v) { return std::pair(v, sqrt(v)); })(zero);
  EXPECT_EQ(gradient(both.first, {zero})[0], 1.0);
}

TEST(Custom, of_a_right_vjp_is_right_to_the_checker_and_of_a_wrong_one_wrong) {
  const auto checked = [](auto vjp) {
    const auto ident = custom(
        "ident", [](double x) { return x; }, vjp);
    return check([&](std::span<const Scalar> x) { return ident(x[0]) * x[0]; }, Vector{1.5});
  };
  const CheckReport right = checked([](auto, auto, auto zbar) { return zbar; });
  EXPECT_EQ(right.components[0].derivative, 3.0);
  EXPECT_EQ(right.verdict, Verdict::right);
  EXPECT_EQ(checked([](auto, auto, auto zbar) { return zbar * 1.001; }).verdict, Verdict::wrong);
}

// x₀ where x₀ > 0, else x₀ x₁. Its vjp is written in recorded operations, and branches.
auto one_or_product() {
  return custom(
      "one_or_product",
      [](std::span<const double> x) { return Vector{x[0] > 0 ? x[0] : x[0] * x[1]}; },
      [](auto x, auto, auto zbar) {
        using S = std::remove_cvref_t<decltype(zbar[0])>;
        if (x[0] > 0) return std::vector<S>{zbar[0], S(0.0)};
        return std::vector<S>{zbar[0] * x[1], zbar[0] * x[0]};
      });
}

TEST(Custom, with_a_vjp_that_branches_is_right_in_every_step_of_a_loop) {
  const auto f = one_or_product();
  const auto step = [f](Scalar x, Scalar y) { return f(std::vector<Scalar>{x, y})[0]; };
  const auto looped = [&](const std::vector<Scalar>& v) {
    const std::vector<Scalar> xs(v.begin(), v.begin() + 2), ys(v.begin() + 2, v.end());
    return map(step, xs, ys);
  };
  const Vector at = {1, -1, 5, 7};
  std::vector<Scalar> v;
  for (const double number : at) v.push_back(variable(number));
  const std::vector<Scalar> z = looped(v);
  EXPECT_EQ(gradient(z[0] + z[1], v), (Vector{1, 7, 0, -1}));
  const Scalar product = z[0] * z[1];  // 1 · −7
  EXPECT_EQ(gradient(product, v), (Vector{-7, 7, 0, -1}));
  // z₀ z₁ = x₀ x₁ y₁
  EXPECT_EQ(hessian(product, v), (Vector{0, 7, 0, -1, 7, 0, 0, 1, 0, 0, 0, 0, -1, 1, 0, 0}));
  // What is recorded on one branch holds on the others.
  const Function both = record(
      [&](const std::vector<Scalar>& u) {
        const std::vector<Scalar> zs = looped(u);
        return zs[0] * zs[1];
      },
      Vector{1, 1, 1, 1});
  EXPECT_EQ(grad(both)(at), (Vector{-7, 7, 0, -1}));
  EXPECT_EQ(hessian(both)(at), (Vector{0, 7, 0, -1, 7, 0, 0, 1, 0, 0, 0, 0, -1, 1, 0, 0}));
  EXPECT_EQ(jvp(both)(at, Vector{1, 10, 100, 1000})[1], -7 + 70 - 1000);
}

TEST(Custom, shows_in_messages_and_pictures_by_its_name) {
  const std::vector<Scalar> x{variable(2.0, "a"), variable(3.0, "b")};
  const std::vector<Scalar> z = product_and_sum()(x);
  EXPECT_NE(z[1].name().find("product_and_sum/"), std::string::npos);
  const NodeInfo node = inspect(z[0]);
  EXPECT_EQ(node.kind, NodeKind::block);
  ASSERT_EQ(node.operands.size(), 2u);
  EXPECT_EQ(node.operands[0].partial, 3.0);
  EXPECT_EQ(ancestors(z[0]).size(), 3u);
  EXPECT_NE(explain(z[0] * 2.0, x[0]).find("product_and_sum"), std::string::npos);
}

TEST(Custom, takes_learners_backward_too) {
  const Scalar x = variable(2.0);
  const Scalar z = my_exp()(x) * 3.0;
  z.backward();
  EXPECT_DOUBLE_EQ(x.grad(), 3 * std::exp(2.0));
  z.backward();
  EXPECT_DOUBLE_EQ(x.grad(), 6 * std::exp(2.0));
}

TEST(Cut, stop_gradient_and_nondifferentiable_let_nothing_through) {
  const Scalar x = variable(0.57);
  EXPECT_EQ(gradient(stop_gradient(x) * x, {x})[0], 0.57);
  const auto bucket = nondifferentiable([](double v) { return std::floor(v * 10); }, "bucket");
  const Scalar y = bucket(x);
  EXPECT_EQ(y.value(), 5.0);
  EXPECT_EQ(gradient(y * x, {x})[0], 5.0);
  EXPECT_EQ(reach(y, x), Reach::cut);
  const Function f = record([=](Scalar v) { return bucket(v) * v; }, 0.57);
  EXPECT_DOUBLE_EQ(f(0.91)[0], 9 * 0.91) << "called again at other inputs";
  EXPECT_EQ(grad(f)(0.91)[0], 9.0);
  const auto spans =
      nondifferentiable([](std::span<const double> v) { return Vector{v[0] > v[1] ? 1.0 : 0.0}; });
  const std::vector<Scalar> both{variable(1.0), variable(2.0)};
  EXPECT_EQ(gradient(spans(both)[0] + both[0], both), (Vector{1, 0}));
}

}  // namespace
}  // namespace chainrule
