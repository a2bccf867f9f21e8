// Complex: the rows over complex numbers, for complex-step derivatives.
//
//   f'(x) = Im f(x + ih) / h,  h = 1e-20.  Squire & Trapp 1998: no difference is taken, so that
//   nothing cancels, and h may be as small as one likes.
//
// Comparisons, abs, copysign and the floor family act by the real part, as the real function does
// beside the point. A row that has no analytic continuation here answers NaN + i NaN: valid() says
// so.
#pragma once

#include <cmath>
#include <complex>

#include "chainrule/op/op.hpp"

namespace chainrule {

/// The functions of the table that are no formula, on complex numbers near the real line.
namespace analytic {

using C = std::complex<double>;

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A row that is not defined below.
#define CR_ANY_1 const T&
#define CR_ANY_2 const T&, const T&
#define CR_ANY_3 const T&, const T&, const T&
#define CR_OP(...)
#define CR_FN(name, arity, ...) \
  template <class T>            \
  C name(CR_ANY_##arity) {      \
    return {kNan, kNan};        \
  }
#define CR_DEF(...)
#include "chainrule/op/ops.def"
#undef CR_ANY_1
#undef CR_ANY_2
#undef CR_ANY_3

/// The value of a step function, which is flat beside the point.
inline C step(double value) { return {value, 0.0}; }

inline C floor(const C& x) { return step(std::floor(x.real())); }
inline C ceil(const C& x) { return step(std::ceil(x.real())); }
inline C trunc(const C& x) { return step(std::trunc(x.real())); }
inline C round(const C& x) { return step(std::round(x.real())); }
inline C rint(const C& x) { return step(std::rint(x.real())); }
inline C nearbyint(const C& x) { return step(std::nearbyint(x.real())); }
inline C logb(const C& x) { return step(std::logb(x.real())); }

inline C abs(const C& x) { return std::signbit(x.real()) ? -x : x; }
inline C copysign(const C& x, const C& y) {
  return std::signbit(x.real()) == std::signbit(y.real()) ? x : -x;
}
inline C fmax(const C& x, const C& y) {
  return x.real() >= y.real() || y.real() != y.real() ? x : y;
}
inline C fmin(const C& x, const C& y) {
  return x.real() <= y.real() || y.real() != y.real() ? x : y;
}
inline C fdim(const C& x, const C& y) { return x.real() <= y.real() ? C(0) : x - y; }
/// x − n y with the integer n that the real parts give, their difference being exact.
inline C minus_multiple(const C& x, const C& y, double rest) {
  const double n = std::round((x.real() - rest) / y.real());
  return {rest, x.imag() - n * y.imag()};
}
inline C fmod(const C& x, const C& y) {
  return minus_multiple(x, y, std::fmod(x.real(), y.real()));
}
inline C remainder(const C& x, const C& y) {
  return minus_multiple(x, y, std::remainder(x.real(), y.real()));
}
inline C ldexp(const C& x, const C& y) {
  return {plain::ldexp(x.real(), y.real()), plain::ldexp(x.imag(), y.real())};
}
inline C fma(const C& x, const C& y, const C& w) { return x * y + w; }
inline C lerp(const C& x, const C& y, const C& w) { return x + w * (y - x); }

inline C exp(const C& x) { return std::exp(x); }
inline C expm1(const C& x) {
  const double half = std::sin(0.5 * x.imag());
  return {std::expm1(x.real()) * std::cos(x.imag()) - 2 * half * half,
          std::exp(x.real()) * std::sin(x.imag())};
}
inline C exp2(const C& x) {
  const double size = std::exp2(x.real());
  return {size * std::cos(rules::kLn2 * x.imag()), size * std::sin(rules::kLn2 * x.imag())};
}
// Off the positive axis the imaginary part of a logarithm is no derivative.
inline C log(const C& x) { return x.real() > 0 ? std::log(x) : C(kNan, kNan); }
inline C log2(const C& x) { return {std::log2(x.real()), log(x).imag() / rules::kLn2}; }
inline C log10(const C& x) { return {std::log10(x.real()), log(x).imag() / rules::kLn10}; }
inline C log1p(const C& x) {
  if (!(x.real() > -1)) return {kNan, kNan};
  return {std::log1p(x.real()), std::atan2(x.imag(), 1 + x.real())};
}

inline C sqrt(const C& x) { return x.real() > 0 ? std::sqrt(x) : C(kNan, kNan); }
inline C cbrt(const C& x) {
  if (x.real() < 0) return -cbrt(-x);
  const C root = std::exp(log(x) / 3.0);
  return {std::cbrt(x.real()), root.imag()};
}
/// xⁿ by squaring. exp(n log x) would leave 1e-16 in the imaginary part of (−2)², far above a step.
inline C power(C x, double n) {
  if (n < 0) return 1.0 / power(x, -n);
  C product = 1;
  for (; n > 0; n = std::floor(n / 2), x *= x) {
    if (std::fmod(n, 2) != 0) product *= x;
  }
  return product;
}
inline C pow(const C& x, const C& y) {
  if (y.imag() == 0 && y.real() == std::trunc(y.real()) && std::fabs(y.real()) <= 1024) {
    return power(x, y.real());
  }
  return std::exp(y * log(x));
}
inline C hypot3(const C& x, const C& y, const C& w) {
  const double size = plain::hypot3(x.real(), y.real(), w.real());
  const C a = x / size, b = y / size, c = w / size;
  return size * sqrt(a * a + b * b + c * c);
}
inline C hypot(const C& x, const C& y) { return hypot3(x, y, 0); }

inline C sin(const C& x) { return std::sin(x); }
inline C cos(const C& x) { return std::cos(x); }
inline C tan(const C& x) { return std::tan(x); }
inline C asin(const C& x) { return std::asin(x); }
inline C acos(const C& x) { return std::acos(x); }
inline C atan(const C& x) { return std::atan(x); }
inline C atan2(const C& y, const C& x) {
  const double angle = std::atan2(y.real(), x.real());
  const bool steep = std::fabs(y.real()) > std::fabs(x.real());
  const C slope = steep ? -std::atan(x / y) : std::atan(y / x);
  return {angle, slope.imag()};
}
inline C sinh(const C& x) { return std::sinh(x); }
inline C cosh(const C& x) { return std::cosh(x); }
inline C tanh(const C& x) { return std::tanh(x); }
inline C asinh(const C& x) { return std::asinh(x); }
inline C acosh(const C& x) { return x.real() > 1 ? std::acosh(x) : C(kNan, kNan); }
inline C atanh(const C& x) { return std::fabs(x.real()) < 1 ? std::atanh(x) : C(kNan, kNan); }

// Polynomials by their three-term recurrences (Abramowitz & Stegun, 22.7).
inline C hermite(const C& n, const C& x) {
  C below = 0, p = 1;
  for (double k = 0; k < n.real(); ++k) {
    const C above = 2.0 * (x * p - k * below);
    below = p, p = above;
  }
  return p;
}
inline C assoc_laguerre(const C& n, const C& m, const C& x) {
  C below = 0, p = 1;
  for (double k = 0; k < n.real(); ++k) {
    const C above = ((2 * k + 1 + m.real() - x) * p - (k + m.real()) * below) / (k + 1);
    below = p, p = above;
  }
  return p;
}
inline C laguerre(const C& n, const C& x) { return assoc_laguerre(n, 0, x); }
inline C gegenbauer(const C& n, const C& order, const C& x) {
  C below = 0, p = 1;
  for (double k = 0; k < n.real(); ++k) {
    const C above =
        (2.0 * (k + order.real()) * x * p - (k + 2 * order.real() - 1) * below) / (k + 1);
    below = p, p = above;
  }
  return p;
}
inline C legendre(const C& n, const C& x) { return gegenbauer(n, 0.5, x); }

}  // namespace analytic

struct Complex {
  std::complex<double> z;

  Complex(double real = 0.0) : z(real) {}
  Complex(double real, double imag) : z(real, imag) {}
  Complex(const std::complex<double>& number) : z(number) {}

  double real() const { return z.real(); }
  double imag() const { return z.imag(); }
  /// Whether every operation on the way has an analytic continuation here.
  bool valid() const { return z.imag() == z.imag(); }

  friend Complex operator+(const Complex& x, const Complex& y) { return x.z + y.z; }
  friend Complex operator-(const Complex& x, const Complex& y) { return x.z - y.z; }
  friend Complex operator*(const Complex& x, const Complex& y) { return x.z * y.z; }
  friend Complex operator/(const Complex& x, const Complex& y) { return x.z / y.z; }
  friend Complex operator-(const Complex& x) { return -x.z; }
  friend Complex operator+(const Complex& x) { return x; }

  friend bool operator==(const Complex& x, const Complex& y) { return x.real() == y.real(); }
  friend bool operator!=(const Complex& x, const Complex& y) { return x.real() != y.real(); }
  friend bool operator<(const Complex& x, const Complex& y) { return x.real() < y.real(); }
  friend bool operator<=(const Complex& x, const Complex& y) { return x.real() <= y.real(); }
  friend bool operator>(const Complex& x, const Complex& y) { return x.real() > y.real(); }
  friend bool operator>=(const Complex& x, const Complex& y) { return x.real() >= y.real(); }

  friend Complex choose(bool condition, const Complex& a, const Complex& b) {
    return condition ? a : b;
  }

  // Every row of the table, by its name.
#define CR_COMPLEX_ARGS_1    const Complex& x
#define CR_COMPLEX_ARGS_2    const Complex &x, const Complex &y
#define CR_COMPLEX_ARGS_3    const Complex &x, const Complex &y, const Complex &w
#define CR_COMPLEX_NUMBERS_1 x.z
#define CR_COMPLEX_NUMBERS_2 x.z, y.z
#define CR_COMPLEX_NUMBERS_3 x.z, y.z, w.z
#define CR_OP(name, arity, ...)                                       \
  friend Complex name(CR_COMPLEX_ARGS_##arity) {                      \
    return Rule<Op::name>::template value<Complex>(CR_NAMES_##arity); \
  }
#define CR_FN(name, arity, ...)                        \
  friend Complex name(CR_COMPLEX_ARGS_##arity) {       \
    return analytic::name(CR_COMPLEX_NUMBERS_##arity); \
  }
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_COMPLEX_ARGS_1
#undef CR_COMPLEX_ARGS_2
#undef CR_COMPLEX_ARGS_3
#undef CR_COMPLEX_NUMBERS_1
#undef CR_COMPLEX_NUMBERS_2
#undef CR_COMPLEX_NUMBERS_3
};

inline double primal(const Complex& x) { return x.real(); }

}  // namespace chainrule
