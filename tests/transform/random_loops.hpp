// Loops whose bodies are random programs full of choices, infinities and NaN, and the same code
// written out.
#pragma once

#include <array>

#include "tests/transform/loops.hpp"

namespace chainrule::test {

// A step of random operations: two carried numbers, two of its own, two that all steps share.
struct LoopProgram {
  struct Line {
    unsigned op, a, b, c;
  };
  std::vector<Line> lines;
  std::array<unsigned, 4> results;  // the carry, what is stacked, what is summed

  explicit LoopProgram(std::mt19937& bits) {
    const std::size_t count = 3 + bits() % 8;
    for (std::size_t k = 0; k < count; ++k) {
      const auto any = [&] { return static_cast<unsigned>(bits() % (6 + k)); };
      lines.push_back({static_cast<unsigned>(bits() % 10), any(), any(), any()});
    }
    for (unsigned& result : results) result = static_cast<unsigned>(bits() % (6 + count));
  }

  Scalars operator()(const Scalars& in) const {
    Scalars all = in;
    for (const auto& [op, a, b, c] : lines) {
      switch (op) {
        case 0: all.push_back(all[a] + all[b]); break;
        case 1: all.push_back(all[a] - all[b]); break;
        case 2: all.push_back(all[a] * all[b]); break;
        case 3: all.push_back(all[a] / all[b]); break;
        case 4: all.push_back(sqrt(all[a])); break;
        case 5: all.push_back(select(all[a] > all[b], all[b], all[c])); break;
        case 6: all.push_back(max(all[a], all[b])); break;
        case 7: all.push_back(sin(all[a])); break;
        case 8: all.push_back(all[a] > all[b] ? all[c] : all[c] * all[b]); break;
        default: all.push_back(select(all[a] >= 0.0, sqrt(all[a]), all[c])); break;
      }
    }
    Scalars out;
    for (const unsigned result : results) out.push_back(all[result]);
    return out;
  }
};

// (What is captured is read on every branch, as it must be.)
// The loop as code of ten numbers: the carry, two of each of three steps, two shared ones.
inline Scalars looped(const LoopProgram& program, const Scalars& v) {
  const Scalars shared(v.begin() + 8, v.end());
  std::vector<std::array<Scalar, 2>> own;
  for (std::size_t t = 0; t < 3; ++t) own.push_back({v[2 + 2 * t], v[3 + 2 * t]});
  using Two = std::array<Scalar, 2>;
  const auto [last, ys] = scan(
      [=](const Two& c, const Two& x) {
        const Scalars out = program({c[0], c[1], x[0], x[1], 1.0 * shared[0], 1.0 * shared[1]});
        return std::pair(Two{out[0], out[1]}, Two{out[2], out[3]});
      },
      Two{v[0], v[1]}, own);
  Scalars all = {last[0], ys[0][0], ys[1][0], ys[2][1]};
  // And a sum over steps that know nothing of each other.
  all.push_back(sum_over(
      [=](const Two& x) {
        return program({x[0], x[1], x[1], x[0], 1.0 * shared[0], 1.0 * shared[1]})[3];
      },
      own));
  return all;
}

inline Scalars written_out(const LoopProgram& program, const Scalars& v) {
  Scalar c = v[0], d = v[1], sum = 0.0;
  Scalars ys, zs;
  for (std::size_t t = 0; t < 3; ++t) {
    const Scalar &x = v[2 + 2 * t], &y = v[3 + 2 * t];
    const Scalars out = program({c, d, x, y, v[8], v[9]});
    c = out[0], d = out[1];
    ys.push_back(out[2]), zs.push_back(out[3]);
    sum += program({x, y, y, x, v[8], v[9]})[3];
  }
  return {c, ys[0], ys[1], zs[2], sum};
}

}  // namespace chainrule::test
