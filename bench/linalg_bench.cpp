// The gradient of ‖A⁻¹ b‖² by A and b, n² + n leaves: `solve` as a block against taping Eigen's
// elimination on Scalars. Both are timed in turn, and the least of each counts.
//
// Bytes are those of the tape without its leaves; of the block with its side record: 4 an operand,
// 8 a result.
#include <benchmark/benchmark.h>

#include <Eigen/Dense>
#include <chrono>
#include <limits>
#include <vector>

#include "chainrule/block/eigen_linalg.hpp"
#include "chainrule/chainrule.hpp"

namespace {

using chainrule::Scalar;
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

// A and, last, b.
Matrix leaves(Eigen::Index n) {
  std::srand(1);
  Eigen::MatrixXd m = Eigen::MatrixXd::Random(n, n + 1);
  m.diagonal().array() += 2;
  return m.unaryExpr([](double v) { return chainrule::variable(v); });
}

struct Taped {
  static constexpr double kSide = 0;
  static Scalar value(const Matrix& a, const Matrix& b) {
    return a.partialPivLu().solve(b).squaredNorm();
  }
};
struct Block {
  static constexpr double kSide = 1;
  static Scalar value(const Matrix& a, const Matrix& b) {
    return chainrule::solve(a, b).squaredNorm();
  }
};
struct SpdTaped {
  static constexpr double kSide = 0;
  static Scalar value(const Matrix& a, const Matrix& b) { return a.llt().solve(b).squaredNorm(); }
};
struct SpdBlock {
  static constexpr double kSide = 0.5;
  static Scalar value(const Matrix& a, const Matrix& b) {
    return chainrule::solve_spd(a, b).squaredNorm();
  }
};

struct Cost {
  double seconds = std::numeric_limits<double>::infinity();
  double bytes = 0;
};

template <class Way>
void measure(Eigen::Index n, Cost& least, std::vector<double>& gradient) {
  using Clock = std::chrono::steady_clock;
  chainrule::Tape& tape = chainrule::Tape::active();
  const chainrule::Frame frame = tape.frame();
  Matrix m = leaves(n);
  const std::span<const Scalar> xs(m.data(), static_cast<std::size_t>(m.size()));
  if constexpr (Way::kSide == 0.5 || std::is_same_v<Way, SpdTaped>) {
    m.diagonal().array() += static_cast<double>(n);
  }
  const Matrix a = m.leftCols(n), b = m.rightCols(1);
  const std::size_t before = tape.bytes().rows + tape.bytes().numbers;
  gradient.resize(xs.size());
  const auto start = Clock::now();
  const Scalar y = Way::value(a, b);
  chainrule::gradient(y, xs, gradient);
  const std::chrono::duration<double> took = Clock::now() - start;
  least.seconds = std::min(least.seconds, took.count());
  const double square = static_cast<double>(n * n);
  least.bytes = static_cast<double>(tape.bytes().rows + tape.bytes().numbers - before) +
                Way::kSide * 12 * square;
}

template <class BlockWay, class TapedWay>
void compare(benchmark::State& state) {
  Cost block, taped;
  std::vector<double> g;
  for (auto unused : state) {
    static_cast<void>(unused);
    measure<BlockWay>(state.range(0), block, g);
    measure<TapedWay>(state.range(0), taped, g);
  }
  state.counters["block_us"] = block.seconds * 1e6;
  state.counters["taped_us"] = taped.seconds * 1e6;
  state.counters["times"] = taped.seconds / block.seconds;
  state.counters["block_bytes"] = block.bytes;
  state.counters["taped_bytes"] = taped.bytes;
}

void solve(benchmark::State& state) { compare<Block, Taped>(state); }
BENCHMARK(solve)->Arg(3)->Arg(5)->Arg(10)->Arg(20)->Arg(50)->Arg(100)->Arg(200);
void solve_spd(benchmark::State& state) { compare<SpdBlock, SpdTaped>(state); }
BENCHMARK(solve_spd)->Arg(3)->Arg(5)->Arg(10)->Arg(20)->Arg(50)->Arg(100)->Arg(200);

}  // namespace

BENCHMARK_MAIN();
