// Ratio: a coefficient or an exponent. p/q exactly while both are whole numbers below 2⁵³ (so that
// the slope of x**3/3 is x**2, and 2*x/3 is printed as such); otherwise a double and q = 1.
#pragma once

#include <cmath>
#include <numeric>

namespace chainrule::expr {

struct Ratio {
  double num = 1;
  double den = 1;

  double value() const { return num / den; }
  bool is(double number) const { return den == 1 && num == number; }
  friend bool operator==(const Ratio&, const Ratio&) = default;
};

inline bool is_whole(double v) { return std::abs(v) <= 0x1p53 && v == std::floor(v); }
inline bool is_whole(const Ratio& r) { return r.den == 1 && is_whole(r.num); }

/// num/den in lowest terms; a double where that is no fraction of whole numbers.
inline Ratio ratio(double num, double den) {
  if (den == 1) return {num, 1};
  if (!is_whole(num) || !is_whole(den) || den == 0 || num == 0) return {num / den, 1};
  const auto common = static_cast<double>(std::gcd(static_cast<long>(num), static_cast<long>(den)));
  const double sign = den < 0 ? -1 : 1;
  return {sign * num / common, sign * den / common};
}

/// A literal: ½ is a fraction (1/(2*sqrt(x)) reads better than 0.5/sqrt(x)), 2.5 is 2.5.
inline Ratio ratio_of(double literal) {
  return std::abs(literal) == 0.5 ? Ratio{2 * literal, 2} : Ratio{literal, 1};
}

inline Ratio operator-(const Ratio& a) { return {-a.num, a.den}; }

inline Ratio operator*(const Ratio& a, const Ratio& b) {
  const Ratio p = ratio(a.num, b.den), q = ratio(b.num, a.den);
  const double num = p.num * q.num, den = p.den * q.den;
  if (den == 1 || (is_whole(num) && is_whole(den))) return ratio(num, den);
  return {a.value() * b.value(), 1};
}

inline Ratio operator/(const Ratio& a, const Ratio& b) {
  if (is_whole(b.num) && b.num != 0) return a * ratio(b.den, b.num);
  return {a.value() / b.value(), 1};
}

inline Ratio operator+(const Ratio& a, const Ratio& b) {
  if (a.den == b.den) return ratio(a.num + b.num, a.den);
  const double num = a.num * b.den + b.num * a.den, den = a.den * b.den;
  if (is_whole(num) && is_whole(den)) return ratio(num, den);
  return {a.value() + b.value(), 1};
}

/// cⁿ where that is exact.
inline bool exact_power(const Ratio& c, double n, Ratio& power) {
  const Ratio base = n < 0 ? Ratio{1, 1} / c : c;
  power = {std::pow(base.num, std::abs(n)), std::pow(base.den, std::abs(n))};
  return base.num != 0 && is_whole(base.num) && is_whole(power.num) && is_whole(power.den);
}

}  // namespace chainrule::expr
