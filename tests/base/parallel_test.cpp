#include "chainrule/base/parallel.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/allocations.hpp"

namespace chainrule {
namespace {

TEST(InParallel, does_every_part_once) {
  for (const std::size_t parts : {0u, 1u, 2u, 3u, 7u, 2u}) {
    std::vector<std::atomic<int>> done(8);
    in_parallel(parts, [&](std::size_t part) { ++done[part]; });
    for (std::size_t part = 0; part < 8; ++part) EXPECT_EQ(done[part], part < parts ? 1 : 0);
  }
}

TEST(InParallel, gives_a_part_the_same_thread_every_time) {
  std::vector<std::set<std::thread::id>> threads(3);
  for (int round = 0; round < 200; ++round) {
    in_parallel(3, [&](std::size_t part) { threads[part].insert(std::this_thread::get_id()); });
  }
  for (const auto& of_part : threads) EXPECT_EQ(of_part.size(), 1u);
  EXPECT_EQ(*threads[0].begin(), std::this_thread::get_id());
  EXPECT_NE(*threads[1].begin(), *threads[2].begin());
}

TEST(InParallel, throws_what_the_first_part_threw_when_all_have_ended) {
  std::atomic<int> ended{0};
  const auto work = [&](std::size_t part) {
    ++ended;
    if (part != 0) throw std::runtime_error("part " + std::to_string(part));
  };
  for (int round = 0; round < 20; ++round) {
    ended = 0;
    try {
      in_parallel(4, work);
      FAIL();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "part 1");
    }
    EXPECT_EQ(ended, 4);
  }
  in_parallel(4, [](std::size_t) {});  // and nothing is left of it
}

TEST(InParallel, inside_of_a_part_does_its_parts_there) {
  std::atomic<int> done{0};
  in_parallel(3, [&](std::size_t) {
    const auto mine = std::this_thread::get_id();
    in_parallel(4, [&](std::size_t) {
      EXPECT_EQ(std::this_thread::get_id(), mine);
      ++done;
    });
  });
  EXPECT_EQ(done, 12);
}

TEST(InParallel, of_several_callers_does_all) {
  std::atomic<int> done{0};
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) in_parallel(3, [&](std::size_t) { ++done; });
    });
  }
  callers.clear();
  EXPECT_EQ(done, 1200);
}

TEST(InParallel, works_in_a_child_that_was_forked) {
  if (CHAINRULE_TEST_SANITIZED) GTEST_SKIP() << "sanitizers do not follow threads over fork()";
  in_parallel(2, [](std::size_t) {});
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> done{0};
    in_parallel(2, [&](std::size_t) { ++done; });
    _exit(done == 2 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(InParallel, allocates_nothing_once_the_pool_is_there) {
  std::atomic<int> done{0};
  const auto work = [&](std::size_t) { ++done; };
  in_parallel(3, work);
  const std::size_t before = test::allocations();
  for (int round = 0; round < 50; ++round) in_parallel(3, work);
  EXPECT_EQ(test::allocations(), before);
}

}  // namespace
}  // namespace chainrule
