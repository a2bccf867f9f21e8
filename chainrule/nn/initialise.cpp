#include "chainrule/nn/initialise.hpp"

#include <cmath>
#include <numbers>
#include <string>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"

namespace chainrule::nn {

Fans fans(const Shape& weight) {
  if (weight.rank() < 2) {
    fail("initialise", "a weight of shape " + to_string(weight) +
                           " has no fan-in and fan-out: it needs the axes (out, in)");
  }
  double window = 1.0;
  for (std::size_t k = 2; k < weight.rank(); ++k) window *= static_cast<double>(weight[k]);
  return {.in = static_cast<double>(weight[1]) * window,
          .out = static_cast<double>(weight[0]) * window};
}

double gain(Op activation) {
  if (activation == Op::relu) return std::numbers::sqrt2;
  if (activation == Op::leaky_relu) {
    const double slope = usual_last_operand(activation);
    return std::sqrt(2.0 / (1.0 + slope * slope));
  }
  return activation == Op::tanh ? 5.0 / 3.0 : 1.0;
}

Tensor xavier_uniform(const Shape& weight, Random& random, double gain, Precision element) {
  const auto [in, out] = fans(weight);
  const double most = gain * std::sqrt(6.0 / (in + out));
  return random.uniform(weight, -most, most, element);
}

Tensor xavier_normal(const Shape& weight, Random& random, double gain, Precision element) {
  const auto [in, out] = fans(weight);
  return random.normal(weight, 0.0, gain * std::sqrt(2.0 / (in + out)), element);
}

Tensor he_uniform(const Shape& weight, Random& random, double gain, Precision element) {
  const double most = gain * std::sqrt(3.0 / fans(weight).in);
  return random.uniform(weight, -most, most, element);
}

Tensor he_normal(const Shape& weight, Random& random, double gain, Precision element) {
  return random.normal(weight, 0.0, gain / std::sqrt(fans(weight).in), element);
}

Tensor orthogonal(const Shape& weight, Random& random, double gain, Precision element) {
  if (weight.rank() != 2) fail("orthogonal", "a weight of two axes, not " + to_string(weight));
  // Gram and Schmidt on the rows of a Gaussian matrix, twice over for the sake of rounding; of a
  // tall one on its columns.
  const bool is_tall = weight[0] > weight[1];
  const std::size_t rows = static_cast<std::size_t>(is_tall ? weight[1] : weight[0]);
  const std::size_t columns = static_cast<std::size_t>(is_tall ? weight[0] : weight[1]);
  std::vector<double> q =
      random.normal({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}).values();
  const auto dot = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < columns; ++k) sum += q[i * columns + k] * q[j * columns + k];
    return sum;
  };
  for (std::size_t i = 0; i < rows; ++i) {
    for (int round = 0; round < 2; ++round) {
      for (std::size_t j = 0; j < i; ++j) {
        const double part = dot(i, j);
        for (std::size_t k = 0; k < columns; ++k) q[i * columns + k] -= part * q[j * columns + k];
      }
      const double length = std::sqrt(dot(i, i));
      for (std::size_t k = 0; k < columns; ++k) q[i * columns + k] /= length;
    }
  }
  for (double& number : q) number *= gain;
  const Tensor flat =
      tensor(q, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
  return cast(contiguous(is_tall ? transpose(flat) : flat), element);
}

}  // namespace chainrule::nn
