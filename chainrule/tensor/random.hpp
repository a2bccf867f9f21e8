// Random: numbers that depend on a seed and a place, and on nothing else.
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) turns a
// counter of 128 bits and a key of 64 into four words of 32 bits, w0 … w3: a block. Here the key is
// the seed and the counter is (position, stream), low words first. Each call below begins with the
// block at the position and takes whole blocks; so element i of a tensor is known from (seed,
// stream, position, i) alone, and every machine and thread finds the same digits: what is computed
// from words is computed with + − × ÷ and √ only, whose rounding IEEE 754 prescribes.
//
//                         elements a block    element k of its block, from words w or 64-bit words
//                                             b0 = w0 + 2³² w1, b1 = w2 + 2³² w3
//   uniform, f32          4                   low + (high − low)·u,  u = ⌊wk / 2⁸⌋ · 2⁻²⁴
//   uniform, f64          2                   the same,              u = ⌊bk / 2¹¹⌋ · 2⁻⁵³
//   normal, f32           4                   Box–Muller of (w0, w1), then of (w2, w3)
//   normal, f64           2                   Box–Muller of (b0, b1), of which the upper 53 bits
//   permutation of n      2                   step k of n − 1: j = ⌊bk (n − k) / 2⁶⁴⌋
//   bits                  1                   b0
//
// Box–Muller takes u in (0, 1] and v in [0, 1), (w + 1)/2³² and w/2³², to √(−2 ln u)·cos 2πv, and
// then to √(−2 ln u)·sin 2πv. A block costs some 7 ns, a normal number some 15.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "chainrule/tensor/core.hpp"

namespace chainrule {

class Random {
 public:
  /// What the next numbers depend on, to be kept with a checkpoint.
  struct State {
    std::uint64_t seed = 0;
    std::uint64_t stream = 0;
    std::uint64_t position = 0;  ///< of the next block in its stream
    friend bool operator==(const State&, const State&) = default;
  };

  /// Streams of one seed have no block in common: one each for the threads, layers or rows that are
  /// to be independent.
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0) : state_{seed, stream, 0} {}
  explicit Random(const State& state) : state_(state) {}

  const State& state() const { return state_; }

  /// Numbers in [low, high); low itself where both are the same. Throws Error unless both are
  /// finite, and so is their distance, and low <= high.
  Tensor uniform(const Shape& shape, double low = 0.0, double high = 1.0, Precision element = f64);
  /// Gaussian numbers. Throws Error unless mean and deviation are finite and the latter is >= 0.
  Tensor normal(const Shape& shape, double mean = 0.0, double deviation = 1.0,
                Precision element = f64);
  /// 0 … n − 1 in an order of which each is equally likely, up to n·2⁻⁶⁴ (Fisher and Yates's
  /// shuffle). Throws Error for n < 0.
  std::vector<std::int64_t> permutation(std::int64_t n);
  /// 64 random bits.
  std::uint64_t bits();
  /// The next block as it is.
  std::array<std::uint32_t, 4> block();

 private:
  State state_;
};

/// Uniform numbers in [0, 1).
Tensor rand(const Shape& shape, Random& random, Precision element = f64);
/// Gaussian numbers of mean 0 and deviation 1.
Tensor randn(const Shape& shape, Random& random, Precision element = f64);

}  // namespace chainrule
