#include "chainrule/op/primitive.hpp"

#include <algorithm>
#include <boost/math/special_functions/bessel.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/expint.hpp>
#include <boost/math/special_functions/gegenbauer.hpp>
#include <boost/math/special_functions/hermite.hpp>
#include <boost/math/special_functions/laguerre.hpp>
#include <boost/math/special_functions/legendre.hpp>
#include <boost/math/special_functions/polygamma.hpp>
#include <limits>

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

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargestOrder = 100'000;

bool is_order(double n) { return n >= 0 && n <= kLargestOrder && n == std::trunc(n); }
unsigned order_of(double n) { return static_cast<unsigned>(n); }
bool is_odd(double n) { return std::fmod(n, 2) != 0; }

}  // namespace

double hypot3(double x, double y, double w) {
  if (std::isinf(x) || std::isinf(y) || std::isinf(w)) return std::numeric_limits<double>::infinity();
  const double largest = std::max({std::fabs(x), std::fabs(y), std::fabs(w)});
  if (!(largest > 0)) return x + y + w == 0 ? 0 : kNan;
  const int exponent = std::ilogb(largest);
  const double a = std::scalbn(x, -exponent), b = std::scalbn(y, -exponent), c = std::scalbn(w, -exponent);
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

double digamma(double x) {
  if (x <= 0 && x == std::trunc(x)) return kNan;
  return boost::math::digamma(x, Quiet());
}

double polygamma(double n, double x) {
  if (!is_order(n)) return kNan;
  if (n == 0) return digamma(x);
  return boost::math::polygamma(static_cast<int>(n), x, Quiet());
}

double expint(double x) { return boost::math::expint(x, Quiet()); }

double beta(double x, double y) { return boost::math::beta(x, y, Quiet()); }

double sph_bessel(double n, double x) {
  if (!is_order(n) || std::isnan(x)) return kNan;
  const double value = boost::math::sph_bessel(order_of(n), std::fabs(x), Quiet());
  return x < 0 && is_odd(n) ? -value : value;
}

double cyl_bessel_j(double order, double x) { return boost::math::cyl_bessel_j(order, x, Quiet()); }
double cyl_neumann(double order, double x) { return boost::math::cyl_neumann(order, x, Quiet()); }
double cyl_bessel_i(double order, double x) { return boost::math::cyl_bessel_i(order, x, Quiet()); }
double cyl_bessel_k(double order, double x) { return boost::math::cyl_bessel_k(order, x, Quiet()); }

double hermite(double n, double x) {
  return is_order(n) ? boost::math::hermite(order_of(n), x) : kNan;
}

double laguerre(double n, double x) {
  return is_order(n) ? boost::math::laguerre(order_of(n), x, Quiet()) : kNan;
}

double assoc_laguerre(double n, double m, double x) {
  if (!is_order(n) || !is_order(m)) return kNan;
  return boost::math::laguerre(order_of(n), order_of(m), x, Quiet());
}

double legendre(double n, double x) {
  return is_order(n) ? boost::math::legendre_p(static_cast<int>(n), x, Quiet()) : kNan;
}

double gegenbauer(double n, double lambda, double x) {
  return is_order(n) && lambda > 0 ? boost::math::gegenbauer(order_of(n), lambda, x) : kNan;
}

}  // namespace chainrule::primitive
