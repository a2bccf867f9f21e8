#include "chainrule/tensor/random.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

#include "chainrule/base/text.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tensor/body_internal.hpp"

namespace chainrule {
namespace {

using Words = std::array<std::uint32_t, 4>;

constexpr std::uint32_t low_word(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high_word(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

Words block_at(const Random::State& state, std::uint64_t position) {
  const philox4x32_ctr_t counter = {
      {low_word(position), high_word(position), low_word(state.stream), high_word(state.stream)}};
  const philox4x32_key_t key = {{low_word(state.seed), high_word(state.seed)}};
  const philox4x32_ctr_t words = philox4x32(counter, key);
  return {words.v[0], words.v[1], words.v[2], words.v[3]};
}

// b0 or b1.
std::uint64_t wide(const Words& w, std::size_t k) {
  return w[2 * k] | std::uint64_t{w[2 * k + 1]} << 32;
}

// Calls put(i, count, words) for the elements i … i + count − 1, which come of one block, and moves
// on behind the last block.
template <std::int64_t kPerBlock, class Put>
void each_block(Random::State& state, std::int64_t size, Put&& put) {
  for (std::int64_t i = 0; i < size; i += kPerBlock) {
    put(i, std::min(kPerBlock, size - i), block_at(state, state.position++));
  }
}

// ---- [0, 1) -----------------------------------------------------------------------------------

template <class T>
constexpr std::int64_t kPerBlock = static_cast<std::int64_t>(sizeof(Words) / sizeof(T));

template <class T>
T unit(const Words& words, std::size_t k) {
  if constexpr (std::same_as<T, float>) {
    return static_cast<float>(words[k] >> 8) * 0x1p-24f;
  } else {
    return static_cast<double>(wide(words, k) >> 11) * 0x1p-53;
  }
}

// ---- Box–Muller, in operations that every machine rounds alike ----------------------------------

struct Pair {
  double first, second;
};

// cos x and sin x = Σ (−1)ⁿ x²ⁿ/(2n)!, Σ (−1)ⁿ x²ⁿ⁺¹/(2n+1)! for |x| <= π/4. What is left out is
// below (π/4)²⁰/20! = 3e-21.
constexpr int kTerms = 10;
constexpr auto kInverseFactorials = [] {
  std::array<double, 2 * kTerms> inverse = {1.0};
  double factorial = 1.0;
  for (std::size_t n = 1; n < inverse.size(); ++n) {
    factorial *= static_cast<double>(n);
    inverse[n] = 1.0 / factorial;
  }
  return inverse;
}();

// cos 2πv and sin 2πv for v in [0, 1). v − q/4 is exact.
Pair on_circle(double v) {
  const int quarter = static_cast<int>(4.0 * v + 0.5);
  const double x = 2.0 * std::numbers::pi * (v - 0.25 * quarter), xx = x * x;
  double c = 0, s = 0;
  for (std::size_t n = kTerms; n-- > 0;) {
    c = kInverseFactorials[2 * n] - xx * c;
    s = kInverseFactorials[2 * n + 1] - xx * s;
  }
  s *= x;
  switch (quarter % 4) {
    case 0: return {c, s};
    case 1: return {-s, c};
    case 2: return {-c, -s};
  }
  return {s, -c};
}

// ln u for u in (0, 1], u = m 2ᵉ with m in [√½, √2]: e ln 2 + 2 artanh t, t = (m − 1)/(m + 1),
// artanh t = Σ t²ⁿ⁺¹/(2n+1), |t| < 0.1716. What is left out is below t²³/23 = 1e-19.
double logarithm(double u) {
  constexpr std::uint64_t kFraction = (std::uint64_t{1} << 52) - 1;
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(u);
  double e = static_cast<double>(bits >> 52) - 1023.0;
  double m = std::bit_cast<double>((bits & kFraction) | std::bit_cast<std::uint64_t>(1.0));
  if (m > std::numbers::sqrt2) {
    m *= 0.5;
    e += 1.0;
  }
  const double t = (m - 1.0) / (m + 1.0), tt = t * t;
  double sum = 0.0;
  for (int n = 10; n >= 0; --n) sum = 1.0 / (2 * n + 1) + tt * sum;
  return e * std::numbers::ln2 + 2.0 * t * sum;
}

Pair box_muller(double u, double v) {
  const double radius = std::sqrt(-2.0 * logarithm(u));
  const Pair at = on_circle(v);
  return {radius * at.first, radius * at.second};
}

// Pair k of a block's Gaussian numbers.
template <class T>
Pair gaussian(const Words& w, std::size_t k) {
  if constexpr (std::same_as<T, float>) {
    return box_muller((w[2 * k] + 1.0) * 0x1p-32, w[2 * k + 1] * 0x1p-32);
  } else {
    return box_muller((static_cast<double>(wide(w, 0) >> 11) + 1.0) * 0x1p-53,
                      static_cast<double>(wide(w, 1) >> 11) * 0x1p-53);
  }
}

// ⌊a b / 2⁶⁴⌋, from products of 32 bits.
std::uint64_t high_product(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a0 = low_word(a), a1 = a >> 32, b0 = low_word(b), b1 = b >> 32;
  const std::uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
  const std::uint64_t other = a0 * b1 + low_word(middle);
  return a1 * b1 + (middle >> 32) + (other >> 32);
}

}  // namespace

namespace {

// Numbers drawn now would be those of every run.
void refuse_while_recording(std::string_view where) {
  if (!detail::active_recorder->watching || !active_state().tracing) return;
  fail(
      where,
      "random numbers drawn while a function is recorded would be the same in every run: draw them "
      "outside, and pass them as an argument");
}

}  // namespace

Tensor Random::uniform(const Shape& shape, double low, double high, Precision element) {
  refuse_while_recording("uniform");
  const bool is_finite = visit_element(element, [&]<class T>(T) {
    return std::isfinite(static_cast<T>(high) - static_cast<T>(low));
  });
  if (!(low <= high) || !is_finite) {
    fail("uniform", "from " + shortest(low) + " to " + shortest(high) +
                        ": two finite numbers are expected, the smaller first, not too far apart");
  }
  Tensor t = make_tensor(element, shape);
  visit_element(element, [&]<class T>(T) {
    T* z = TensorAccess::data<T>(t);
    const T from = static_cast<T>(low), to = static_cast<T>(high), width = to - from;
    // from + width·u may round to the end, which is not a part.
    const T last = from < to ? std::nextafter(to, from) : from;
    each_block<kPerBlock<T>>(state_, t.size(), [&](std::int64_t i, std::int64_t n, const Words& w) {
      for (std::int64_t k = 0; k < n; ++k) {
        z[i + k] = std::min(from + width * unit<T>(w, static_cast<std::size_t>(k)), last);
      }
    });
  });
  return t;
}

Tensor Random::normal(const Shape& shape, double mean, double deviation, Precision element) {
  refuse_while_recording("normal");
  if (!std::isfinite(mean) || !std::isfinite(deviation) || deviation < 0) {
    fail("normal", "mean " + shortest(mean) + ", deviation " + shortest(deviation) +
                       ": finite numbers are expected, the deviation not below 0");
  }
  Tensor t = make_tensor(element, shape);
  visit_element(element, [&]<class T>(T) {
    T* z = TensorAccess::data<T>(t);
    each_block<kPerBlock<T>>(state_, t.size(), [&](std::int64_t i, std::int64_t n, const Words& w) {
      for (std::int64_t k = 0; k < n; k += 2) {
        const Pair pair = gaussian<T>(w, static_cast<std::size_t>(k / 2));
        z[i + k] = static_cast<T>(mean + deviation * pair.first);
        if (k + 1 < n) z[i + k + 1] = static_cast<T>(mean + deviation * pair.second);
      }
    });
  });
  return t;
}

std::vector<std::int64_t> Random::permutation(std::int64_t n) {
  refuse_while_recording("permutation");
  if (n < 0) fail("permutation", "of " + std::to_string(n) + " things");
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  each_block<2>(state_, n - 1, [&](std::int64_t i, std::int64_t count, const Words& w) {
    for (std::int64_t k = 0; k < count; ++k) {
      // The last of those left changes places with any of them.
      const auto left = static_cast<std::uint64_t>(n - (i + k));
      const std::uint64_t j = high_product(wide(w, static_cast<std::size_t>(k)), left);
      std::swap(order[left - 1], order[j]);
    }
  });
  return order;
}

std::uint64_t Random::bits() { return wide(block(), 0); }

Words Random::block() {
  refuse_while_recording("random");
  return block_at(state_, state_.position++);
}

Tensor rand(const Shape& shape, Random& random, Precision element) {
  return random.uniform(shape, 0.0, 1.0, element);
}

Tensor randn(const Shape& shape, Random& random, Precision element) {
  return random.normal(shape, 0.0, 1.0, element);
}

}  // namespace chainrule
