// The numbers with which parameters begin.
//
// A weight has the shape (out, in), or (out, in, window…): fan-in is in × window, fan-out out ×
// window. Each rule keeps the variance of what passes through a layer near 1, at the start: that of
// activations (fan-in), of adjoints (fan-out), or a mean of the two.
#pragma once

#include "chainrule/op/op.hpp"
#include "chainrule/tensor/random.hpp"

namespace chainrule::nn {

struct Fans {
  double in = 0, out = 0;
};
/// Throws Error for fewer than two axes.
Fans fans(const Shape& weight);

/// By what an activation shrinks the deviation of what passes through it; the weights before it
/// make up for it. √2 for relu (He et al. 2015, eq. 10), √(2/(1 + a²)) for leaky_relu (eq. 14),
/// 5/3 for tanh (the inverse of its shrinkage near the fixed point), else 1.
double gain(Op activation);

/// Uniform on ±gain·√(6/(in + out)). Glorot & Bengio 2010, eq. 16.
Tensor xavier_uniform(const Shape& weight, Random& random, double gain = 1.0,
                      Precision element = f64);
/// Gaussian of deviation gain·√(2/(in + out)). Glorot & Bengio 2010, eq. 12.
Tensor xavier_normal(const Shape& weight, Random& random, double gain = 1.0,
                     Precision element = f64);
/// Uniform on ±gain·√(3/in): of the same deviation as he_normal.
Tensor he_uniform(const Shape& weight, Random& random, double gain, Precision element = f64);
/// Gaussian of deviation gain/√in. He et al. 2015, eq. 10: gain √2.
Tensor he_normal(const Shape& weight, Random& random, double gain, Precision element = f64);
/// Rows (or columns, if there are fewer) that are orthogonal and of length `gain`: a random
/// rotation. Saxe et al. 2014. Throws Error unless there are two axes.
Tensor orthogonal(const Shape& weight, Random& random, double gain = 1.0, Precision element = f64);

}  // namespace chainrule::nn
