// Size: ten million operations on a small stack and in little address space, memory that stays
// flat.
//
// Each InChild test runs in this process without limits, and again in a child under `ulimit`.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "chainrule/chainrule.hpp"
#include "chainrule/tape/inspect.hpp"
#include "tests/support/stopwatch.hpp"

namespace chainrule {
namespace {

constexpr int kLong = CHAINRULE_TEST_SANITIZED ? 200'000 : 10'000'000;

// What the process may grow by and still be called flat; a sanitizer keeps freed memory back.
constexpr long kFlat = CHAINRULE_TEST_SANITIZED ? 300'000 : 1024;

long resident_kilobytes() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, resident = 0;
  statm >> size >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

TEST(InChild, a_chain_of_ten_million_operations_records_reverses_prints_and_is_destroyed) {
  Tape tape("long");
  const Activation active = tape.activate();
  const Scalar x = variable(1.0000001, "x");
  Scalar y = x;
  for (int i = 0; i < kLong; ++i) y = y * x;
  EXPECT_NEAR(gradient(y, {x})[0], (kLong + 1) * std::exp(1e-7 * kLong), 1e-6 * kLong * 3);
  y.backward();
  EXPECT_NEAR(x.grad(), gradient(y, {x})[0], 1e-9 * x.grad());
  EXPECT_EQ(ancestors(y).size(), static_cast<std::size_t>(kLong) + 1);
  EXPECT_EQ(y.name(), "mul/" + std::to_string(kLong - 1));
  EXPECT_FALSE(first_nan(y));
  EXPECT_EQ(reach(y, x), Reach::reached);
}

TEST(InChild, second_order_through_a_deep_chain) {
  const Frame frame = Tape::active().frame();
  const Scalar x = variable(1.0, "x");
  Scalar y = x;
  constexpr int kDeep = kLong / 20;
  for (int i = 0; i < kDeep; ++i) y = y * x;
  EXPECT_DOUBLE_EQ(hessian(y, {x})[0], (kDeep + 1.0) * kDeep);
  const Scalar slope = recorded_gradient(y, {x})[0];
  EXPECT_DOUBLE_EQ(gradient(slope, {x})[0], (kDeep + 1.0) * kDeep);
}

std::string self() {
  char path[4096];
  const auto length = readlink("/proc/self/exe", path, sizeof path);
  return std::string(path, length > 0 ? static_cast<std::size_t>(length) : 0);
}

int tests_of(const std::string& suite) {
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    if (all.GetTestSuite(i)->name() == suite) return all.GetTestSuite(i)->total_test_count();
  }
  return 0;
}

// Runs a suite in a child after `limits`; the number of its tests that passed, 0 if any failed. A
// filter that matches nothing would succeed too.
int passed_under(const std::string& limits, const std::string& suite) {
  const std::string command = limits + " && exec '" + self() + "' --gtest_filter='" + suite + ".*'";
  FILE* child = popen(command.c_str(), "r");
  if (child == nullptr) return 0;
  int passed = 0;
  char line[4096];
  while (std::fgets(line, sizeof line, child) != nullptr) {
    std::sscanf(line, "[  PASSED  ] %d", &passed);
  }
  return pclose(child) == 0 ? passed : 0;
}

TEST(Limits, a_256_KiB_stack_is_enough) {
  if (CHAINRULE_TEST_SANITIZED) GTEST_SKIP() << "a sanitizer needs more stack for itself";
  ASSERT_GT(tests_of("InChild"), 0);
  EXPECT_EQ(passed_under("ulimit -s 256", "InChild"), tests_of("InChild"));
}

TEST(Limits, two_GiB_of_address_space_are_enough) {
  if (CHAINRULE_TEST_SANITIZED) GTEST_SKIP() << "a sanitizer reserves terabytes";
  ASSERT_GT(tests_of("InChild"), 0);
  EXPECT_EQ(passed_under("ulimit -v 2097152", "InChild"), tests_of("InChild"));
}

TEST(Limits, a_child_whose_filter_matches_nothing_has_passed_nothing) {
  EXPECT_EQ(passed_under("true", "NoSuchSuite"), 0);
}

TEST(InLittleSpace, a_tape_that_cannot_grow_throws_and_can_be_used_again) {
  if (getenv("CHAINRULE_LITTLE_SPACE") == nullptr) return;
  const Scalar x = variable(1, "x");
  std::string said;
  try {
    const Frame frame = Tape::active().frame();
    Scalar y = x;
    for (long i = 0; i < 100'000'000; ++i) y = y * x;
  } catch (const Error& error) {
    said = error.what();
  }
  EXPECT_NE(said.find("out of memory after"), std::string::npos) << said;
  EXPECT_EQ(gradient(x * x, {x})[0], 2);
}

TEST(Limits, a_tape_that_cannot_grow_throws) {
  if (CHAINRULE_TEST_SANITIZED) GTEST_SKIP() << "a sanitizer reserves terabytes";
  ASSERT_GT(tests_of("InLittleSpace"), 0);
  EXPECT_EQ(passed_under("ulimit -v 400000 && export CHAINRULE_LITTLE_SPACE=1", "InLittleSpace"),
            tests_of("InLittleSpace"));
}

TEST(Limits, memory_is_flat_over_a_million_rounds_of_record_reverse_and_rewind) {
  constexpr int kRounds = CHAINRULE_TEST_SANITIZED ? 20'000 : 1'000'000;
  const Scalar w = variable(0.5, "w");
  const auto round = [&w](int i) {
    const Frame frame = Tape::active().frame();
    const Scalar x = variable(i % 7, "x");
    const Scalar y = tanh(w * x + 1.0 / (1 + i)) * exp(-x) + (x * w).label("p");
    const Scalar xs[] = {w, x};
    double g[2];
    gradient(y, xs, g);
    y.backward();
    return g[0];
  };
  for (int i = 0; i < kRounds / 100; ++i) round(i);
  const long before = resident_kilobytes();
  double total = 0;
  for (int i = 0; i < kRounds; ++i) total += round(i);
  EXPECT_TRUE(std::isfinite(total));
  EXPECT_LE(resident_kilobytes(), before + kFlat);
}

TEST(Limits, memory_is_flat_over_second_order_rounds) {
  const Scalar w = variable(0.5, "w");
  const auto round = [&w] {
    const Frame frame = Tape::active().frame();
    const Scalar y = tanh(w * w) * exp(w);
    return hessian(y, {w})[0] + recorded_gradient(y, {w})[0].value();
  };
  for (int i = 0; i < 1'000; ++i) round();
  const long before = resident_kilobytes();
  for (int i = 0; i < 50'000; ++i) round();
  EXPECT_LE(resident_kilobytes(), before + kFlat);
}

TEST(Limits, a_sweep_of_a_small_function_costs_the_same_on_top_of_a_large_tape) {
  const Frame frame = Tape::active().frame();
  constexpr int kRounds = 20'000;
  const auto small_sweeps = [] {
    const Frame inner = Tape::active().frame();
    const Scalar p = variable(3, "p");
    double total = 0;
    for (int i = 0; i < kRounds; ++i) {
      const Frame innermost = Tape::active().frame();
      total += gradient(p * p, {p})[0];
    }
    EXPECT_EQ(total, 6 * kRounds);
  };
  const double before = test::seconds_of(small_sweeps);
  const Scalar x = variable(2, "x");
  for (int i = 0; i < kLong / 10; ++i) static_cast<void>(x * 2);
  const double after = test::seconds_of(small_sweeps);
  // Over all the rows it would be kLong / 30 times as long.
  EXPECT_LT(after, 20 * before + 0.05);
}

}  // namespace
}  // namespace chainrule
