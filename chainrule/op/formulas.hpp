// Constants and compound expressions that several rows of the table share, over any algebra.
#pragma once

#include <numbers>

#include "chainrule/op/plain.hpp"

namespace chainrule::rules {

using namespace plain;

inline constexpr double kLn2 = std::numbers::ln2;
inline constexpr double kLn10 = std::numbers::ln10;
inline constexpr double kTwoOverSqrtPi = 2 * std::numbers::inv_sqrtpi;
inline constexpr double kSqrtHalf = std::numbers::sqrt2 / 2;
/// √½ − kSqrtHalf: what rounding √½ to a double left over.
inline constexpr double kSqrtHalfRest = -4.833646656726457e-17;

/// The number + rest − V(number): what an algebra leaves over of a number, of which doubles leave
/// `rest`. One that rounds to fewer digits has a function of its own.
template <class V>
V rest_of(const V&, double, double rest) {
  return V(rest);
}
inline constexpr double kInvSqrtTwoPi = std::numbers::inv_sqrtpi * kSqrtHalf;
/// Klambauer et al. 2017, eq. 14; a test derives both from erfc in 50 digits.
inline constexpr double kSeluScale = 1.0507009873554804934;
inline constexpr double kSeluAlpha = 1.6732632423543772848;

/// v, but NaN where the value z is NaN: 1/x is no slope of log(x) at x < 0.
template <class V>
V where_defined(const V& z, const V& v) {
  return choose(z == z, v, z);
}

/// a/size, 0 where size is 0: the gradient of a norm at the origin is 0 by convention.
template <class V>
V over_size(const V& a, const V& size) {
  return choose(size == 0.0, V(0), a / size);
}

/// a/size², without squaring, 0 where size is 0.
template <class V>
V over_square(const V& a, const V& size) {
  return choose(size == 0.0, V(0), (a / size) / size);
}

/// sigmoid(a − b). Where it is small, sigmoid magnifies the rounding of a − b by a − b itself: the
/// rest (Knuth's two-sum; exactly 0 in every derivative) is put back to first order.
template <class V>
V sigmoid_of_difference(const V& a, const V& b) {
  const V d = a - b, minus_b = d - a;
  const V rest = (a - (d - minus_b)) - (b + minus_b);
  const V s = sigmoid(d);
  return s + s * (sigmoid(-d) * choose(rest == rest, rest, V(0)));
}

/// x, a parameter: no derivative is taken by it, of whatever order, so that mixed ones agree.
template <class V>
V fixed(const V& x) {
  return stop_gradient(x);
}

/// ∂jₙ(y)/∂y = (n jₙ₋₁ − (n+1) jₙ₊₁)/(2n + 1). DLMF 10.51.2.
template <class V>
V sph_bessel_slope(const V& n, const V& y) {
  const V below = choose(n > 0.0, n * sph_bessel(max(n - 1.0, V(0)), y), V(0));
  return (below - (n + 1.0) * sph_bessel(n + 1.0, y)) / (2.0 * n + 1.0);
}

/// tanh(softplus(x)) as a rational function of e = exp(-|x|).
template <class V>
V mish_gate(const V& x) {
  const V e = exp(choose(x < 0.0, x, -x));
  return choose(x < 0.0, (e * (e + 2.0)) / (e * (e + 2.0) + 2.0),
                (1.0 + 2.0 * e) / (1.0 + 2.0 * e * (1.0 + e)));
}

/// Its derivative.
template <class V>
V mish_gate_slope(const V& x) {
  const V e = exp(choose(x < 0.0, x, -x));
  const V d = choose(x < 0.0, e * (e + 2.0) + 2.0, 1.0 + 2.0 * e * (1.0 + e));
  return (4.0 * choose(x < 0.0, e, e * e) * (1.0 + e)) / (d * d);
}

/// exp(-x²) with the rounding of x² made good: exp(-(x² + rest)) = exp(-x²)(1 - rest) to 1e-26.
template <class V>
V exp_minus_square(const V& x) {
  return exp(-(x * x)) * (1.0 - choose(x * x > 800.0, V(0), fma(x, x, -(x * x))));
}

/// The density of the standard normal distribution, exp(-x²/2)/√(2π).
template <class V>
V normal_pdf(const V& x) {
  const V half_square = 0.5 * (x * x);
  return kInvSqrtTwoPi *
         (exp(-half_square) * (1.0 - choose(half_square > 800.0, V(0), 0.5 * fma(x, x, -(x * x)))));
}

/// The standard normal distribution function, erfc(-x/√2)/2. erfc magnifies the rounding of its
/// argument t by 2t², so the rest of x/√2 is put back to first order: erfc' = -2/√π exp(-t²).
template <class V>
V normal_cdf(const V& x) {
  const V t = -(kSqrtHalf * x);
  const V left = rest_of(x, kSqrtHalf, kSqrtHalfRest);
  const V rest = choose(abs(x) > 40.0, V(0), -(fma(kSqrtHalf * V(1), x, t) + left * x));
  return 0.5 * (erfc(t) - kTwoOverSqrtPi * exp(-(t * t)) * rest);
}

}  // namespace chainrule::rules
