// Maximum likelihood with kernels: the shape and scale of a Weibull distribution, by Newton's
// method over 100,000 samples, in two threads.
#include <chainrule/emit/kernel.hpp>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <random>
#include <vector>

using namespace chainrule;

// Samples λ (−log u)^(1/k) of a Weibull distribution, from a seed.
std::vector<double> samples(std::size_t count, double k, double lambda) {
  std::mt19937_64 random(7);
  std::vector<double> xs;
  while (xs.size() < count) {
    const double u = (static_cast<double>(random() >> 12) + 0.5) * 0x1p-52;
    xs.push_back(lambda * std::pow(-std::log(u), 1 / k));
  }
  return xs;
}

// Where to begin: log X has mean log λ − γ/k and standard deviation π/(k √6).
std::vector<double> by_moments(const std::vector<double>& xs) {
  double sum = 0, squares = 0;
  for (const double x : xs) {
    sum += std::log(x);
    squares += std::log(x) * std::log(x);
  }
  const double mean = sum / static_cast<double>(xs.size());
  const double spread = std::sqrt(squares / static_cast<double>(xs.size()) - mean * mean);
  const double k = std::numbers::pi / (std::sqrt(6.0) * spread);
  return {std::log(k), mean + std::numbers::egamma / k};
}

int main() {
  constexpr double kShape = 1.7, kScale = 3.2;
  const std::vector<double> data = samples(100'000, kShape, kScale);
  const unsigned threads = 2;

  // −log p(x) = −log k + k log λ − (k − 1) log x + (x/λ)ᵏ, by θ = (log k, log λ).
  const Function loss = record(
      [](const std::vector<Scalar>& theta, Scalar x) {
        const Scalar k = exp(theta[0]), z = log(x) - theta[1];
        return exp(k * z) - theta[0] + theta[1] - (k - 1.0) * z;
      },
      shape(2), 1.0);
  const Kernel slopes = compile(value_and_grad(loss)), curvature = compile(hessian(loss));

  std::vector<double> theta = by_moments(data);
  std::vector<double> h;
  for (int step = 0; step < 50; ++step) {
    const auto g = slopes.sum(theta, data, threads);  // Σ loss, Σ ∂/∂θ₀, Σ ∂/∂θ₁
    h = curvature.sum(theta, data, threads);          // Σ ∂²/∂θ∂θ
    const double det = h[0] * h[3] - h[1] * h[2];     // θ ← θ − H⁻¹ g
    const double d0 = (h[3] * g[1] - h[1] * g[2]) / det;
    const double d1 = (h[0] * g[2] - h[2] * g[1]) / det;
    theta[0] -= d0;
    theta[1] -= d1;
    std::printf("%d: mean loss %.9f, step %.1e\n", step, g[0] / static_cast<double>(data.size()),
                std::hypot(d0, d1));
    if (std::hypot(d0, d1) < 1e-10) break;
  }
  // The inverse of the Hessian is the covariance of what was estimated.
  const double det = h[0] * h[3] - h[1] * h[2];
  const double error0 = std::sqrt(h[3] / det), error1 = std::sqrt(h[0] / det);
  std::printf("shape %.4f (true: %g), scale %.4f (true: %g)\n", std::exp(theta[0]), kShape,
              std::exp(theta[1]), kScale);
  const bool is_near = std::abs(theta[0] - std::log(kShape)) < 4 * error0 &&
                       std::abs(theta[1] - std::log(kScale)) < 4 * error1;
  return is_near ? 0 : 1;
}
