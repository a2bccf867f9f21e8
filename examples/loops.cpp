// Loops: a body that is recorded once and run for many steps, as one node.
#include <chainrule/chainrule.hpp>
#include <chainrule/transform/functions.hpp>
#include <chainrule/transform/loop.hpp>
#include <chainrule/transform/split.hpp>
#include <cmath>
#include <cstdio>

using namespace chainrule;

template <class S>
struct Component {
  S weight, mean, precision;
};
template <class S>
auto fields(Component<S>& c) {
  return std::tie(c.weight, c.mean, c.precision);
}

// log Σ exp(terms), shifted by the largest.
Scalar log_sum_exp(const std::vector<Scalar>& terms) {
  const Scalar top = fold([](Scalar m, Scalar t) { return max(m, t); }, terms[0], terms);
  return top + log(sum_over([top](Scalar t) { return exp(t - top); }, terms));
}

// The log-likelihood of `data` under a mixture: loops in a loop.
Scalar likelihood(const std::vector<Component<Scalar>>& mixture, const std::vector<double>& data) {
  return sum_over(
      [mixture](Scalar x) {
        const auto terms = map(
            [x](const Component<Scalar>& c) {
              const Scalar u = (x - c.mean) * exp(c.precision);
              return c.weight + c.precision - 0.5 * u * u;
            },
            mixture);
        return log_sum_exp(terms);
      },
      data);
}

int main() {
  // A recurrent net: h ← tanh(u h + w x), the sum of squares of what each step gives.
  const Function net = record(
      [](const std::vector<Scalar>& xs, Scalar u, Scalar w) {
        const auto [last, ys] = scan(
            [u, w](Scalar h, Scalar x) {
              const Scalar next = tanh(u * h + w * x);
              return std::pair(next, next * next);
            },
            0.0, xs);
        return sum_over([](Scalar y) { return y; }, ys) + last;
      },
      shape(5), 0.5, 1.0);
  const auto slopes = grad(net, 1)(std::vector<double>{1, -2, 0.5, 3, 0}, 0.5, 1.0);
  std::printf("net: slope by u %.6f\n", slopes[0]);

  // Forward and back as two Functions: what the adjoint reads is handed on, not computed again.
  const Split stages = split(vjp(net, kEveryArgument), 3);
  std::vector<double> y_and_kept = stages.early(std::vector<double>{1, -2, 0.5, 3, 0}, 0.5, 1.0);
  const std::vector<double> kept(y_and_kept.begin() + 1, y_and_kept.end());
  const double seed = 2 * (y_and_kept[0] - 1.0);  // of (y − 1)², known only now
  std::printf("net: %zu numbers kept, slope of (y - 1)^2 by u %.6f\n", stages.kept,
              stages.late(kept, seed)[5]);

  const std::vector<double> data = {-1.2, 0.1, 0.4, 2.0, 2.2};
  const std::vector<Component<double>> start = {{0, -1, 0}, {0, 2, 0}};
  const Function fit = record(
      [&](const std::vector<Component<Scalar>>& mixture) { return likelihood(mixture, data); },
      start);
  const Function rise = grad(fit);
  std::printf("mixture: %zu nodes, of its gradient %zu\n", fit.trace().graph.size(),
              rise.trace().graph.size());
  std::printf("  slope by the first mean %.6f\n", rise(start)[1]);

  // A number of steps that depends on data is a guard: another number is recorded anew.
  const Function power = record(
      [](Scalar x, Scalar n) {
        return fold(
            static_cast<int>(n), [x](Scalar p) { return p * x; }, 1.0);
      },
      2.0, 3.0);
  std::printf("power: %g %g\n", power(2.0, 10.0)[0], grad(power)(3.0, 4.0)[0]);
}
