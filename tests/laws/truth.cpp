#include "tests/laws/truth.hpp"

#include <boost/multiprecision/mpfr.hpp>
#include <cmath>

#include "tests/laws/samples.hpp"

namespace chainrule::laws {
namespace {

using boost::multiprecision::mpfr_float_backend;
using Real = boost::multiprecision::number<mpfr_float_backend<0>, boost::multiprecision::et_off>;

// The step of the central differences, as a power of ten, times the smallest operand.
constexpr int kStep = -40;

// These saturate nowhere, and would cost too much in many digits.
bool is_special(Op op) {
  switch (op) {
    case Op::tgamma:
    case Op::lgamma:
    case Op::digamma:
    case Op::polygamma:
    case Op::expint:
    case Op::sph_bessel:
    case Op::cyl_bessel_j:
    case Op::cyl_neumann:
    case Op::cyl_bessel_i:
    case Op::cyl_bessel_k: return true;
    default: return false;
  }
}

// Digits that hold the largest operand next to the smallest one's step, and 1 next to what a
// saturating function still differs from it by: 1e-307 for tanh at 354, exp(-x²) for erf.
unsigned digits_for(Op op, const Point& x) {
  double largest = 1, smallest = 1;
  for (const double v : x) {
    if (v == 0) continue;
    largest = std::fmax(largest, std::fabs(v));
    smallest = std::fmin(smallest, std::fabs(v));
  }
  if (is_special(op)) return static_cast<unsigned>(110 + std::log10(largest));
  const double saturation = std::fmin(330, 10 + largest * largest);
  return static_cast<unsigned>(140 + std::log10(largest) - 2 * std::log10(smallest) + saturation);
}

Real of(int (*f)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t), const Real& x) {
  Real z;
  f(z.backend().data(), x.backend().data(), MPFR_RNDN);
  return z;
}
Real of(int (*f)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t), const Real& x, const Real& y) {
  Real z;
  f(z.backend().data(), x.backend().data(), y.backend().data(), MPFR_RNDN);
  return z;
}
Real of(int (*f)(mpfr_ptr, long, mpfr_srcptr, mpfr_rnd_t), const Real& n, const Real& x) {
  Real z;
  f(z.backend().data(), static_cast<long>(n), x.backend().data(), MPFR_RNDN);
  return z;
}
Real number(double v) { return Real(v); }
Real pi() {
  Real z;
  mpfr_const_pi(z.backend().data(), MPFR_RNDN);
  return z;
}
Real epsilon() { return pow(Real(10), -static_cast<int>(Real::default_precision())); }
Real exp(const Real& x) { return of(mpfr_exp, x); }
Real expm1(const Real& x) { return of(mpfr_expm1, x); }
Real log(const Real& x) { return of(mpfr_log, x); }
Real log1p(const Real& x) { return of(mpfr_log1p, x); }
Real erfc(const Real& x) { return of(mpfr_erfc, x); }
Real gamma(const Real& x) { return of(mpfr_gamma, x); }
Real root(const Real& x) { return of(mpfr_sqrt, x); }
Real size(const Real& x) { return of(mpfr_abs, x); }

Real rounded(const Real& x, mpfr_rnd_t how) {
  Real z;
  mpfr_rint(z.backend().data(), x.backend().data(), how);
  return z;
}

Real log_gamma(const Real& x) {
  Real z;
  int sign = 0;
  mpfr_lgamma(z.backend().data(), &sign, x.backend().data(), MPFR_RNDN);
  return z;
}

Real softplus(const Real& x) { return x > 0 ? Real(x + log1p(exp(-x))) : log1p(exp(x)); }

// ψ⁽ⁿ⁾: terms up to x + N, then the asymptotic series (Abramowitz & Stegun 6.4.11).
Real polygamma(const Real& order, const Real& x) {
  if (order == 0) return of(mpfr_digamma, x);
  const int n = static_cast<int>(order);
  const Real factorial = gamma(order + 1);
  Real total = 0;
  const int shift = static_cast<int>(Real::default_precision()) / 2, terms = shift;
  for (int k = 0; k < shift; ++k) total += factorial / pow(Real(x + k), n + 1);
  const Real end = x + shift;
  total += gamma(order) / pow(end, n) + factorial / (2 * pow(end, n + 1));
  for (int k = 1; k <= terms; ++k) {
    // B₂ₖ/(2k)! = ±2 ζ(2k)/(2π)²ᵏ
    Real zeta;
    mpfr_zeta_ui(zeta.backend().data(), static_cast<unsigned long>(2 * k), MPFR_RNDN);
    const Real term =
        2 * zeta * gamma(order + 2 * k) / pow(Real(2 * pi() * end), 2 * k) / pow(end, n);
    total += k % 2 == 1 ? term : -term;
  }
  return n % 2 == 1 ? total : -total;
}

// The power series of J, I and j: all terms of I, alternating ones of J and j.
Real bessel_series(const Real& order, const Real& x, int sign) {
  const Real quarter = x * x / 4;
  Real term = pow(Real(x / 2), static_cast<int>(order)) / gamma(order + 1), total = term;
  for (int k = 1; k < 2000; ++k) {
    term *= sign * quarter / (k * (order + k));
    total += term;
    if (size(term) < size(total) * epsilon()) break;
  }
  return total;
}

Real spherical_bessel(const Real& order, const Real& x) {
  const int n = static_cast<int>(order);
  Real term = pow(x, n), total;
  for (int k = 1; k <= n; ++k) term /= 2 * k + 1;
  total = term;
  for (int k = 1; k < 2000; ++k) {
    term *= -x * x / (2 * k * (2 * k + 2 * n + 1));
    total += term;
    if (size(term) < size(total) * epsilon()) break;
  }
  return total;
}

// K = ∫₀^∞ exp(−x cosh t) cosh(nt) dt: on the whole line the trapezoidal rule converges as
// exp(−π²/h).
Real bessel_k(const Real& order, const Real& x) {
  const Real h = Real(1) / 26;
  Real total = exp(-x) / 2;
  for (int k = 1; k < 4000; ++k) {
    const Real t = h * k;
    const Real term = exp(-x * of(mpfr_cosh, t)) * of(mpfr_cosh, order * t);
    total += term;
    if (term < total * epsilon()) break;
  }
  return h * total;
}

Real hermite(const Real& n, const Real& x) {
  Real below = 0, p = 1;
  for (int k = 0; k < n; ++k) {
    const Real above = 2 * (x * p - k * below);
    below = p, p = above;
  }
  return p;
}
Real laguerre(const Real& n, const Real& m, const Real& x) {
  Real below = 0, p = 1;
  for (int k = 0; k < n; ++k) {
    const Real above = ((2 * k + 1 + m - x) * p - (k + m) * below) / (k + 1);
    below = p, p = above;
  }
  return p;
}
Real gegenbauer(const Real& n, const Real& order, const Real& x) {
  Real below = 0, p = 1;
  for (int k = 0; k < n; ++k) {
    const Real above = (2 * (k + order) * x * p - (k + 2 * order - 1) * below) / (k + 1);
    below = p, p = above;
  }
  return p;
}

Real normal_tail(const Real& x) { return erfc(-x / root(Real(2))) / 2; }

Real lambda() {
  const Real e = exp(Real(1)), a = erfc(root(Real(2)) / 2), b = erfc(root(Real(2)));
  return (1 - a * root(e)) * root(2 * pi()) /
         root(2 * b * e * e + pi() * a * a * e - 2 * (2 + pi()) * a * root(e) + pi() + 2);
}
Real alpha() { return -root(2 / pi()) / (erfc(root(Real(2)) / 2) * exp(Real(1) / 2) - 1); }

// The operations, by their textbook definitions.
Real truth(Op op, const Real& x, const Real& y, const Real& w) {
  switch (op) {
    case Op::add: return x + y;
    case Op::sub: return x - y;
    case Op::mul: return x * y;
    case Op::div: return x / y;
    case Op::neg: return -x;
    case Op::copy:
    case Op::stop_gradient: return x;
    case Op::eq: return x == y ? 1 : 0;
    case Op::ne: return x != y ? 1 : 0;
    case Op::lt: return x < y ? 1 : 0;
    case Op::le: return x <= y ? 1 : 0;
    case Op::gt: return x > y ? 1 : 0;
    case Op::ge: return x >= y ? 1 : 0;
    case Op::both: return x != 0 && y != 0 ? 1 : 0;
    case Op::either: return x != 0 || y != 0 ? 1 : 0;
    case Op::negate: return x == 0 ? 1 : 0;
    case Op::select: return x != 0 ? y : w;
    case Op::max: return x > y ? x : y;
    case Op::min: return x < y ? x : y;
    case Op::fmax: return x > y ? x : y;
    case Op::fmin: return x < y ? x : y;
    case Op::fdim: return x > y ? Real(x - y) : Real(0);
    case Op::sign: return x > 0 ? 1 : x < 0 ? -1 : 0;
    case Op::floor: return rounded(x, MPFR_RNDD);
    case Op::ceil: return rounded(x, MPFR_RNDU);
    case Op::trunc: return rounded(x, MPFR_RNDZ);
    case Op::round: return rounded(x, MPFR_RNDNA);
    case Op::rint: return rounded(x, MPFR_RNDN);
    case Op::nearbyint: return rounded(x, MPFR_RNDN);
    case Op::logb: return Real(static_cast<double>(mpfr_get_exp(x.backend().data()) - 1));
    case Op::abs: return size(x);
    case Op::copysign: return mpfr_signbit(y.backend().data()) ? Real(-size(x)) : size(x);
    case Op::fmod: return of(mpfr_fmod, x, y);
    case Op::remainder: return of(mpfr_remainder, x, y);
    case Op::ldexp:
      return x * pow(Real(2), static_cast<int>(fmin(fmax(y, Real(-9999)), Real(9999))));
    case Op::fma: return x * y + w;
    case Op::lerp: return x + w * (y - x);
    case Op::sqrt: return root(x);
    case Op::cbrt: return of(mpfr_cbrt, x);
    case Op::pow: return of(mpfr_pow, x, y);
    case Op::hypot: return root(x * x + y * y);
    case Op::hypot3: return root(x * x + y * y + w * w);
    case Op::exp: return exp(x);
    case Op::exp2: return of(mpfr_exp2, x);
    case Op::expm1: return expm1(x);
    case Op::log: return log(x);
    case Op::log2: return of(mpfr_log2, x);
    case Op::log10: return of(mpfr_log10, x);
    case Op::log1p: return log1p(x);
    case Op::sin: return of(mpfr_sin, x);
    case Op::cos: return of(mpfr_cos, x);
    case Op::tan: return of(mpfr_tan, x);
    case Op::asin: return of(mpfr_asin, x);
    case Op::acos: return of(mpfr_acos, x);
    case Op::atan: return of(mpfr_atan, x);
    case Op::atan2: return of(mpfr_atan2, x, y);
    case Op::sinh: return of(mpfr_sinh, x);
    case Op::cosh: return of(mpfr_cosh, x);
    case Op::tanh: return of(mpfr_tanh, x);
    case Op::asinh: return of(mpfr_asinh, x);
    case Op::acosh: return of(mpfr_acosh, x);
    case Op::atanh: return of(mpfr_atanh, x);
    case Op::erf: return of(mpfr_erf, x);
    case Op::erfc: return erfc(x);
    case Op::tgamma: return gamma(x);
    case Op::lgamma: return log_gamma(x);
    case Op::digamma: return of(mpfr_digamma, x);
    case Op::polygamma: return polygamma(x, y);
    case Op::beta: return exp(log_gamma(x) + log_gamma(y) - log_gamma(x + y));
    case Op::expint: return of(mpfr_eint, x);
    case Op::sph_bessel: return spherical_bessel(x, y);
    case Op::cyl_bessel_j: return bessel_series(x, y, -1);
    case Op::cyl_neumann: return of(mpfr_yn, x, y);
    case Op::cyl_bessel_i: return bessel_series(x, y, 1);
    case Op::cyl_bessel_k: return bessel_k(x, y);
    case Op::hermite: return hermite(x, y);
    case Op::laguerre: return laguerre(x, 0, y);
    case Op::assoc_laguerre: return laguerre(x, y, w);
    case Op::legendre: return gegenbauer(x, Real(1) / 2, y);
    case Op::gegenbauer: return gegenbauer(x, y, w);
    case Op::sigmoid: return 1 / (1 + exp(-x));
    case Op::softplus: return softplus(x);
    case Op::logsigmoid: return -softplus(-x);
    case Op::log1mexp: return log(-expm1(x));
    case Op::logaddexp: return x > y ? Real(x + log1p(exp(y - x))) : Real(y + log1p(exp(x - y)));
    case Op::xlogy: return x == 0 ? Real(0) : Real(x * log(y));
    case Op::sinc: return x == 0 ? Real(1) : Real(of(mpfr_sin, x) / x);
    case Op::relu: return x > 0 ? x : Real(0);
    case Op::leaky_relu: return x > 0 ? x : Real(y * x);
    case Op::elu: return x > 0 ? x : Real(y * expm1(x));
    case Op::selu: return lambda() * (x > 0 ? x : Real(y * expm1(x)));
    case Op::gelu: return x * normal_tail(x);
    case Op::silu: return x / (1 + exp(-x));
    case Op::mish: return x * of(mpfr_tanh, softplus(x));
  }
  return 0;
}

Truth split(const Real& v) {
  const double nearest = static_cast<double>(v);
  if (!std::isfinite(nearest)) return {nearest, 0};
  return {nearest, static_cast<double>(Real(v - nearest))};
}

template <class F>
auto in_digits(unsigned digits, F&& f) {
  const unsigned before = Real::default_precision();
  Real::default_precision(digits);
  auto result = f();
  Real::default_precision(before);
  return result;
}

}  // namespace

bool is_measurable(Op op, const Point& x) {
  switch (op) {
    case Op::sph_bessel:
    case Op::cyl_bessel_j:
    case Op::cyl_neumann:
    case Op::cyl_bessel_i:
    case Op::cyl_bessel_k:
      return std::fabs(x[0]) <= 20 && std::fabs(x[1]) <= 50 && std::fabs(x[1]) >= 1e-5;
    case Op::tgamma:
    case Op::lgamma:
    case Op::digamma: return std::fabs(x[0]) <= 1e20;
    case Op::beta: return std::fmin(x[0], x[1]) >= 1e-3 && std::fmax(x[0], x[1]) <= 100;
    case Op::assoc_laguerre: return std::fabs(x[0]) <= 20 && std::fabs(x[1]) <= 1000;
    case Op::polygamma: return std::fabs(x[0]) <= 20 && std::fabs(x[1]) <= 1e20;
    case Op::hermite:
    case Op::laguerre:
    case Op::legendre:
    case Op::gegenbauer: return std::fabs(x[0]) <= 20;
    default: return true;
  }
}

Measure measure(Op op, const Point& x) {
  const OpInfo& row = info(op);
  return in_digits(digits_for(op, x), [&] {
    Measure measure{x, {}, {}, true};
    const std::array<Real, 3> at{number(x[0]), number(x[1]), number(x[2])};
    const Real middle = truth(op, at[0], at[1], at[2]);
    measure.value = split(middle);
    const auto size_of = [&](std::size_t k) { return x[k] == 0 ? 1 : std::fabs(x[k]); };
    const auto arity = static_cast<std::size_t>(row.arity);
    for (std::size_t k = 0; k < arity; ++k) {
      if (is_parameter(row.domain[k])) continue;
      double scale = 1;
      for (std::size_t j = 0; j < arity; ++j) scale = std::fmin(scale, size_of(j));
      const Real h = Real(scale) * pow(Real(10), kStep);
      const auto rise = [&](const Real& step) {
        std::array<Real, 3> moved = at;
        moved[k] += step;
        return Real(truth(op, moved[0], moved[1], moved[2]) - middle);
      };
      const Real right = rise(h), left = -rise(-h);
      const Real larger = fmax(size(right), size(left));
      const Real natural = h / size_of(k);
      const Real noise = larger * Real("1e-9") + size(middle) * natural * natural * Real("1e12");
      measure.smooth = measure.smooth && mpfr_number_p(larger.backend().data()) &&
                       size(right - left) <= noise && size(rise(h / 16) * 16 - right) <= noise;
      measure.partials[k] = split((right + left) / (2 * h));
    }
    return measure;
  });
}

double ulps(double v, const Truth& truth, double size) {
  if (!std::isfinite(v) || !std::isfinite(truth.nearest)) {
    return v == truth.nearest ? 0 : std::numeric_limits<double>::infinity();
  }
  const double scale = std::fmax(std::fabs(truth.nearest), size);
  const int last = scale < 0x1p-1022 ? -1074 : std::ilogb(scale) - 52;
  return std::fabs(std::scalbn(v - truth.nearest, -last) - std::scalbn(truth.rest, -last));
}

Truth selu_scale() {
  return in_digits(100, [] { return split(lambda()); });
}
Truth selu_alpha() {
  return in_digits(100, [] { return split(alpha()); });
}
Truth sqrt_half() {
  return in_digits(100, [] { return split(root(Real(1) / 2)); });
}

}  // namespace chainrule::laws
