// Threads: each records on its own tape, and one Function is replayed by many at once.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule {
namespace {

constexpr std::size_t kThreads = 4;

template <class Work>
void on_threads(const Work& work) {
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) threads.emplace_back([&work, t] { work(t); });
  for (std::thread& thread : threads) thread.join();
}

double truth(double x) {
  double y = x;
  while (y < 50.0) y = y * x;
  return y;
}

TEST(Threads, replay_one_function_at_once_and_record_its_branches) {
  const Function f = record(
      [](Scalar x) {
        Scalar y = x;
        while (y < 50.0) y = y * x;
        return y;
      },
      2.0);
  f.keep_variants(8);
  std::atomic<int> wrong{0};
  on_threads([&](std::size_t t) {
    for (int k = 0; k < 400; ++k) {
      const double x = 1.1 + 0.01 * ((k * 7 + static_cast<int>(t) * 13) % 200);
      if (f(x)[0] != truth(x)) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(Threads, sum_a_gradient_to_the_sequential_one) {
  const Function slope =
      grad(record([](Scalar w, Scalar x) { return x > 0.0 ? exp(w * x) : w * w * x; }, 1.0, 1.0));
  constexpr int kRows = 1000;
  const auto part = [&](int from, int to) {
    double sum = 0;
    for (int k = from; k < to; ++k) sum += std::round(slope(0.5, std::sin(k))[0] * 1e6);
    return sum;
  };
  const double sequential = part(0, kRows);
  std::vector<double> sums(kThreads);
  on_threads([&](std::size_t t) {
    const int each = kRows / static_cast<int>(kThreads), first = static_cast<int>(t) * each;
    sums[t] = part(first, first + each);
  });
  double sum = 0;
  for (const double s : sums) sum += s;
  EXPECT_EQ(sum, sequential);
}

TEST(Threads, record_and_differentiate_each_on_its_own_tape) {
  std::vector<double> slopes(kThreads);
  on_threads([&](std::size_t t) {
    for (int round = 0; round < 50; ++round) {
      slopes[t] = grad(grad([](Scalar x) { return x * x * x; }))(static_cast<double>(t));
      record([](Scalar x) { return x > 0.0 ? x : -x; }, static_cast<double>(t))(1.0);
    }
  });
  for (std::size_t t = 0; t < kThreads; ++t) EXPECT_EQ(slopes[t], 6.0 * static_cast<double>(t));
}

}  // namespace
}  // namespace chainrule
