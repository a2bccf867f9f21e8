// Functions: what a replay costs beside recording again, and beside the plain code.
//
// Each family of families.hpp is one Function of its inputs. "record" runs the code on Scalars in a
// frame that is rewound; "replay" runs the Function, a point at a time; "rows" runs it on 64 rows
// at once, by the row; "plain" is the code over double. Counters give ratios in the same process:
// each benchmark divides by what the record benchmark of its family measured before it.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include "bench/families.hpp"
#include "chainrule/block/checkpoint.hpp"
#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"

namespace bench {
namespace {

using chainrule::Frame;
using chainrule::Function;
using chainrule::Scalar;
using chainrule::Tape;

// Seconds a round of each, by name: the least of a few runs, taken in turn.
template <class Action>
double seconds(const Action& action) {
  using Clock = std::chrono::steady_clock;
  double least = 1e300;
  for (int round = 0; round < 7; ++round) {
    int count = 0;
    const auto start = Clock::now();
    std::chrono::duration<double> took{};
    do {
      action();
      ++count;
      took = Clock::now() - start;
    } while (took.count() < 0.03);
    least = std::min(least, took.count() / count);
  }
  return least;
}

template <class P>
Function function_of(const P& problem) {
  const std::vector<double> point(problem.point(0), problem.point(0) + problem.inputs());
  return chainrule::record(
      [&problem](const std::vector<Scalar>& x) {
        std::vector<Scalar> y(P::kOutputs);
        problem.evaluate(0, x.data(), y.data());
        return y;
      },
      point);
}

template <class P>
void contest(benchmark::State& state, const P& problem) {
  const Function f = function_of(problem);
  const std::vector<double> x(problem.point(0), problem.point(0) + problem.inputs());
  std::vector<double> y(P::kOutputs);
  std::vector<double> in, out(64 * P::kOutputs);
  for (int row = 0; row < 64; ++row) in.insert(in.end(), x.begin(), x.end());
  Frame frame = Tape::active().frame();
  const auto record = [&] {
    frame.rewind();
    std::vector<Scalar> inputs;
    for (const double value : x) inputs.push_back(chainrule::variable(value));
    std::vector<Scalar> outputs(P::kOutputs);
    problem.evaluate(0, inputs.data(), outputs.data());
    benchmark::DoNotOptimize(outputs.data());
  };
  const auto replay = [&] { f.evaluate(x, y); };
  const auto rows = [&] { f.rows(in, out); };
  const auto plain = [&] {
    problem.evaluate(0, x.data(), y.data());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  };
  for (auto unused : state) {
    static_cast<void>(unused);
    const double recorded = seconds(record), replayed = seconds(replay),
                 by_row = seconds(rows) / 64, direct = seconds(plain);
    state.counters["record_us"] = recorded * 1e6;
    state.counters["replay/record"] = replayed / recorded;
    state.counters["record/row"] = recorded / by_row;
    state.counters["replay/plain"] = replayed / direct;
    state.counters["row/plain"] = by_row / direct;
    state.counters["nodes"] = static_cast<double>(f.trace().graph.size());
  }
}

void replay_chain_in_cache(benchmark::State& state) { contest(state, Chain(1000)); }
void replay_chain_out_of_cache(benchmark::State& state) { contest(state, Chain(100'000)); }
void replay_dot(benchmark::State& state) { contest(state, Dot(1000)); }
void replay_expression(benchmark::State& state) { contest(state, Expression(1000)); }
void replay_mixture(benchmark::State& state) { contest(state, Mixture(10, 25, 4)); }
void replay_reprojection(benchmark::State& state) { contest(state, Reprojection(1)); }
BENCHMARK(replay_chain_in_cache)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(replay_chain_out_of_cache)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(replay_dot)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(replay_expression)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(replay_mixture)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(replay_reprojection)->Iterations(1)->Unit(benchmark::kMillisecond);

// A recurrence of 10⁶ steps: taped whole, and with 32 states kept.
void checkpoint_of_a_million_steps(benchmark::State& state) {
  constexpr std::size_t kSteps = 1'000'000;
  const auto step = [](const Scalar& v) { return v + 1e-6 * (3.0 - v * v); };
  for (auto unused : state) {
    static_cast<void>(unused);
    const Frame frame = Tape::active().frame();
    const Scalar x = chainrule::variable(0.5);
    const auto whole = [&] {
      const Frame inner = Tape::active().frame();
      Scalar v = x;
      for (std::size_t k = 0; k < kSteps; ++k) v = step(v);
      state.counters["taped_MB"] = static_cast<double>(Tape::active().bytes().rows) / 1e6;
      benchmark::DoNotOptimize(chainrule::gradient(v, {x}).data());
    };
    const auto kept = [&] {
      const Frame inner = Tape::active().frame();
      const Scalar v = chainrule::repeat(step, x, kSteps, 32);
      state.counters["kept_MB"] = static_cast<double>(Tape::active().bytes().rows) / 1e6;
      benchmark::DoNotOptimize(chainrule::gradient(v, {x}).data());
    };
    state.counters["kept/taped_time"] = seconds(kept) / seconds(whole);
  }
}
BENCHMARK(checkpoint_of_a_million_steps)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bench

BENCHMARK_MAIN();
