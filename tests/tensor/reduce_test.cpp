// Reductions: values by hand, derivatives by differences, and what happens at ties, at zeros, at
// infinities and where there is nothing to reduce.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/base/error.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::check_tensor_op;
using Numbers = std::vector<double>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

// No two elements are equal, and none is near 0.
Tensor sample(const Shape& shape, double seed = 0.3) {
  return 1.7 * laws::detail::spread_numbers(shape, seed);
}

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

Numbers slope_of_sum(const std::function<Tensor(const Tensor&)>& f, const Tensor& at) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(at);
  const Numbers plain = gradient(sum(f(x)), {x})[0].values();
  const Numbers recorded = recorded_gradient(sum(f(x)), {x})[0].values();
  for (std::size_t k = 0; k < plain.size(); ++k) {
    EXPECT_TRUE(plain[k] == recorded[k] || (std::isnan(plain[k]) && std::isnan(recorded[k])))
        << "element " << k << ": " << plain[k] << " swept, " << recorded[k] << " recorded";
  }
  return plain;
}

// ---- derivatives ------------------------------------------------------------------------------

const std::vector<Axes> kSomeAxes = {Axes(), Axes(0), Axes(1), Axes(-1), Axes({0, 2})};

void check_over_axes(const std::function<Tensor(const Tensor&, const Axes&, Dims)>& f,
                     laws::TensorLaws asked = {}) {
  for (const Axes& axes : kSomeAxes) {
    for (const Dims dims : {Dims::drop, Dims::keep}) {
      EXPECT_TRUE(check_tensor_op([&](const Tensor& x) { return f(x, axes, dims); },
                                  {sample({2, 3, 4})}, asked));
    }
  }
}

TEST(Reduce, derivatives_of_sums_and_means) {
  check_over_axes(
      [](const Tensor& x, const Axes& axes, Dims dims) { return sum(sin(x), axes, dims); });
  check_over_axes(
      [](const Tensor& x, const Axes& axes, Dims dims) { return mean(sin(x), axes, dims); });
}
TEST(Reduce, derivatives_of_products) {
  check_over_axes([](const Tensor& x, const Axes& axes, Dims dims) { return prod(x, axes, dims); });
}
TEST(Reduce, derivatives_of_the_largest_and_the_smallest) {
  // Twice, so that there is a second order.
  check_over_axes(
      [](const Tensor& x, const Axes& axes, Dims dims) { return exp(amax(x, axes, dims)); },
      {.room = 0.004});
  check_over_axes(
      [](const Tensor& x, const Axes& axes, Dims dims) { return exp(amin(x, axes, dims)); },
      {.room = 0.004});
}
TEST(Reduce, derivatives_of_variances) {
  check_over_axes(
      [](const Tensor& x, const Axes& axes, Dims dims) { return var(x, axes, 0, dims); });
  check_over_axes(
      [](const Tensor& x, const Axes& axes, Dims dims) { return var(x, axes, 1, dims); });
  check_over_axes(
      [](const Tensor& x, const Axes& axes, Dims dims) { return stddev(x, axes, 1, dims); });
}
TEST(Reduce, derivatives_of_norms) {
  for (const double p : {1.0, 2.0, 3.0, 1.5, kInfinity, -kInfinity}) {
    check_over_axes(
        [p](const Tensor& x, const Axes& axes, Dims dims) { return exp(norm(x, axes, p, dims)); },
        {.room = 0.004});
  }
}
TEST(Reduce, derivatives_of_logsumexp_and_softmax) {
  check_over_axes(
      [](const Tensor& x, const Axes& axes, Dims dims) { return logsumexp(x, axes, dims); });
  check_over_axes([](const Tensor& x, const Axes& axes, Dims) { return softmax(x, axes); });
  check_over_axes([](const Tensor& x, const Axes& axes, Dims) { return log_softmax(x, axes); });
}
TEST(Reduce, derivatives_of_running_sums_and_products) {
  for (const std::int64_t axis : {0, 1, 2}) {
    EXPECT_TRUE(check_tensor_op([=](const Tensor& x) { return cumsum(sin(x), axis); },
                                {sample({2, 3, 4})}));
    EXPECT_TRUE(
        check_tensor_op([=](const Tensor& x) { return cumprod(x, axis); }, {sample({2, 3, 4})}));
  }
}

TEST(Reduce, rows_beyond_the_size_at_which_kernels_take_over) {
  EXPECT_TRUE(check_tensor_op([](const Tensor& x) { return softmax(x); }, {sample({3, 50})},
                              {.orders = 1}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& x) { return logsumexp(x, 0); }, {sample({40, 3})},
                              {.orders = 1}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& x) { return amax(x, 1); }, {sample({3, 50})},
                              {.orders = 1, .room = 1e-3}));
}

// ---- values -------------------------------------------------------------------------------------

TEST(Reduce, values_along_axes_by_hand) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 7}});
  EXPECT_EQ(mean(x).item(), 22.0 / 6);
  EXPECT_EQ(mean(x, 0).values(), (Numbers{2.5, 3.5, 5}));
  EXPECT_EQ(prod(x, 1).values(), (Numbers{6, 140}));
  EXPECT_EQ(amax(x, 0).values(), (Numbers{4, 5, 7}));
  EXPECT_EQ(amin(x, -1).values(), (Numbers{1, 4}));
  EXPECT_EQ(amin(x, 1, keepdims).shape(), (Shape{2, 1}));
  EXPECT_EQ(var(x, 0).values(), (Numbers{2.25, 2.25, 4}));
  EXPECT_EQ(var(x, 0, 1).values(), (Numbers{4.5, 4.5, 8}));
  EXPECT_EQ(stddev(x, 0).values()[2], 2);
  EXPECT_EQ(cumsum(x, 1).values(), (Numbers{1, 3, 6, 4, 9, 16}));
  EXPECT_EQ(cumsum(x, 0).values(), (Numbers{1, 2, 3, 5, 7, 10}));
  EXPECT_EQ(cumprod(x, -1).values(), (Numbers{1, 2, 6, 4, 20, 140}));
  EXPECT_EQ(norm(tensor({{3, 4}, {5, 12}}), 1).values(), (Numbers{5, 13}));
  EXPECT_EQ(norm(tensor({3, -4}), {}, 1.0).item(), 7);
  EXPECT_EQ(norm(tensor({3, -4}), {}, kInfinity).item(), 4);
  EXPECT_EQ(norm(tensor({3, -4}), {}, -kInfinity).item(), 3);
  EXPECT_NEAR(norm(tensor({1, 2}), {}, 3.0).item(), std::cbrt(9.0), 1e-15);
}

TEST(Reduce, places_of_extremes_are_those_of_the_first) {
  const Tensor x = tensor({{1, 3, 3}, {2, 0, 0}});
  EXPECT_EQ(argmax(x, 1).values(), (Numbers{1, 0}));
  EXPECT_EQ(argmin(x, 1).values(), (Numbers{0, 1}));
  EXPECT_EQ(argmax(x, 0).values(), (Numbers{1, 0, 0}));
  EXPECT_EQ(argmax(x).item(), 1);
  EXPECT_EQ(argmax(transpose(x)).item(), 2);
  EXPECT_EQ(argmin(x, 1, keepdims).shape(), (Shape{2, 1}));
  EXPECT_EQ(argmax(tensor({1, kNaN, 5, kNaN})).item(), 1);
  EXPECT_EQ(argmin(cast(x, f32), 1).element(), f64);
  const Frame frame = Tape::active().frame();
  const Tensor v = variable(x);
  EXPECT_EQ(reach(argmax(v), v), Reach::cut);
}

TEST(Reduce, of_nothing_there_is_a_sum_and_a_product_but_no_largest) {
  const Tensor none = zeros({0, 3});
  EXPECT_EQ(sum(none, 0).values(), (Numbers{0, 0, 0}));
  EXPECT_FALSE(std::signbit(sum(none).item()));
  EXPECT_EQ(prod(none, 0).values(), (Numbers{1, 1, 1}));
  EXPECT_TRUE(std::isnan(mean(none).item()));
  EXPECT_TRUE(std::isnan(var(none).item()));
  EXPECT_EQ(norm(none).item(), 0);
  EXPECT_EQ(logsumexp(none).item(), -kInfinity);
  EXPECT_EQ(softmax(none, 0).shape(), (Shape{0, 3}));
  EXPECT_EQ(cumsum(none, 0).shape(), (Shape{0, 3}));
  EXPECT_EQ(cumprod(none, 0).shape(), (Shape{0, 3}));
  EXPECT_EQ(amax(none, 1).shape(), Shape{0});
  EXPECT_EQ(message_of([&] { amax(none, 0); }), "[amax] (0,3) has no largest element along axes=0");
  EXPECT_EQ(message_of([&] { argmin(none); }),
            "[argmin] (0,3) has no smallest element along axes=0,1");
}

TEST(Reduce, of_a_single_number_without_axes) {
  const Tensor x = Tensor(3.0);
  for (const Tensor& y : {sum(x), mean(x), prod(x), amax(x), amin(x), norm(x), logsumexp(x)})
    EXPECT_EQ(y.item(), 3);
  EXPECT_EQ(var(x).item(), 0);
  EXPECT_EQ(argmax(x).item(), 0);
}

TEST(Reduce, axes_that_are_not_there_or_named_twice_are_refused) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(message_of([&] { mean(x, 2); }),
            "[mean] axis 2 of a tensor of shape (2,3), which has 2");
  EXPECT_EQ(message_of([&] {
              prod(x, {0, -2});
            }),
            "[prod] axis -2 of the shape (2,3) is named twice");
  EXPECT_EQ(message_of([&] { norm(x, {}, 0.5); }),
            "[norm] of order 0.5: p is at least 1, or -inf for the smallest size");
}

// ---- digits -------------------------------------------------------------------------------------

TEST(Reduce, floats_are_added_and_multiplied_as_doubles) {
  const Tensor x = tensor({16777216, 1, 1, 1, 1}, f32);  // 2^24, beside which 1 is half a place
  EXPECT_EQ(sum(x).item(), 16777220);
  EXPECT_EQ(cumsum(x, 0).values()[4], 16777220);
  EXPECT_EQ(prod(tensor({1e30, 1e30, 1e-30, 1e-30}, f32)).item(), 1);
}

TEST(Reduce, a_variance_beside_a_large_mean_keeps_its_digits) {
  EXPECT_NEAR(var(tensor({1e9 + 1, 1e9 + 2, 1e9 + 3})).item(), 2.0 / 3, 1e-15);
  EXPECT_NEAR(var(tensor({1e6 + 1, 1e6 + 2, 1e6 + 3}, f32)).item(), 2.0 / 3, 1e-7);
}

TEST(Reduce, a_norm_neither_overflows_nor_vanishes) {
  for (const double scale : {1e-310, 1e-200, 1e-100, 1.0, 1e100, 1e200, 1e307}) {
    EXPECT_NEAR(norm(tensor({3 * scale, 4 * scale})).item() / scale, 5, 1e-12);
    EXPECT_NEAR(norm(tensor({scale, 2 * scale}), {}, 3.0).item() / scale, std::cbrt(9.0), 1e-12);
  }
  EXPECT_EQ(norm(tensor({1, -kInfinity})).item(), kInfinity);
  EXPECT_TRUE(std::isnan(norm(tensor({kInfinity, kNaN, 2})).item()));
  // log Σ exp x = x + log n.
  EXPECT_EQ(logsumexp(tensor({800, 800})).item(), 800 + std::log(2.0));
  EXPECT_EQ(logsumexp(tensor({-800, -800})).item(), -800 + std::log(2.0));
  EXPECT_EQ(log_softmax(tensor({0, 1000})).values(), (Numbers{-1000, 0}));
}

// ---- ties, zeros, infinities --------------------------------------------------------------------

TEST(Reduce, equal_extremes_share_the_adjoint_evenly) {
  const auto largest = [](const Tensor& x) { return amax(x); };
  EXPECT_EQ(slope_of_sum(largest, tensor({2, 5, 5, 1})), (Numbers{0, 0.5, 0.5, 0}));
  EXPECT_EQ(slope_of_sum(largest, tensor({7, 7, 7, 7})), (Numbers{0.25, 0.25, 0.25, 0.25}));
  EXPECT_EQ(slope_of_sum([](const Tensor& x) { return amin(x, 0); }, tensor({{1, 4}, {1, 3}})),
            (Numbers{0.5, 0, 0.5, 1}));
  EXPECT_EQ(slope_of_sum(largest, tensor({1, kNaN, 5, kNaN})), (Numbers{0, 0.5, 0, 0.5}));
}

TEST(Reduce, products_with_zeros_have_their_derivatives_at_both_orders) {
  const auto product = [](const Tensor& x) { return prod(x); };
  EXPECT_EQ(slope_of_sum(product, tensor({2, 0, 3})), (Numbers{0, 6, 0}));
  EXPECT_EQ(slope_of_sum(product, tensor({0, 0, 3})), (Numbers{0, 0, 0}));
  for (const Tensor& at : {tensor({2, 0, 3, 5}), tensor({0, 4, 0, 3}), tensor({0, 0, 0, 2}),
                           tensor({{0, 2}, {3, 0}})}) {
    EXPECT_TRUE(check_tensor_op(product, {at}));
    EXPECT_TRUE(check_tensor_op([](const Tensor& x) { return cumprod(x, 0); }, {at}));
  }
  // ∂²(xyz)/∂x∂y = z where x = y = 0.
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({0, 0, 3}));
  const Tensor slopes = recorded_gradient(prod(x), {x})[0];
  EXPECT_EQ(gradient(scalar(slopes, {0}), {x})[0].values(), (Numbers{0, 3, 0}));
}

TEST(Reduce, the_gradient_of_a_norm_or_deviation_is_0_at_0) {
  for (const double p : {1.0, 1.5, 2.0, 3.0, kInfinity}) {
    EXPECT_EQ(slope_of_sum([p](const Tensor& x) { return norm(x, {}, p); }, tensor({0, 0})),
              (Numbers{0, 0}));
  }
  const Numbers slopes =
      slope_of_sum([](const Tensor& x) { return stddev(x, 1); }, tensor({{2, 2}, {1, 5}}));
  EXPECT_EQ(slopes[0], 0);
  EXPECT_EQ(slopes[1], 0);
  EXPECT_NEAR(slopes[2], -0.5, 1e-15);
  EXPECT_NEAR(slopes[3], 0.5, 1e-15);
}

TEST(Reduce, infinite_elements_share_alike) {
  const auto lse = [](const Tensor& x) { return logsumexp(x, -1); };
  const Tensor x = tensor({{-kInfinity, 0}, {-kInfinity, -kInfinity}, {kInfinity, 0}});
  EXPECT_EQ(lse(x).values(), (Numbers{0, -kInfinity, kInfinity}));
  EXPECT_EQ(slope_of_sum(lse, x), (Numbers{0, 1, 0.5, 0.5, 1, 0}));
  EXPECT_EQ(softmax(x).values(), (Numbers{0, 1, 0.5, 0.5, 1, 0}));
  EXPECT_EQ(log_softmax(x).values(),
            (Numbers{-kInfinity, 0, -std::log(2.0), -std::log(2.0), 0, -kInfinity}));
  for (const double y : softmax(tensor({1, kNaN, kInfinity})).values()) EXPECT_TRUE(std::isnan(y));
  EXPECT_TRUE(std::isnan(lse(tensor({kNaN, -kInfinity})).item()));
}

// ---- what was not taken -------------------------------------------------------------------------

TEST(Reduce, rows_that_were_not_taken_add_nothing_even_where_they_are_nan) {
  // The first row is taken, the second, whose roots are NaN, is not.
  const Tensor x = tensor({{1, 4, 9}, {-1, 4, -9}});
  const Tensor taken = tensor({{1}, {0}});
  const std::vector<std::function<Tensor(const Tensor&)>> rows = {
      [](const Tensor& y) { return sum(y, 1, keepdims); },
      [](const Tensor& y) { return mean(y, 1, keepdims); },
      [](const Tensor& y) { return prod(y, 1, keepdims); },
      [](const Tensor& y) { return amax(y, 1, keepdims); },
      [](const Tensor& y) { return var(y, 1, 0, keepdims); },
      [](const Tensor& y) { return stddev(y, 1, 0, keepdims); },
      [](const Tensor& y) { return norm(y, 1, 2.0, keepdims); },
      [](const Tensor& y) { return norm(y, 1, 3.0, keepdims); },
      [](const Tensor& y) { return logsumexp(y, 1, keepdims); },
      [](const Tensor& y) { return softmax(y); },
      [](const Tensor& y) { return log_softmax(y); },
      [](const Tensor& y) { return cumsum(y, 1); },
  };
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto f = [&](const Tensor& at) {
      return exp(0.1 * where(taken, rows[k](sqrt(at)), Tensor(0.0)));
    };
    const Frame frame = Tape::active().frame();
    const Tensor v = variable(x);
    const Tensor first = recorded_gradient(sum(f(v) * tensor({1, 2, 3})), {v})[0];
    const Tensor second = gradient(sum(first * tensor({1, -2, 3})), {v})[0];
    const Numbers plain = gradient(sum(f(v) * tensor({1, 2, 3})), {v})[0].values();
    for (std::size_t i = 3; i < 6; ++i) {
      EXPECT_EQ(plain[i], 0) << "reduction " << k;
      EXPECT_EQ(first.values()[i], 0) << "reduction " << k;
      EXPECT_EQ(second.values()[i], 0) << "reduction " << k;
    }
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(std::isfinite(second.values()[i])) << "reduction " << k;
    }
  }
}

TEST(Reduce, a_broadcast_operand_that_was_taken_nowhere_gets_nothing) {
  const Frame frame = Tape::active().frame();
  const Tensor b = variable(tensor({-4.0})), x = variable(tensor({1, 2, 3}));
  const Scalar s = variable(-4.0);
  const Tensor y = sum(where(tensor({0, 0, 0}), sqrt(b) + sqrt(s) + x, x));
  EXPECT_EQ(gradient(y, {b})[0].values(), Numbers{0});
  EXPECT_EQ(recorded_gradient(y, {b})[0].values(), Numbers{0});
  EXPECT_EQ(gradient(y, {Tensor(s)})[0].item(), 0);
}

TEST(Reduce, two_threads_give_the_bits_of_one) {
  const Tensor x = cast(sample({300, 257}), f32);
  const auto all = [&x] {
    const Frame frame = Tape::active().frame();
    const Tensor v = variable(x);
    const Tensor y = softmax(v) * log_softmax(v) + logsumexp(v, 1, keepdims) + softmax(v, 0);
    std::vector<Numbers> found = {y.values()};
    found.push_back(gradient(sum(y * y), {v})[0].values());
    return found;
  };
  const auto one = all();
  set_threads(2);
  const auto two = all();
  set_threads(1);
  EXPECT_EQ(one, two);
}

}  // namespace
}  // namespace chainrule
