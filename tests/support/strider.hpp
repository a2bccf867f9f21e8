// Tensors in random orders in memory: turned, with gaps, backwards, stretched.
#pragma once

#include <algorithm>
#include <random>

#include "tests/support/tensor_laws.hpp"

namespace chainrule {

class Strider {
 public:
  explicit Strider(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  std::int64_t size() {
    static constexpr std::int64_t kSizes[] = {1, 1, 2, 3, 4, 5, 7, 0};
    return kSizes[below(random_() % 4 == 0 ? 8 : 7)];
  }

  // Numbers in that shape, in some order in memory: turned, with gaps, backwards, stretched.
  Tensor strided(const Shape& shape, Precision element) {
    std::vector<std::int64_t> order(shape.rank());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = static_cast<std::int64_t>(k);
    if (below(2) == 0) std::shuffle(order.begin(), order.end(), random_);
    Shape inside, spaced;
    std::vector<std::int64_t> steps, back(shape.rank());
    for (std::size_t k = 0; k < order.size(); ++k) {
      const std::int64_t size = shape[static_cast<std::size_t>(order[k])];
      back[static_cast<std::size_t>(order[k])] = static_cast<std::int64_t>(k);
      const bool is_stretched = below(8) == 0;
      steps.push_back(is_stretched ? 0 : below(3) == 0 ? 2 : below(4) == 0 ? -1 : 1);
      spaced.push_back(is_stretched ? 1 : steps.back() == 2 ? 2 * size : size);
      inside.push_back(size);
    }
    const double seed = 0.01 * static_cast<double>(below(1000));
    Tensor t = cast(laws::detail::spread_numbers(spaced, seed), element);
    for (std::size_t k = 0; k < order.size(); ++k) {
      const auto axis = static_cast<std::int64_t>(k);
      if (steps[k] == 2) t = slice(t, axis, {1, Range::kFromEnd, 2});
      if (steps[k] == -1) t = flip(t, axis);
    }
    return permute(broadcast_to(t, inside), back);
  }

 private:
  std::mt19937 random_;
};

}  // namespace chainrule
