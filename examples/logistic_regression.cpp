// Logistic regression: which weights made these choices? A loss that is a plain function of
// tensors, its value and gradient compiled, and steepest descent.
#include <chainrule/tensor/tensor.hpp>
#include <iostream>

using namespace chainrule;

int main() {
  // Choices y of which each is 1 with probability σ(x·w).
  Random random(1);
  const Tensor truth = tensor({1.5, -2, 0.5});
  const Tensor x = randn({2000, 3}, random);
  const Tensor y = rand({2000}, random) < sigmoid(matmul(x, truth));

  const auto loss = [](const Tensor& w, const Tensor& inputs, const Tensor& targets) {
    return binary_cross_entropy_with_logits(matmul(inputs, w), targets);
  };
  Tensor w = zeros({3});
  const TensorKernel slope = compile(grad(record(loss, w, x, y)));
  for (int step = 0; step < 300; ++step) w -= 2.0 * Tensor(slope(w, x, y));

  const Tensor right = mean((matmul(x, w) > 0.0) == y);
  std::cout << "weights " << w << ", true " << truth << '\n'
            << "right: " << right.item() * 100 << " %\n"
            << "slope left: " << norm(grad(loss)(w, x, y)).item() << '\n';
  return amax(abs(w - truth)).item() < 0.2 ? 0 : 1;
}
