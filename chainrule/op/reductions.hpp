// Reductions over a span, in any algebra: sum, mean, dot, norm, logsumexp.
//
// They are ordinary code over the rows of the table, so that they record, differentiate and replay
// as the formulas they are.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

#include "chainrule/op/op.hpp"

namespace chainrule {

/// x₁ + x₂ + …; 0 for an empty span.
template <class V>
V sum(std::span<const V> x) {
  if (x.empty()) return V(0.0);
  V total = x[0];
  for (const V& term : x.subspan(1)) total = total + term;
  return total;
}

/// sum(x) / size; NaN for an empty span.
template <class V>
V mean(std::span<const V> x) {
  return sum(x) / static_cast<double>(x.size());
}

/// x₁y₁ + x₂y₂ + …, over the shorter of the two.
template <class V>
V dot(std::span<const V> x, std::type_identity_t<std::span<const V>> y) {
  const std::size_t size = x.size() < y.size() ? x.size() : y.size();
  if (size == 0) return V(0.0);
  V total = x[0] * y[0];
  for (std::size_t k = 1; k < size; ++k) total = total + x[k] * y[k];
  return total;
}

/// √(x₁² + x₂² + …), which neither overflows nor underflows halfway; its gradient at the origin is
/// 0.
template <class V>
V norm(std::span<const V> x) {
  using plain::abs, plain::hypot;
  if (x.empty()) return V(0.0);
  V size = abs(x[0]);
  for (const V& entry : x.subspan(1)) size = hypot(size, entry);
  return size;
}

/// log(exp(x₁) + exp(x₂) + …); −∞ for an empty span.
///
/// With m the largest entry, taken as a plain number, at index k:
///   z = m + log1p(Σᵢ≠ₖ exp(xᵢ − m) + expm1(xₖ − m))
/// which neither overflows nor loses a small second term, and whose derivatives of every order are
/// those of the formula: m cancels in all of them. Where choices stay in the graph no k is chosen:
/// then z = m + log Σ exp(xᵢ − m), which differs by its rounding alone.
template <class V>
V logsumexp(std::span<const V> x) {
  using plain::exp, plain::expm1, plain::log, plain::log1p, plain::max;
  using plain::select, plain::stop_gradient;
  if (!x.empty() && keeps_choices(x[0])) {
    V largest = x[0];
    for (const V& entry : x.subspan(1)) largest = max(largest, entry);
    // All −∞, or a +∞: then the differences are NaN, and the sum is its largest term.
    const V peak = stop_gradient(
        select(abs(largest) < std::numeric_limits<double>::infinity(), largest, V(0.0)));
    V total = exp(x[0] - peak);
    for (const V& entry : x.subspan(1)) total = total + exp(entry - peak);
    return peak + log(total);
  }
  double m = -std::numeric_limits<double>::infinity();
  std::size_t k = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = primal(x[i]);
    if (v > m || v != v) m = v, k = i;
    if (v != v) break;
  }
  if (x.empty()) return V(m);
  // All −∞, a +∞ or a NaN: the sum is its largest term.
  if (!std::isfinite(m)) return x[k];
  V rest = expm1(x[k] - m);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i != k) rest = rest + exp(x[i] - m);
  }
  return m + log1p(rest);
}

}  // namespace chainrule
