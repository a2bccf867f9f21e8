// The functions that no formula of the table spells out: the C library's, and Boost.Math's.
//
// A qualified name here finds our own declaration first and std's otherwise, so that primitive::sin
// is std::sin and primitive::digamma is Boost's. Private to this folder's sources.
#pragma once

#include <cmath>

namespace chainrule::primitive {

using namespace std;

double hypot3(double x, double y, double w);
/// x·2ⁿ; NaN where n is no integer.
double ldexp(double x, double n);
/// x + t (y − x); NaN where any of them is.
double lerp(double x, double y, double t);
/// log|Γ(x)|, without the global sign that std::lgamma writes (a data race).
double lgamma(double x);
double digamma(double x);
/// ψ⁽ⁿ⁾(x), the n-th derivative of digamma; NaN where n is not 0, 1, 2, …
double polygamma(double n, double x);
double expint(double x);
double beta(double x, double y);
double sph_bessel(double n, double x);
double cyl_bessel_j(double order, double x);
double cyl_neumann(double order, double x);
double cyl_bessel_i(double order, double x);
double cyl_bessel_k(double order, double x);
double hermite(double n, double x);
double laguerre(double n, double x);
double assoc_laguerre(double n, double m, double x);
double legendre(double n, double x);
double gegenbauer(double n, double lambda, double x);

}  // namespace chainrule::primitive
