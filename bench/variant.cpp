// One variant of chainrule (variants.cmake): prints, for each problem, the least ns an operation of
// record + reverse over some tenths of a second.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

#include "bench/chainrule_contestant.hpp"

namespace {

using namespace bench;

template <class Problem>
void time(const Problem& problem) {
  using Clock = std::chrono::steady_clock;
  WithChainrule<Problem> contestant(problem);
  std::vector<double> jacobian(Problem::kOutputs * problem.inputs());
  double least = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  while (Clock::now() - start < std::chrono::milliseconds(150)) {
    constexpr int kRepeats = 10;
    const auto before = Clock::now();
    for (int k = 0; k < kRepeats; ++k) {
      for (Index t = 0; t < problem.count(); ++t) {
        contestant.record(t);
        contestant.reverse(jacobian);
      }
    }
    const std::chrono::duration<double, std::nano> took = Clock::now() - before;
    least = std::min(least, took.count() / kRepeats);
  }
  const Index operations = contestant.size().operations * problem.count();
  std::printf("%.6f\n", least / static_cast<double>(operations));
}

}  // namespace

int main() {
  time(Chain(1000));
  time(Dot(1000));
  time(Mixture(10, 25, 4));
  time(Reprojection(50));
}
