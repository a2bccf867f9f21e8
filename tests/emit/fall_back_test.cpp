// Where the system refuses executable memory.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chainrule/emit/kernel.hpp"

namespace chainrule {
namespace {

// More code than memory that other kernels have left free could hold: Σ xᵏ/k.
Function long_function() {
  return record(
      [](Scalar x) {
        Scalar sum = 0.0, power = 1.0;
        for (int k = 1; k <= 20'000; ++k) {
          power = power * x;
          sum = sum + power / static_cast<double>(k);
        }
        return sum;
      },
      0.5);
}

enum Answer : int { kInterpreted = 0, kInMachineCode, kRefused, kWrong };

// In a process that may open nothing more: the memory of code is mapped twice, through a file.
int compile_without_files(const CompileOptions& options) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_NOFILE, &none);
  try {
    const Kernel kernel = compile(long_function(), options);
    if (kernel.backend() != Backend::interpret) return kInMachineCode;
    if (kernel.report().backend != "interpret") return kWrong;
    const std::vector<double> xs(100, 0.5);
    std::vector<double> ys(100);
    kernel.map({}, xs, ys, 2);
    for (const double y : ys) {
      if (std::abs(y - std::log(2.0)) > 1e-14) return kWrong;  // −log(1 − x)
    }
    return kInterpreted;
  } catch (const Error&) {
    return kRefused;
  }
}

int in_a_child(const CompileOptions& options) {
  const pid_t child = fork();
  if (child == 0) _exit(compile_without_files(options));
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(FallBack, the_interpreter_answers_where_executable_memory_is_refused) {
  if (CHAINRULE_TEST_SANITIZED)
    GTEST_SKIP() << "a sanitizer opens files of its own to look at memory";
  EXPECT_EQ(in_a_child({}), kInterpreted);
}

TEST(FallBack, a_backend_that_was_asked_for_is_not_replaced) {
  if (CHAINRULE_TEST_SANITIZED)
    GTEST_SKIP() << "a sanitizer opens files of its own to look at memory";
  for (const Backend backend : {Backend::avx512, Backend::avx2}) {
    if (is_available(backend)) {
      EXPECT_EQ(in_a_child({.backend = backend}), kRefused);
    }
  }
}

}  // namespace
}  // namespace chainrule
