// Reductions and losses recorded once, compiled, and on batches, against themselves run directly.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/tensor/compile.hpp"
#include "chainrule/tensor/loss.hpp"
#include "chainrule/tensor/normalise.hpp"
#include "chainrule/tensor/transform.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::detail::spread_numbers;
using Numbers = std::vector<double>;

struct Named {
  const char* name;
  std::function<Tensor(const Tensor&)> f;
};

// Of matrices (3,4).
std::vector<Named> operations() {
  return {
      {"sum", [](const Tensor& x) { return sum(sin(x), 0); }},
      {"mean", [](const Tensor& x) { return mean(sin(x), 1, keepdims); }},
      {"prod", [](const Tensor& x) { return prod(x, 1); }},
      {"prod of all", [](const Tensor& x) { return prod(x); }},
      {"amax", [](const Tensor& x) { return exp(amax(x, 0)); }},
      {"amin", [](const Tensor& x) { return exp(amin(x, -1)); }},
      {"argmax", [](const Tensor& x) { return argmax(x, 1) * amax(x, 1); }},
      {"var", [](const Tensor& x) { return var(x, 1, 1); }},
      {"stddev", [](const Tensor& x) { return stddev(x, 0); }},
      {"norm", [](const Tensor& x) { return norm(x, 1); }},
      {"norm of order 3", [](const Tensor& x) { return norm(x, 0, 3.0, keepdims); }},
      {"logsumexp", [](const Tensor& x) { return logsumexp(x, 1); }},
      {"softmax", [](const Tensor& x) { return softmax(x, 0); }},
      {"log_softmax", [](const Tensor& x) { return log_softmax(x); }},
      {"cumsum", [](const Tensor& x) { return cumsum(sin(x), 1); }},
      {"cumprod", [](const Tensor& x) { return cumprod(x, 0); }},
      {"cross_entropy",
       [](const Tensor& x) {
         return cross_entropy(x, tensor({1, 3, 0}));
       }},
      {"cross_entropy, summed",
       [](const Tensor& x) { return cross_entropy(x, softmax(x * x), Over::sum); }},
      {"nll",
       [](const Tensor& x) {
         return nll(log_softmax(x), tensor({1, 3, 0}), Over::none);
       }},
      {"mse", [](const Tensor& x) { return mse(x, sin(x)); }},
      {"huber", [](const Tensor& x) { return huber(x, sin(x), 0.3); }},
      {"binary",
       [](const Tensor& x) { return binary_cross_entropy_with_logits(x, sigmoid(x * x)); }},
      {"layer_norm",
       [](const Tensor& x) {
         return layer_norm(x, tensor({1, 2, 3, 4}), tensor({1, 0, 1, 0}));
       }},
      {"dropout",
       [](const Tensor& x) {
         return dropout(x, 0.5, tensor({1, 0, 1, 1}));
       }},
  };
}

void expect_close(const Tensor& found, const Tensor& expected, const std::string& what) {
  ASSERT_EQ(found.shape(), expected.shape()) << what;
  const Numbers a = found.values(), b = expected.values();
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_NEAR(a[i], b[i], 1e-13 * (1 + std::fabs(b[i]))) << what << ", element " << i;
}

// A number to differentiate: the elements with weights.
Tensor weighted(const Tensor& y) { return sum(y * spread_numbers(y.shape(), 0.4)); }

TEST(TensorReadings, what_is_recorded_at_one_point_holds_at_others) {
  const Tensor example = spread_numbers({3, 4}, 0.3);
  for (const auto& [name, f] : operations()) {
    const auto loss = [&f = f](const Tensor& x) { return weighted(f(x)); };
    const TensorFunction recorded = record(f, example), number = record(loss, example);
    const TensorFunction slope = grad(number);
    const auto compiled = compile(recorded), compiled_slope = compile(slope);
    for (const double seed : {0.3, 1.3, 5.0}) {
      const Tensor x = 1.5 * spread_numbers({3, 4}, seed);
      const Tensor direct = grad(loss)(x);
      expect_close(recorded(x), f(x), name);
      expect_close(compiled(x), f(x), std::string(name) + ", compiled");
      expect_close(slope(x), direct, std::string(name) + ", slope");
      expect_close(compiled_slope(x), direct, std::string(name) + ", compiled slope");
    }
  }
}

TEST(TensorReadings, batches_are_the_slices_together) {
  constexpr std::int64_t kCount = 5;
  const Tensor batch = 1.5 * spread_numbers({kCount, 3, 4}, 0.9);
  for (const auto& [name, f] : operations()) {
    const auto loss = [&f = f](const Tensor& x) { return weighted(f(x)); };
    const Tensor values = vmap(f)(batch), slopes = vmap(grad(loss))(batch);
    for (std::int64_t k = 0; k < kCount; ++k) {
      const Tensor x = pick(batch, 0, k);
      expect_close(pick(values, 0, k), f(x), name);
      expect_close(pick(slopes, 0, k), grad(loss)(x), std::string(name) + ", slope");
    }
  }
}

TEST(TensorReadings, classes_may_be_batched_where_scores_are_not) {
  const Tensor scores = spread_numbers({3, 4}, 0.3), classes = tensor({{0, 1, 2}, {3, 3, 0}});
  const auto f = [&](const Tensor& t) { return cross_entropy(scores, t); };
  const Tensor losses = vmap(f)(classes);
  for (std::int64_t k = 0; k < 2; ++k)
    EXPECT_NEAR(losses.at({k}), f(pick(classes, 0, k)).item(), 1e-15);
}

}  // namespace
}  // namespace chainrule
