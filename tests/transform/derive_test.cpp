// Derivatives of callables, and of Functions: values, shapes, selection, nesting.
#include "chainrule/transform/derive.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

template <class S>
struct Vec3 {
  S x, y, z;
};
template <class S>
auto fields(Vec3<S>& v) {
  return std::tie(v.x, v.y, v.z);
}
struct Plain {
  Scalar a, b;
};
auto fields(Plain& p) { return std::tie(p.a, p.b); }

using Vector = std::vector<double>;

const auto kCubes = [](const std::vector<Scalar>& x) {
  Scalar total = 0.0;
  for (std::size_t k = 0; k < x.size(); ++k) total += x[k] * x[k] * x[(k + 1) % x.size()];
  return total;
};

TEST(Derive, grad_of_a_generic_lambda_of_any_order) {
  const auto f = [](auto x) { return sin(x); };
  const double slope = grad(f)(0.3);
  EXPECT_EQ(slope, std::cos(0.3));
  EXPECT_EQ(grad(grad(f))(0.3), -std::sin(0.3));
  EXPECT_EQ(grad(grad(grad(f)))(0.3), -std::cos(0.3));
  EXPECT_EQ(grad(grad(grad(grad(f))))(0.3), std::sin(0.3));
}

TEST(Derive, grad_of_code_that_takes_Scalar_of_any_order) {
  const auto f = [](Scalar x) { return x * x * x * x; };
  EXPECT_EQ(grad(f)(2.0), 32.0);
  EXPECT_EQ(grad(grad(f))(2.0), 48.0);
  EXPECT_EQ(grad(grad(grad(f)))(2.0), 48.0);
}

TEST(Derive, gradients_come_in_the_shape_of_the_argument) {
  EXPECT_EQ(grad(kCubes)(Vector{1, 2, 3}), (Vector{4 + 9, 1 + 12, 4 + 6}));
  const auto of_array = [](const std::array<Scalar, 2>& a) { return a[0] * a[1]; };
  EXPECT_EQ(grad(of_array)(std::array{2.0, 5.0}), (std::array{5.0, 2.0}));
  const Vec3<double> slope =
      grad([](const Vec3<Scalar>& v) { return v.x * v.y + v.z; })(Vec3<double>{2, 3, 4});
  EXPECT_EQ(slope.x, 3.0);
  EXPECT_EQ(slope.y, 2.0);
  EXPECT_EQ(slope.z, 1.0);
  using Nested = std::pair<std::vector<Vec3<double>>, double>;
  const Nested at{{{1, 2, 3}, {4, 5, 6}}, 7};
  const Nested nested = grad([](const std::pair<std::vector<Vec3<Scalar>>, Scalar>& p) {
    return p.first[0].x * p.first[1].z * p.second;
  })(at);
  EXPECT_EQ(nested.first[0].x, 42.0);
  EXPECT_EQ(nested.first[1].z, 7.0);
  EXPECT_EQ(nested.first[1].y, 0.0);
  EXPECT_EQ(nested.second, 6.0);
}

TEST(Derive, a_struct_of_Scalars_that_is_no_template_gives_Scalars) {
  const Plain slope = grad([](const Plain& p) { return p.a * p.a * p.b; })(Plain{2.0, 3.0});
  EXPECT_EQ(slope.a.value(), 12.0);
  EXPECT_EQ(slope.b.value(), 4.0);
}

TEST(Derive, arguments_are_selected) {
  const auto f = [](auto x, auto y, int n) { return x * y * y * static_cast<double>(n); };
  EXPECT_EQ(grad(f)(2.0, 3.0, 5), 45.0);
  EXPECT_EQ(grad<1>(f)(2.0, 3.0, 5), 60.0);
  const auto [by_y, by_x] = grad<1, 0>(f)(2.0, 3.0, 5);
  EXPECT_EQ(by_y, 60.0);
  EXPECT_EQ(by_x, 45.0);
  const auto both = value_and_grad<0>(f)(2.0, 3.0, 1);
  EXPECT_EQ(both.value, 18.0);
  EXPECT_EQ(both.gradient, 9.0);
}

TEST(Derive, a_function_that_ignores_its_argument_has_slope_0) {
  EXPECT_EQ(grad([](auto) { return Scalar(3.0); })(1.0), 0.0);
  EXPECT_EQ(grad([](auto) { return 3.0; })(1.0), 0.0);
  EXPECT_EQ(grad(grad([](auto x) { return 2.0 * x; }))(1.0), 0.0);
}

TEST(Derive, jacobian_forward_and_reverse_agree_whatever_the_shape) {
  const auto wide = [](const std::vector<Scalar>& x) {
    return std::vector<Scalar>{x[0] * x[1] * x[2], sin(x[3]) + x[0]};
  };
  const auto tall = [](const std::vector<Scalar>& x) {
    return std::vector<Scalar>{x[0], x[1], x[0] * x[1], exp(x[1]), Scalar(2.0)};
  };
  const auto agree = [](const auto& f, const Vector& x) {
    const Dense<double> forward = jacobian(f, Sweep::forward)(x);
    EXPECT_EQ(forward.entries, jacobian(f, Sweep::reverse)(x).entries);
    EXPECT_EQ(forward.entries, jacobian(f)(x).entries);
    return forward;
  };
  const Dense<double> first = agree(wide, {1, 2, 3, 0});
  EXPECT_EQ(first.rows, 2u);
  EXPECT_EQ(first.columns, 4u);
  EXPECT_EQ(first.entries, (Vector{6, 3, 2, 0, 1, 0, 0, 1}));
  const Dense<double> second = agree(tall, {2, 0});
  EXPECT_EQ(second.entries, (Vector{1, 0, 0, 1, 0, 2, 0, 1, 0, 0}));
}

TEST(Derive, jacobian_of_more_inputs_than_one_forward_sweep_takes) {
  const auto f = [](const std::vector<Scalar>& x) {
    std::vector<Scalar> out;
    for (std::size_t k = 0; k < x.size(); ++k) out.push_back(x[k] * x[(k + 3) % x.size()]);
    return out;
  };
  Vector x;
  for (int k = 0; k < 21; ++k) x.push_back(k + 1);
  EXPECT_EQ(jacobian(f, Sweep::forward)(x).entries, jacobian(f, Sweep::reverse)(x).entries);
}

TEST(Derive, hessian_hvp_jvp_and_vjp_agree) {
  const Vector x{1, 2, 3}, v{0.5, -1, 2};
  const Dense<double> h = hessian(kCubes)(x);
  EXPECT_EQ(h.entries, (Vector{4, 2, 6, 2, 6, 4, 6, 4, 2}));
  const Vector product = hvp(kCubes)(x, v);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(product[i], h(i, 0) * v[0] + h(i, 1) * v[1] + h(i, 2) * v[2]);
  }
  EXPECT_EQ(jacobian(grad(kCubes))(x).entries, h.entries);
  EXPECT_EQ(jvp(grad(kCubes))(x, v).tangent, product) << "forward over reverse";
  EXPECT_EQ(vjp(grad(kCubes))(x, v).adjoint, product) << "reverse over reverse";
  const auto along = [&](const std::vector<Scalar>& at) {
    return jvp(kCubes)(at, std::vector<Scalar>(v.begin(), v.end())).tangent;
  };
  EXPECT_EQ(grad(along)(x), product) << "reverse over forward";
  const auto forward = jvp(kCubes)(x, v);
  EXPECT_EQ(forward.value, 2 + 12 + 9);
  const Vector slope = grad(kCubes)(x);
  EXPECT_EQ(forward.tangent, slope[0] * v[0] + slope[1] * v[1] + slope[2] * v[2]);
}

TEST(Derive, seeds_of_the_wrong_size_are_refused) {
  EXPECT_THROW(jvp(kCubes)(Vector{1, 2}, Vector{1}), Error);
  EXPECT_THROW(vjp(kCubes)(Vector{1, 2}, Vector{1, 1}), Error);
  EXPECT_THROW(hvp(kCubes)(Vector{1, 2}, Vector{1, 1, 1}), Error);
}

TEST(Derive, elementwise_grad_is_the_slope_of_every_element) {
  const Vector x{0, 0.5, 2};
  const auto f = [](auto v) { return tanh(v); };
  const Vector slopes = elementwise_grad(f)(x);
  const auto of_vector = [&](const std::vector<Scalar>& v) {
    std::vector<Scalar> out;
    for (const Scalar& s : v) out.push_back(f(s));
    return out;
  };
  EXPECT_EQ(elementwise_grad(of_vector)(x), slopes);
  for (std::size_t k = 0; k < x.size(); ++k) EXPECT_EQ(slopes[k], grad(f)(x[k]));
}

TEST(Derive, leaves_the_tape_as_it_was) {
  const std::size_t before = Tape::active().size();
  for (int k = 0; k < 1000; ++k) hessian(kCubes)(Vector{1, 2, 3});
  EXPECT_EQ(Tape::active().size(), before);
}

// ---- nesting
// --------------------------------------------------------------------------------------

TEST(Nesting, the_perturbations_of_two_levels_are_not_confused) {
  const auto f = [](Scalar x) { return x * grad([&](Scalar y) { return x + y; })(Scalar(1.0)); };
  EXPECT_EQ(grad(f)(1.0), 1.0);
  EXPECT_EQ(grad([](auto x) { return grad([&](auto y) { return x * y; })(x); })(5.0), 1.0);
}

TEST(Nesting, an_outer_value_is_a_constant_inside) {
  // d/dx of (∂/∂y (x y²) at y = x) = d/dx 2x² = 4x
  const auto f = [](Scalar x) { return grad([&](Scalar y) { return x * y * y; })(x); };
  EXPECT_EQ(grad(f)(3.0), 12.0);
  // the same by forward inside of reverse, and reverse inside of forward
  const auto inner_forward = [](Scalar x) {
    return jvp([&](Scalar y) { return x * y * y; })(x, Scalar(1.0)).tangent;
  };
  EXPECT_EQ(grad(inner_forward)(3.0), 12.0);
  EXPECT_EQ(jvp(f)(3.0, 1.0).tangent, 12.0);
  EXPECT_EQ(jvp(inner_forward)(3.0, 1.0).tangent, 12.0);
}

TEST(Nesting, goes_three_levels_deep) {
  // x y z², by z at y: 2 x y²; by y at x: 4 x²; by x: 8 x
  const auto f = [](Scalar x) {
    return grad([&](Scalar y) { return grad([&](Scalar z) { return x * y * z * z; })(y); })(x);
  };
  EXPECT_EQ(grad(f)(1.5), 8 * 1.5);
}

TEST(Nesting, a_number_inside_does_not_lose_what_it_depends_on_silently) {
  const auto f = [](Scalar x) {
    const double slope = grad([&](Scalar y) { return x * y; })(1.0);  // depends on x
    return x * slope;
  };
  EXPECT_THROW(grad(f)(2.0), Error);
}

// ---- Functions
// ------------------------------------------------------------------------------------

TEST(DeriveFunction, the_same_names_give_Functions) {
  const Function f = record([](Scalar x, Scalar y) { return x * x * y + sin(y); }, 1.0, 1.0);
  EXPECT_EQ(grad(f)(3.0, 2.0), (Vector{12}));
  EXPECT_EQ(grad(f, 1)(3.0, 2.0), (Vector{9 + std::cos(2.0)}));
  EXPECT_EQ(grad(f, kEveryArgument)(3.0, 2.0), (Vector{12, 9 + std::cos(2.0)}));
  EXPECT_EQ(value_and_grad(f)(3.0, 2.0), (Vector{18 + std::sin(2.0), 12}));
  EXPECT_EQ(hessian(f, kEveryArgument)(3.0, 2.0), (Vector{4, 6, 6, -std::sin(2.0)}));
  EXPECT_EQ(jvp(f)(3.0, 2.0, 0.5), (Vector{18 + std::sin(2.0), 6}));
  EXPECT_EQ(vjp(f)(3.0, 2.0, 0.5), (Vector{18 + std::sin(2.0), 6}));
  EXPECT_EQ(hvp(f, kEveryArgument)(3.0, 2.0, Vector{1, 1}), (Vector{10, 6 - std::sin(2.0)}));
  EXPECT_EQ(grad(grad(grad(f)))(3.0, 2.0), (Vector{0}));
  EXPECT_EQ(jacobian(f, kEveryArgument, Sweep::forward)(3.0, 2.0),
            jacobian(f, kEveryArgument, Sweep::reverse)(3.0, 2.0));
  const Function many = record(
      [](std::vector<Scalar> v) {
        for (Scalar& s : v) s = s * s;
        return v;
      },
      Vector{1, 2, 3});
  EXPECT_EQ(elementwise_grad(many)(Vector{1, 2, 3}), (Vector{2, 4, 6}));
  EXPECT_EQ(jacobian(many)(Vector{1, 2, 3}), (Vector{2, 0, 0, 0, 4, 0, 0, 0, 6}));
}

TEST(DeriveFunction, what_cannot_be_is_refused) {
  const Function two = record([](Scalar x) { return std::vector<Scalar>{x, x}; }, 1.0);
  EXPECT_THROW(grad(two), Error);
  EXPECT_THROW(hessian(two), Error);
  EXPECT_THROW(jacobian(two, 1), Error);
}

TEST(DeriveFunction, a_derivative_is_recorded_anew_where_a_guard_flips) {
  const Function f = record([](Scalar x) { return x > 1.0 ? x * x * x : sin(x); }, 2.0);
  const Function slope = grad(f), curvature = grad(slope);
  EXPECT_EQ(slope(3.0)[0], 27.0);
  EXPECT_EQ(slope(0.5)[0], std::cos(0.5));
  EXPECT_EQ(curvature(0.5)[0], -std::sin(0.5));
  EXPECT_EQ(curvature(3.0)[0], 18.0);
}

TEST(DeriveFunction, of_a_Function_without_code_keeps_its_guards) {
  const Function f = record([](Scalar x) { return x > 1.0 ? x * x * x : sin(x); }, 2.0);
  const Function alone(f.trace());
  const Function slope = grad(alone), curvature = grad(slope);
  EXPECT_EQ(slope(3.0)[0], 27.0);
  EXPECT_EQ(curvature(3.0)[0], 18.0);
  EXPECT_THROW(slope(0.5), BranchChanged);
  EXPECT_THROW(curvature(0.5), BranchChanged);
}

TEST(DeriveFunction, grad_of_a_lambda_can_itself_be_recorded) {
  const auto f = [](auto x) { return exp(x * x); };
  const Function slope = record([&](Scalar x) { return grad(f)(x); }, 1.0);
  const Function curvature = record([&](Scalar x) { return grad(grad(f))(x); }, 1.0);
  EXPECT_DOUBLE_EQ(slope(0.5)[0], std::exp(0.25));
  EXPECT_DOUBLE_EQ(curvature(0.5)[0], std::exp(0.25) * 3);
}

}  // namespace
}  // namespace chainrule
