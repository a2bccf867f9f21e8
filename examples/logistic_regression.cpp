// Logistic regression: which weights made these choices, and how well are they known? A loss that
// is a plain function of tensors, minimised by Newton's method.
#include <chainrule/tensor/tensor.hpp>
#include <iostream>

using namespace chainrule;

int main() {
  // Choices y of which each is 1 with probability σ(x·w).
  Random random(1);
  const Tensor truth = tensor({1.5, -2, 0.5});
  const Tensor x = randn({2000, 3}, random);
  const Tensor y = rand({2000}, random) < sigmoid(matmul(x, truth));

  const auto loss = [&](const Tensor& w) {  // −log of the likelihood
    return binary_cross_entropy_with_logits(matmul(x, w), y, Over::sum);
  };
  Tensor w = zeros({3});
  double length = 1;
  for (int step = 0; length > 1e-9 && step < 20; ++step) {
    const Tensor move = solve(hessian(loss)(w), grad(loss)(w));
    w -= move;
    length = norm(move).item();
    std::cout << "step " << step << ": loss " << loss(w).item() << ", moved by " << length << '\n';
  }

  // The inverse of the Hessian is the covariance of what was estimated.
  const Tensor error = sqrt(diagonal(inverse(hessian(loss)(w))));
  std::cout << "weights " << w << "\nerrors  " << error << "\ntrue    " << truth << '\n'
            << "right: " << 100 * mean((matmul(x, w) > 0) == y).item() << " % of the choices\n";
  const bool is_near = amax(abs(w - truth) / error).item() < 4;
  return is_near && length <= 1e-9 ? 0 : 1;
}
