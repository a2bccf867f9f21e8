#include "chainrule/op/primitive.hpp"

#include <algorithm>
#include <boost/math/special_functions/bessel.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/expint.hpp>
#include <boost/math/special_functions/laguerre.hpp>
#include <boost/math/special_functions/legendre.hpp>
#include <boost/math/special_functions/polygamma.hpp>
#include <limits>
#include <numbers>

namespace chainrule::primitive {
namespace {

// A singular or undefined point is a NaN or an infinity, as in the C library: never an exception.
namespace policies = boost::math::policies;
using Quiet = policies::policy<
    policies::domain_error<policies::ignore_error>, policies::pole_error<policies::ignore_error>,
    policies::overflow_error<policies::ignore_error>,
    policies::underflow_error<policies::ignore_error>,
    policies::rounding_error<policies::ignore_error>,
    policies::evaluation_error<policies::ignore_error>,
    policies::indeterminate_result_error<policies::ignore_error>, policies::promote_double<false>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kPi = std::numbers::pi;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
// Boost answers no order beyond a few thousand in reasonable time.
constexpr double kLargestOrder = 1000;
constexpr double kLargestDegree = 10'000;

bool is_order(double n) { return n >= 0 && n <= kLargestOrder && n == std::trunc(n); }
bool is_degree(double n) { return n >= 0 && n <= kLargestDegree && n == std::trunc(n); }
unsigned order_of(double n) { return static_cast<unsigned>(n); }
bool is_odd(double n) { return std::fmod(n, 2) != 0; }
bool is_integer(double n) { return n == std::trunc(n); }

// Rounding inside Boost.Math throws whatever the policy.
template <class F>
double guarded(F&& f) {
  try {
    return f();
  } catch (...) {
    return kNan;
  }
}

// f(|order|-th function, |x|) for a Bessel function whose value at infinity is `limit`; the
// mirrored half is there for integer orders, by parity.
template <class F>
double bessel(F&& f, double order, double x, double limit) {
  if (std::isnan(x) || !(std::fabs(order) <= kLargestOrder)) return kNan;
  if (x < 0 && !is_integer(order)) return kNan;
  const double value = std::isinf(x) ? limit : guarded([&] { return f(order, std::fabs(x)); });
  return x < 0 && is_odd(order) ? -value : value;
}

}  // namespace

double hypot3(double x, double y, double w) {
  if (std::isinf(x) || std::isinf(y) || std::isinf(w))
    return std::numeric_limits<double>::infinity();
  const double largest = std::max({std::fabs(x), std::fabs(y), std::fabs(w)});
  if (!(largest > 0)) return x + y + w == 0 ? 0 : kNan;
  const int exponent = std::ilogb(largest);
  const double a = std::scalbn(x, -exponent), b = std::scalbn(y, -exponent),
               c = std::scalbn(w, -exponent);
  return std::scalbn(std::sqrt(std::fma(a, a, std::fma(b, b, c * c))), exponent);
}

double ldexp(double x, double n) {
  if (n != std::trunc(n)) return kNan;
  return std::scalbn(x, static_cast<int>(std::clamp(n, -5000.0, 5000.0)));
}

double lgamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// Exact at t = 0 and 1, and accurate where a (1 − t) is small beside a.
double lerp(double a, double b, double t) { return std::fma(t, b, std::fma(-t, a, a)); }

double digamma(double x) {
  if (std::isnan(x) || x == -kInfinity || (x <= 0 && is_integer(x))) return kNan;
  // ψ(x) = ψ(1 − x) − π cot πx, whose distance from the pole must not be rounded.
  if (x < 0) return digamma(1 - x) - kPi / std::tan(kPi * (x - std::round(x)));
  return guarded([&] { return boost::math::digamma(x, Quiet()); });
}

double polygamma(double n, double x) {
  if (!is_order(n) || std::isnan(x) || x == -kInfinity) return kNan;
  if (n == 0) return digamma(x);
  if (x <= 0 && is_integer(x)) return kNan;
  if (x == kInfinity) return 0;
  const double value =
      guarded([&] { return boost::math::polygamma(static_cast<int>(n), x, Quiet()); });
  // Near 0 it is −(−1)ⁿ n!/xⁿ⁺¹; Boost overflows without the sign.
  return std::isinf(value) && x > 0 && !is_odd(n) ? -kInfinity : value;
}

double expint(double x) {
  if (std::isnan(x)) return kNan;
  if (std::isinf(x)) return x > 0 ? x : -0.0;
  return guarded([&] { return boost::math::expint(x, Quiet()); });
}

double beta(double x, double y) {
  if (!(x > 0) || !(y > 0)) return kNan;
  // In order: of numbers below an ulp it divides by the first before the second, and the row
  // commutes bit for bit.
  return guarded([&] { return boost::math::beta(std::max(x, y), std::min(x, y), Quiet()); });
}

double sph_bessel(double n, double x) {
  if (!is_order(n)) return kNan;
  const auto j = [](double order, double at) {
    return boost::math::sph_bessel(order_of(order), at, Quiet());
  };
  return bessel(j, n, x, 0);
}

double cyl_bessel_j(double order, double x) {
  const auto j = [](double n, double at) { return boost::math::cyl_bessel_j(n, at, Quiet()); };
  return bessel(j, order, x, 0);
}
double cyl_neumann(double order, double x) {
  const auto y = [](double n, double at) { return boost::math::cyl_neumann(n, at, Quiet()); };
  return x >= 0 ? bessel(y, order, x, 0) : kNan;
}
double cyl_bessel_i(double order, double x) {
  const auto i = [](double n, double at) { return boost::math::cyl_bessel_i(n, at, Quiet()); };
  return bessel(i, order, x, kInfinity);
}
double cyl_bessel_k(double order, double x) {
  const auto k = [](double n, double at) { return boost::math::cyl_bessel_k(n, at, Quiet()); };
  return x >= 0 ? bessel(k, order, x, 0) : kNan;
}

// Boost's throws where it overflows. Abramowitz & Stegun 22.7.13.
double hermite(double n, double x) {
  if (!is_degree(n)) return kNan;
  double below = 0, p = 1;
  for (double k = 0; k < n; ++k) {
    const double above = 2 * (x * p - k * below);
    below = p, p = above;
  }
  return p;
}

double laguerre(double n, double x) {
  if (!is_degree(n)) return kNan;
  return guarded([&] { return boost::math::laguerre(order_of(n), x, Quiet()); });
}

double assoc_laguerre(double n, double m, double x) {
  if (!is_degree(n) || !is_degree(m)) return kNan;
  return guarded([&] { return boost::math::laguerre(order_of(n), order_of(m), x, Quiet()); });
}

double legendre(double n, double x) {
  if (!is_degree(n) || !(std::fabs(x) <= 1)) return kNan;
  return guarded([&] { return boost::math::legendre_p(static_cast<int>(n), x, Quiet()); });
}

double gegenbauer(double n, double lambda, double x) {
  if (!is_degree(n) || !(lambda > 0) || !(std::fabs(x) <= 1)) return kNan;
  // (k − 1) + 2λ keeps a small λ, which Boost's loses. Abramowitz & Stegun 22.7.3.
  double below = 0, p = 1;
  for (double k = 0; k < n; ++k) {
    const double above = (2 * (k + lambda) * x * p - ((k - 1) + 2 * lambda) * below) / (k + 1);
    below = p, p = above;
  }
  return p;
}

}  // namespace chainrule::primitive
