// Replay allocates nothing after a thread's first call.
#include <gtest/gtest.h>

#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"
#include "tests/support/allocations.hpp"

namespace chainrule {
namespace {

using test::allocations;

TEST(Allocation, replay_allocates_nothing_after_the_first_call) {
  const Function f = record(
      [](Scalar x, Scalar y) {
        Scalar z = x;
        while (z < 10.0) z = z * y + sin(z);
        return select(z > 20.0, z, exp(x));
      },
      1.0, 2.0);
  const Function slope = grad(f);
  double in[] = {1.0, 2.0}, out[1];
  std::vector<double> rows(200), results(100);
  for (std::size_t k = 0; k < 100; ++k) {
    rows[2 * k] = 1.0 + 0.01 * static_cast<double>(k);
    rows[2 * k + 1] = 2.0;
  }
  // Both branches and both Functions, alone and in rows.
  const auto round = [&] {
    for (const double x : {1.0, 3.0, 8.0, 1.5}) {
      in[0] = x;
      f.evaluate(in, out);
      slope.evaluate(in, out);
    }
    f.rows(rows, results);
  };
  round();
  round();
  const std::size_t before = allocations();
  for (int k = 0; k < 100; ++k) round();
  EXPECT_EQ(allocations(), before);
}

TEST(Allocation, is_counted) {
  const std::size_t before = allocations();
  auto* const some = new double(1);
  asm volatile("" : : "g"(some) : "memory");  // a compiler may leave out what nobody sees
  delete some;
  EXPECT_GT(allocations(), before);
}

}  // namespace
}  // namespace chainrule
