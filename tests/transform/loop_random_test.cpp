// Random bodies full of choices, infinities and NaN: a loop gives what the code written out gives.
#include "chainrule/transform/split.hpp"
#include "tests/transform/random_loops.hpp"

namespace chainrule {
namespace {

using namespace test;

TEST(Loop, of_a_random_body_has_the_derivatives_of_the_code_written_out) {
  std::mt19937 bits(20240521);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.0, 3.0};
  for (int round = 0; round < 400; ++round) {
    const LoopProgram program(bits);
    Vector x(10), example(10);
    for (double& number : x) number = special[bits() % 8];
    for (double& number : example) number = special[bits() % 8];
    const std::size_t output = bits() % 5;
    const Function f =
        record([&](const Scalars& v) { return looped(program, v)[output]; }, example);
    const Function g =
        record([&](const Scalars& v) { return written_out(program, v)[output]; }, example);
    SCOPED_TRACE("round " + std::to_string(round));
    expect_close(f(x), g(x));
    expect_close(grad(f)(x), grad(g)(x));
    expect_close(hessian(f)(x), hessian(g)(x));
    Scalars xs;
    for (const double number : x) xs.push_back(variable(number));
    const Scalar y = looped(program, xs)[output], z = written_out(program, xs)[output];
    if (!y.is_number()) expect_close(gradient(y, xs), gradient(z, xs));
    if (testing::Test::HasFailure()) return;
  }
}

// The same numbers bit by bit, or both NaN.
void expect_same(const Vector& a, const Vector& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (std::isnan(a[k]) && std::isnan(b[k])) continue;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(a[k]), std::bit_cast<std::uint64_t>(b[k]))
        << "entry " << k << ": " << a[k] << " for " << b[k];
  }
}

TEST(KeepSteps, leaves_every_bit_of_a_random_loop_and_its_derivatives) {
  std::mt19937 bits(20260711);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.3, 3.0};
  std::size_t kept = 0;
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const LoopProgram program(bits);
    Vector x(10);
    for (double& number : x) number = special[bits() % 8];
    const std::size_t output = bits() % 5;
    const Function f = record([&](const Scalars& v) { return looped(program, v)[output]; }, x);
    for (const Function& g : {f, value_and_grad(f), hessian(f), jvp(grad(f))}) {
      Vector in = x;
      while (in.size() < g.inputs()) in.push_back(special[bits() % 8]);
      const auto better = keep_steps(g.trace());
      if (!better) continue;
      ++kept;
      ASSERT_EQ(verify(*better), "");
      const std::span<const double> flat(in);
      expect_same(Function(*better)(flat), g(flat));
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(kept, 100u);
}

// The results of a trace that nothing of its second argument goes into, by place.
std::vector<std::size_t> early_places(const Trace& trace) {
  std::vector<bool> is_late(trace.graph.size());
  const Group& second = trace.arguments[1];
  for (std::size_t k = 0; k < second.count; ++k)
    is_late[trace.inputs[second.first + k].index] = true;
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    trace.graph.each_operand({v}, [&](Vertex x) { is_late[v] = is_late[v] || is_late[x.index]; });
  }
  std::vector<std::size_t> places;
  for (std::size_t k = 0; k < trace.outputs.size(); ++k) {
    if (!is_late[trace.outputs[k].index]) places.push_back(k);
  }
  return places;
}

// Both stages at (x, seeds), their results in the order of the whole.
Vector in_stages(const Split& stages, const std::vector<std::size_t>& early_at, const Vector& x,
                 const Vector& seeds) {
  const Vector early = stages.early(x);
  Vector rest(early.end() - static_cast<std::ptrdiff_t>(stages.kept), early.end());
  rest.insert(rest.end(), seeds.begin(), seeds.end());
  const Vector late = stages.late(std::span<const double>(rest));
  Vector all;
  std::size_t next_early = 0;
  for (auto next = late.begin(); next != late.end() || next_early < early_at.size();) {
    const bool is_early = next_early < early_at.size() && early_at[next_early] == all.size();
    all.push_back(is_early ? early[next_early++] : *next++);
  }
  return all;
}

TEST(Split, gives_every_bit_in_two_stages) {
  std::mt19937 bits(20260712);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.3, 3.0};
  std::size_t guarded = 0, compared = 0, refused = 0;
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const LoopProgram program(bits);
    const auto any = [&](std::size_t count) {
      Vector numbers(count);
      for (double& number : numbers) number = special[bits() % 8];
      return numbers;
    };
    const Vector example = any(10);
    const Function f = record(
        [&](const Scalars& v) {
          Scalars out = looped(program, v);
          // A branch outside of the loops, on what is early.
          if (round % 2 == 0) out[0] = out[0] > 0.4 ? out[0] * v[9] : out[0] + v[8];
          return out;
        },
        example);
    const Function with_seeds = vjp(f);
    const Function g = record(
        [&](const Scalars& v, const Scalars& seeds) {
          Scalars out = with_seeds(v, seeds);
          // And one on what is late.
          if (round % 3 == 0) out[6] = out[6] > 0.4 ? out[6] * v[9] : out[6] + v[8];
          return out;
        },
        example, Vector(5, 1.0));
    guarded += !g.trace().guards.empty();
    const Split stages = split(g, 1);
    const std::vector<std::size_t> early_at = early_places(g.trace());
    ASSERT_EQ(early_at.size() + stages.kept, stages.early.outputs());
    ASSERT_EQ(early_at.size() + stages.late.outputs(), g.outputs());
    ASSERT_GE(early_at.size(), f.outputs());
    const Function without_code(g.trace());
    for (int point = 0; point < 4; ++point) {
      const Vector x = point == 0 ? example : any(10), seeds = any(5);
      Vector in = x;
      in.insert(in.end(), seeds.begin(), seeds.end());
      Vector whole;
      try {
        whole = without_code(std::span<const double>(in));
      } catch (const BranchChanged&) {
        EXPECT_THROW(in_stages(stages, early_at, x, seeds), BranchChanged);
        ++refused;
        continue;
      }
      expect_same(in_stages(stages, early_at, x, seeds), whole);
      ++compared;
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(guarded, 50u);
  EXPECT_GT(refused, 50u);
  EXPECT_GT(compared, 400u);
}

}  // namespace
}  // namespace chainrule
