// What surrounds the recording of an operation: leaves, frames, source lines, fresh memory, huge
// pages, growth. The counter is the time of one operation.
//
// The allocations that a record–reverse–rewind round makes once it is warm are counted, too: none.
#include <benchmark/benchmark.h>
#include <sys/prctl.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "bench/chainrule_contestant.hpp"

namespace {

std::size_t allocations = 0;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace bench {
namespace {

using chainrule::Frame;
using chainrule::Scalar;
using chainrule::Tape;

constexpr Index kRounds = 1000;           // of four operations
constexpr double kSmall = 4.0 * kRounds;  // operations
constexpr Index kLongRounds = 1'000'000;  // out of every cache
constexpr double kLong = 4.0 * double{kLongRounds};

void per_operation(benchmark::State& state, double operations) {
  state.counters["ns/op"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate |
                                                benchmark::Counter::kInvert);
}

void a_frame_opened_and_closed(benchmark::State& state) {
  Tape& tape = Tape::active();
  for (auto unused : state) {
    static_cast<void>(unused);
    const Frame frame = tape.frame();
    benchmark::ClobberMemory();
  }
}
BENCHMARK(a_frame_opened_and_closed);

void a_variable(benchmark::State& state) {
  Frame frame = Tape::active().frame();
  for (auto unused : state) {
    static_cast<void>(unused);
    frame.rewind();
    for (Index i = 0; i < kRounds; ++i) benchmark::DoNotOptimize(chainrule::variable(1.0));
  }
  per_operation(state, kRounds);
}
BENCHMARK(a_variable);

void chain(benchmark::State& state) {
  const Chain problem(kRounds);
  WithChainrule<Chain> contestant(problem);
  for (auto unused : state) {
    static_cast<void>(unused);
    contestant.record(0);
  }
  per_operation(state, kSmall);
}

void record_without_source_lines(benchmark::State& state) { chain(state); }
BENCHMARK(record_without_source_lines);

void record_with_source_lines(benchmark::State& state) {
  Tape& tape = Tape::active();
  tape.keep_source_lines();
  chain(state);
  tape.keep_source_lines(false);
}
BENCHMARK(record_with_source_lines);

// The inputs are of another frame than the results.
void record_in_nested_frames(benchmark::State& state) {
  const Chain problem(kRounds);
  std::vector<Scalar> x;
  Tape& tape = Tape::active();
  const Frame outer = tape.frame();
  for (Index i = 0; i < problem.inputs(); ++i) {
    x.push_back(chainrule::variable(problem.point(0)[i]));
  }
  Frame inner = tape.frame();
  Scalar y;
  for (auto unused : state) {
    static_cast<void>(unused);
    inner.rewind();
    problem.evaluate(0, x.data(), &y);
  }
  per_operation(state, kSmall);
}
BENCHMARK(record_in_nested_frames);

void allocations_of_a_round(benchmark::State& state) {
  const Chain problem(kRounds);
  WithChainrule<Chain> contestant(problem);
  std::vector<double> jacobian(problem.inputs());
  for (int warm = 0; warm < 2; ++warm) {
    contestant.record(0);
    contestant.reverse(jacobian);
  }
  const std::size_t before = allocations;
  Index rounds = 0;
  for (auto unused : state) {
    static_cast<void>(unused);
    contestant.record(0);
    contestant.reverse(jacobian);
    ++rounds;
  }
  state.counters["allocations"] =
      static_cast<double>(allocations - before) / static_cast<double>(rounds);
  per_operation(state, kSmall);
}
BENCHMARK(allocations_of_a_round);

// The first round on a fresh tape grows it and touches each page for the first time.
void record_and_reverse_long(benchmark::State& state, bool fresh) {
  const Chain problem(kLongRounds);
  std::vector<double> jacobian(problem.inputs());
  Tape warm;
  for (auto unused : state) {
    static_cast<void>(unused);
    Tape cold;
    const chainrule::Activation active = (fresh ? cold : warm).activate();
    WithChainrule<Chain> contestant(problem);
    contestant.record(0);
    contestant.reverse(jacobian);
  }
  per_operation(state, kLong);
}

void four_million_operations_warm(benchmark::State& state) {
  record_and_reverse_long(state, false);
}
BENCHMARK(four_million_operations_warm)->Unit(benchmark::kMillisecond);
void four_million_operations_fresh(benchmark::State& state) {
  record_and_reverse_long(state, true);
}
BENCHMARK(four_million_operations_fresh)->Unit(benchmark::kMillisecond);

void without_huge_pages(benchmark::State& state, bool fresh) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  record_and_reverse_long(state, fresh);
  prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}
void four_million_operations_warm_without_huge_pages(benchmark::State& state) {
  without_huge_pages(state, false);
}
BENCHMARK(four_million_operations_warm_without_huge_pages)->Unit(benchmark::kMillisecond);
void four_million_operations_fresh_without_huge_pages(benchmark::State& state) {
  without_huge_pages(state, true);
}
BENCHMARK(four_million_operations_fresh_without_huge_pages)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bench

BENCHMARK_MAIN();
