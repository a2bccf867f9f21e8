// power, reciprocal, scale, fuse: what they make, how exact it is, and that special values stay.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "chainrule/graph/function.hpp"
#include "chainrule/optimise/passes_internal.hpp"
#include "chainrule/optimise/rebuilt_internal.hpp"
#include "tests/optimise/formula.hpp"

namespace chainrule {
namespace {

using passes::fuse;
using passes::power;
using passes::reciprocal;
using passes::scale;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// In units of the last place of `expected`, or of the least subnormal number.
double ulps_between(double expected, double found) {
  if (is_same(expected, found)) return 0;
  int exponent = 0;
  std::frexp(expected, &exponent);
  return std::fabs(found - expected) / std::ldexp(1.0, std::max(exponent - 53, -1074));
}

std::size_t count(const Trace& trace, Op op) {
  std::size_t n = 0;
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v)
    n += passes::is_operation(trace.graph, {v}, op);
  return n;
}

Trace power_of_x(double c) {
  return trace_of([c](Node x, Node, Node) { return pow(x, c); });
}

// ---- sigmoids ---------------------------------------------------------------------------------

Trace both_sides() {
  return trace_of([](Node x, Node, Node) { return sigmoid(x) * sigmoid(-x); });
}

TEST(Sigmoids, of_both_signs_share_an_exponential) {
  const Trace made = passes::sigmoids(both_sides(), {});
  EXPECT_EQ(count(made, Op::sigmoid), 0u);
  EXPECT_EQ(count(made, Op::exp), 1u);
}

TEST(Sigmoids, of_one_sign_stay_and_so_do_all_in_strict_arithmetic) {
  EXPECT_EQ(after(&passes::sigmoids,
                  trace_of([](Node x, Node y, Node) { return sigmoid(x) * sigmoid(y); })),
            "mul(sigmoid(x),sigmoid(y))");
  EXPECT_EQ(count(passes::sigmoids(both_sides(), {.arithmetic = Arithmetic::strict}), Op::sigmoid),
            2u);
}

TEST(Sigmoids, have_the_value_of_the_row_everywhere) {
  const Function made(passes::sigmoids(both_sides(), {}));
  for (const double x : {0.0, -0.0, 1e-310, 0.3, -0.3, 5.0, -40.0, 40.0, 745.2, -745.2, 1e300,
                         -1e300, kInfinity, -kInfinity, std::nan("")}) {
    const double expected = plain::sigmoid(x) * plain::sigmoid(-x);
    EXPECT_LE(ulps_between(expected, made(x, 0.0, 0.0)[0]), 0) << x;
  }
}

// ---- power ------------------------------------------------------------------------------------

TEST(Power, becomes_products_and_roots) {
  EXPECT_EQ(after(&power, power_of_x(2)), "mul(x,x)");
  EXPECT_EQ(after(&power, power_of_x(3)), "mul(x,mul(x,x))");
  EXPECT_EQ(after(&power, power_of_x(-1)), "div(1,x)");
  EXPECT_EQ(after(&power, power_of_x(-2)), "mul(div(1,x),div(1,x))");
  EXPECT_EQ(after(&power, trace_of([](Node x, Node, Node) { return pow(exp(x), 0.5); })),
            "sqrt(exp(x))");
  EXPECT_EQ(after(&power, trace_of([](Node x, Node, Node) { return pow(exp(x), 1.5); })),
            "mul(exp(x),sqrt(exp(x)))");
  EXPECT_EQ(after(&power, trace_of([](Node x, Node, Node) { return pow(exp(x), -0.5); })),
            "div(1,sqrt(exp(x)))");
}

TEST(Power, stays_where_the_exponent_is_another) {
  for (const double c : {9.0, -5.0, 2.5, 0.25, 1.0 / 3, kInfinity}) {
    EXPECT_EQ(formula(power(power_of_x(c), {})), formula(power_of_x(c)));
  }
  EXPECT_EQ(after(&power, trace_of([](Node x, Node y, Node) { return pow(x, y); })), "pow(x,y)");
}

TEST(Power, stays_in_strict_arithmetic) {
  EXPECT_EQ(after(&power, power_of_x(2), kStrict), "pow(x,2)");
}

TEST(Power, stays_where_a_step_reads_it_and_the_product_would_be_less_exact) {
  EXPECT_EQ(after(&power, trace_of([](Node x, Node, Node) { return floor(pow(x, -2.0)); })),
            "floor(pow(x,-2))");
  EXPECT_EQ(after(&power, trace_of([](Node x, Node, Node) { return floor(pow(x, 2.0)); })),
            "floor(mul(x,x))");
}

TEST(Power, shares_the_squares_of_several_powers) {
  const Trace trace = power(trace_of([](Node x, Node, Node) {
                              return std::vector{pow(x, 2.0), pow(x, 4.0), x * x};
                            }),
                            {});
  EXPECT_EQ(trace.graph.operations().size(), 2u);
}

TEST(Power, keeps_every_special_value_and_is_within_the_stated_ulps) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> exponent(-330, 330), mantissa(1, 2);
  for (double c = -8; c <= 8; c += 0.5) {
    const Trace trace = power(power_of_x(c), {});
    const bool is_whole = c == std::floor(c);
    const bool is_made = c >= -4 && (is_whole || std::fabs(c) <= 1.5);
    ASSERT_EQ(count(passes::prune(trace, {}), Op::pow), is_made ? 0u : 1u) << c;
    // pow's own ulp, and one for each rounding.
    const double bound = 1 + (!is_whole ? 4 : c > 0 ? c - 1 : -2 * c - 1);
    const Function f(trace);
    const auto expect_power = [&](double x) {
      const double expected = std::pow(x, c), found = f(x, 0.0, 0.0)[0];
      EXPECT_LE(ulps_between(expected, found), bound)
          << x << " to the power " << c << " is " << expected << ", not " << found;
    };
    for (const double x : special_numbers()) expect_power(x);
    for (int k = 0; k < 2000; ++k) {
      const double x = std::ldexp(mantissa(random), static_cast<int>(exponent(random)));
      expect_power(x), expect_power(-x), expect_power(mantissa(random));
    }
  }
}

// ---- reciprocal -------------------------------------------------------------------------------

TEST(Reciprocal, a_division_by_a_number_is_a_product) {
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node) { return x / 10.0; })),
            "mul(x,0.1)");
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node) { return x / 1e308; })),
            "div(x,1e+308)");
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node) { return x / 1e-308; })),
            "div(x,1e-308)");
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node) { return x / 0.0; })), "div(x,0)");
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node) { return x / kInfinity; })),
            "div(x,inf)");
}

TEST(Reciprocal, divisions_by_one_value_share_its_reciprocal) {
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node y, Node w) {
              return std::vector{x / sqrt(w), y / sqrt(w)};
            })),
            "div(x,sqrt(w)) div(y,sqrt(w))")
      << "the two roots are two values until share() has run";
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node y, Node w) {
              const Node size = sqrt(w);
              return std::vector{x / size, y / size};
            })),
            "mul(x,div(1,sqrt(w))) mul(y,div(1,sqrt(w)))");
}

TEST(Reciprocal, one_division_stays_and_so_do_two_by_what_may_be_subnormal) {
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node w) { return x / sqrt(w); })),
            "div(x,sqrt(w))");
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node y, Node w) {
              return std::vector{x / w, y / w};
            })),
            "div(x,w) div(y,w)");
}

TEST(Reciprocal, three_divisions_by_anything_become_one) {
  const Trace trace = reciprocal(trace_of([](Node x, Node y, Node w) {
                                   return std::vector{x / w, y / w, 1.0 / w};
                                 }),
                                 {});
  EXPECT_EQ(count(passes::prune(trace, {}), Op::div), 1u);
}

TEST(Reciprocal, stays_in_strict_arithmetic_and_where_a_step_reads_the_quotient) {
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node) { return x / 10.0; }), kStrict),
            "div(x,10)");
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node) { return floor(x / 49.0); })),
            "floor(div(x,49))");
  EXPECT_EQ(after(&reciprocal, trace_of([](Node x, Node, Node) { return x / 49.0 < 1.0; })),
            "lt(div(x,49),1)");
}

// Of every two special numbers, and of random ones over the whole range.
void expect_quotients(const Trace& trace, double (*divisor)(double)) {
  const Function f(trace);
  const auto expect_quotient = [&](double x, double y) {
    const double expected = x / divisor(y), found = f(x, y, y)[0];
    // The rounding of 1/y, which is up to 2⁻⁵¹ of it where it is subnormal, and of the product.
    EXPECT_LE(ulps_between(expected, found), 4) << x << "/" << divisor(y) << " is not " << found;
  };
  std::mt19937 random(4);
  std::uniform_int_distribution<int> exponent(-1074, 1023);
  std::uniform_real_distribution<double> mantissa(-2, 2);
  for (const double y : special_numbers()) {
    for (const double x : special_numbers()) expect_quotient(x, y);
    for (int k = 0; k < 100; ++k)
      expect_quotient(std::ldexp(mantissa(random), exponent(random)), y);
  }
  for (int k = 0; k < 20000; ++k) {
    expect_quotient(std::ldexp(mantissa(random), exponent(random)),
                    std::ldexp(mantissa(random), exponent(random)));
  }
}

TEST(Reciprocal, keeps_every_special_value_and_is_within_the_stated_ulps) {
  const Trace any = reciprocal(trace_of([](Node x, Node y, Node w) {
                                 return std::vector{x / y, w / y, y / y};
                               }),
                               {});
  expect_quotients(any, [](double y) { return y; });
  const Trace root = reciprocal(trace_of([](Node x, Node y, Node w) {
                                  const Node size = sqrt(y);
                                  return std::vector{x / size, w / size};
                                }),
                                {});
  EXPECT_EQ(count(passes::prune(root, {}), Op::div), 1u);
  expect_quotients(root, [](double y) { return std::sqrt(y); });
}

// ---- scale ------------------------------------------------------------------------------------

TEST(Scale, factors_of_two_take_factors_of_a_half_back) {
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 0.5 * 2.0; })), "x");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 0.125 * 4.0; })),
            "mul(x,0.5)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node y, Node) { return x * 0.5 * y * 2.0; })),
            "mul(x,y)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node y, Node) {
              const Node half = x * 0.5;
              return y + half + half;
            })),
            "add(x,y)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node y, Node) {
              const Node half = x * 0.5;
              return y - half - half;
            })),
            "sub(y,x)");
}

TEST(Scale, numbers_of_which_one_is_a_power_of_two_are_put_together) {
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 2.0 * 100.0; })),
            "mul(x,200)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 100.0 * 2.0; })),
            "mul(x,200)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 0.5 * 3.0; })),
            "mul(x,1.5)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 0.5 * 0.1; })),
            "mul(x,0.05)");
}

TEST(Scale, keeps_every_value_that_is_no_subnormal_number) {
  // Where |x| ≥ 2⁻⁹⁰⁰ nothing on the way is subnormal: then every bit is as it was.
  for (const double p : {0.5, 2.0, 0.25, 3.0, 1e10, 0.1, 1024.0}) {
    for (const double q : {0.5, 2.0, 4.0, 3.0, 1e10, 0.1, 1 / 1024.0}) {
      const Trace trace = trace_of([&](Node x, Node y, Node w) {
        const Node m = x * p;
        return std::vector{m * q, m * y * q, w + m + m, w - m - m};
      });
      const Function before(trace), after(scale(passes::share(trace, {}), {}));
      for (const double x : special_numbers()) {
        if (std::fabs(x) < 0x1p-900 && x != 0) continue;
        for (const double y : {1.0, -3.7, 0.0, 1e300}) {
          const std::vector<double> a = before(x, y, y), b = after(x, y, y);
          EXPECT_TRUE(is_same(a[0], b[0])) << x << " " << p << " " << q;
          EXPECT_TRUE(is_same(a[1], b[1])) << x << " " << p << " " << q << " " << y;
          for (const int k : {2, 3}) {
            EXPECT_TRUE(is_same(a[k], b[k]) || std::fabs(a[k] - b[k]) <= 1e-15 * std::fabs(x))
                << x << " " << p << " " << y << ": " << a[k] << " became " << b[k];
          }
        }
      }
    }
  }
}

TEST(Scale, not_where_something_overflows_on_one_side_alone) {
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 2.0 * 0.5; })),
            "mul(mul(x,2),0.5)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 3.0 * 0.5; })),
            "mul(mul(x,3),0.5)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node y, Node) { return x * 3.0 * y * 2.0; })),
            "mul(mul(y,mul(x,3)),2)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node y, Node) { return x * 0.5 * y * 0.5; })),
            "mul(mul(y,mul(x,0.5)),0.5)");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 3.0 * 5.0; })),
            "mul(mul(x,3),5)")
      << "it would be rounded once instead of twice";
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node y, Node) {
              const Node half = x * 0.5;
              return half - (y - half);
            })),
            "sub(mul(x,0.5),sub(y,mul(x,0.5)))");
  EXPECT_EQ(after(&scale, trace_of([](Node x, Node, Node) { return x * 0.5 * 2.0; }), kStrict),
            "mul(mul(x,0.5),2)");
}

// ---- fuse -------------------------------------------------------------------------------------

TEST(Fuse, a_product_and_its_sum_are_one_operation) {
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) { return x * y + w; })), "fma(x,y,w)");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) { return w + x * y; })), "fma(x,y,w)");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) { return x * y - w; })),
            "fma(x,y,neg(w))");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) { return w - x * y; })),
            "fma(y,neg(x),w)");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node, Node w) { return w - x * 3.0; })),
            "fma(x,-3,w)");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) { return -(x * y) - w; })),
            "fma(y,neg(x),neg(w))");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) {
              const Node first = x * y, later = w * w;
              return first + later;
            })),
            "fma(w,w,mul(x,y))");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node) { return y + x + x; })), "fma(x,2,y)");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node) { return y - x - x; })), "fma(x,-2,y)");
}

TEST(Fuse, a_long_sum_of_products_is_a_chain) {
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) {
              Node sum = x * x;
              sum += y * y;
              sum += w * w;
              return sum;
            })),
            "fma(w,w,fma(y,y,mul(x,x)))");
}

TEST(Fuse, products_that_are_subtracted_share_a_negation) {
  const Trace trace = fuse(trace_of([](Node x, Node y, Node w) {
                             return std::vector{y - x * w, x - y * w, 1.0 - w * w};
                           }),
                           {});
  EXPECT_EQ(count(trace, Op::neg), 1u);
  EXPECT_EQ(count(trace, Op::fma), 3u);
}

TEST(Fuse, a_term_that_is_added_and_subtracted_is_not_doubled) {
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node) { return (x - y) - x; })),
            "sub(sub(x,y),x)");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node) { return x - (y - x); })),
            "sub(x,sub(y,x))");
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node) { return (y - x) + x; })),
            "add(x,sub(y,x))");
}

TEST(Fuse, not_a_product_that_is_read_elsewhere) {
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) {
              const Node product = x * y;
              return std::vector{w + product, product};
            })),
            "add(w,mul(x,y)) mul(x,y)");
}

TEST(Fuse, not_what_a_comparison_or_a_guard_reads) {
  EXPECT_EQ(after(&fuse, trace_of([](Node x, Node y, Node w) { return x * y - w < 1.0; })),
            "lt(sub(mul(x,y),w),1)");
  Trace trace = trace_of([](Node x, Node y, Node w) { return x * y - w; });
  trace.guards.push_back({trace.outputs[0], 1, {}});
  EXPECT_EQ(after(&fuse, trace), "sub(mul(x,y),w)");
}

TEST(Fuse, not_in_strict_arithmetic_nor_without_the_instruction) {
  const Trace trace = trace_of([](Node x, Node y, Node w) { return x * y + w; });
  EXPECT_EQ(after(&fuse, trace, kStrict), "add(mul(x,y),w)");
  EXPECT_EQ(after(&fuse, trace, {.fma = OptimiseOptions::Fma::as_function}), "add(mul(x,y),w)");
}

}  // namespace
}  // namespace chainrule
