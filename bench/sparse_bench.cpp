// Sparse Hessians and Jacobians: dense against sparse at n = 1000, and sparse alone as n grows.
//
// Banded: Σ exp(xᵢ xᵢ₊₁) + sin(xᵢ₊₁), whose Hessian is tridiagonal. Arrow: Σ sin(x₀ xᵢ). The
// counters are the time divided by n, and the colours. Recording is not counted.
#include <benchmark/benchmark.h>

#include "chainrule/transform/sparse.hpp"

namespace bench {
namespace {

using namespace chainrule;
using Index = std::size_t;
using Scalars = std::vector<Scalar>;

Scalars inputs(Index n) {
  Scalars xs;
  for (Index i = 0; i < n; ++i) xs.push_back(variable(0.1 + 0.8 * double(i) / double(n)));
  return xs;
}

Scalar banded(const Scalars& x) {
  Scalar sum = x[0] * x[0];
  for (Index i = 0; i + 1 < x.size(); ++i) sum += exp(x[i] * x[i + 1]) + sin(x[i + 1]);
  return sum;
}

Scalar arrow(const Scalars& x) {
  Scalar sum = x[0] * x[0];
  for (Index i = 1; i < x.size(); ++i) sum += sin(x[0] * x[i]);
  return sum;
}

Scalars stencil(const Scalars& x) {
  Scalars ys;
  for (Index i = 1; i + 1 < x.size(); ++i) ys.push_back(x[i - 1] * x[i] - sin(x[i + 1]));
  return ys;
}

void per_input(benchmark::State& state, Index n, int colours) {
  state.counters["ns/n"] =
      benchmark::Counter(double(n) * 1e-9, benchmark::Counter::kIsIterationInvariantRate |
                                               benchmark::Counter::kInvert);
  state.counters["colours"] = colours;
}

enum class Plan { anew, kept };

template <class Energy>
void sparse_of(benchmark::State& state, Energy energy, Plan planned) {
  const Frame frame = Tape::active().frame();
  const auto n = static_cast<Index>(state.range(0));
  const Scalars xs = inputs(n);
  const Scalar y = energy(xs);
  SparsePlan kept;
  int colours = sparse_hessian(y, xs, kept).colours;
  for (auto unused : state) {
    static_cast<void>(unused);
    SparsePlan fresh;
    benchmark::DoNotOptimize(sparse_hessian(y, xs, planned == Plan::kept ? kept : fresh));
  }
  per_input(state, n, colours);
}

template <class Energy>
void dense_of(benchmark::State& state, Energy energy) {
  const Frame frame = Tape::active().frame();
  const auto n = static_cast<Index>(state.range(0));
  const Scalars xs = inputs(n);
  const Scalar y = energy(xs);
  for (auto unused : state) {
    static_cast<void>(unused);
    benchmark::DoNotOptimize(hessian(y, xs));
  }
  per_input(state, n, static_cast<int>(n));
}

void banded_hessian_dense(benchmark::State& state) { dense_of(state, banded); }
void arrow_hessian_dense(benchmark::State& state) { dense_of(state, arrow); }
void banded_hessian(benchmark::State& state) { sparse_of(state, banded, Plan::anew); }
void arrow_hessian(benchmark::State& state) { sparse_of(state, arrow, Plan::anew); }
void banded_hessian_with_a_plan(benchmark::State& state) { sparse_of(state, banded, Plan::kept); }
void arrow_hessian_with_a_plan(benchmark::State& state) { sparse_of(state, arrow, Plan::kept); }

template <class Matrix>
void jacobian_of(benchmark::State& state, Matrix matrix) {
  const Frame frame = Tape::active().frame();
  const auto n = static_cast<Index>(state.range(0));
  const Scalars xs = inputs(n);
  const Scalars ys = stencil(xs);
  const int colours = matrix(ys, xs);
  for (auto unused : state) {
    static_cast<void>(unused);
    benchmark::DoNotOptimize(matrix(ys, xs));
  }
  per_input(state, n, colours);
}

void banded_jacobian_dense(benchmark::State& state) {
  jacobian_of(state, [](std::span<const Scalar> ys, std::span<const Scalar> xs) {
    return static_cast<int>(jacobian(ys, xs).columns);
  });
}
void banded_jacobian(benchmark::State& state) {
  jacobian_of(state, [](std::span<const Scalar> ys, std::span<const Scalar> xs) {
    return sparse_jacobian(ys, xs).colours;
  });
}
void banded_jacobian_with_a_plan(benchmark::State& state) {
  SparsePlan plan;
  jacobian_of(state, [&plan](std::span<const Scalar> ys, std::span<const Scalar> xs) {
    return sparse_jacobian(ys, xs, plan).colours;
  });
}

void gradient_alone(benchmark::State& state) {
  const Frame frame = Tape::active().frame();
  const auto n = static_cast<Index>(state.range(0));
  const Scalars xs = inputs(n);
  const Scalar y = banded(xs);
  std::vector<double> slopes(n);
  for (auto unused : state) {
    static_cast<void>(unused);
    gradient(y, xs, slopes);
    benchmark::DoNotOptimize(slopes.data());
  }
  per_input(state, n, 1);
}

constexpr auto kUnit = benchmark::kMillisecond;
BENCHMARK(banded_hessian_dense)->Arg(1000)->Unit(kUnit);
BENCHMARK(banded_hessian)->RangeMultiplier(10)->Range(1000, 100'000)->Unit(kUnit);
BENCHMARK(banded_hessian_with_a_plan)->RangeMultiplier(10)->Range(1000, 100'000)->Unit(kUnit);
BENCHMARK(arrow_hessian_dense)->Arg(1000)->Unit(kUnit);
BENCHMARK(arrow_hessian)->RangeMultiplier(10)->Range(1000, 100'000)->Unit(kUnit);
BENCHMARK(arrow_hessian_with_a_plan)->RangeMultiplier(10)->Range(1000, 100'000)->Unit(kUnit);
BENCHMARK(banded_jacobian_dense)->Arg(1000)->Unit(kUnit);
BENCHMARK(banded_jacobian)->RangeMultiplier(10)->Range(1000, 100'000)->Unit(kUnit);
BENCHMARK(banded_jacobian_with_a_plan)->RangeMultiplier(10)->Range(1000, 100'000)->Unit(kUnit);
BENCHMARK(gradient_alone)->RangeMultiplier(10)->Range(1000, 100'000)->Unit(kUnit);

}  // namespace
}  // namespace bench

BENCHMARK_MAIN();
