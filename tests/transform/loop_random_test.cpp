// Random bodies full of choices, infinities and NaN: a loop gives what the code written out gives.
#include "chainrule/transform/split.hpp"
#include "tests/transform/loops.hpp"

namespace chainrule {
namespace {

using namespace test;

// A step of random operations: two carried numbers, two of its own, two that all steps share.
struct Program {
  struct Line {
    unsigned op, a, b, c;
  };
  std::vector<Line> lines;
  std::array<unsigned, 4> results;  // the carry, what is stacked, what is summed

  explicit Program(std::mt19937& bits) {
    const std::size_t count = 3 + bits() % 8;
    for (std::size_t k = 0; k < count; ++k) {
      const auto any = [&] { return static_cast<unsigned>(bits() % (6 + k)); };
      lines.push_back({static_cast<unsigned>(bits() % 10), any(), any(), any()});
    }
    for (unsigned& result : results) result = static_cast<unsigned>(bits() % (6 + count));
  }

  Scalars operator()(const Scalars& in) const {
    Scalars all = in;
    for (const auto& [op, a, b, c] : lines) {
      switch (op) {
        case 0: all.push_back(all[a] + all[b]); break;
        case 1: all.push_back(all[a] - all[b]); break;
        case 2: all.push_back(all[a] * all[b]); break;
        case 3: all.push_back(all[a] / all[b]); break;
        case 4: all.push_back(sqrt(all[a])); break;
        case 5: all.push_back(select(all[a] > all[b], all[b], all[c])); break;
        case 6: all.push_back(max(all[a], all[b])); break;
        case 7: all.push_back(sin(all[a])); break;
        case 8: all.push_back(all[a] > all[b] ? all[c] : all[c] * all[b]); break;
        default: all.push_back(select(all[a] >= 0.0, sqrt(all[a]), all[c])); break;
      }
    }
    Scalars out;
    for (const unsigned result : results) out.push_back(all[result]);
    return out;
  }
};

// (What is captured is read on every branch, as it must be.)
// The loop as code of ten numbers: the carry, two of each of three steps, two shared ones.
Scalars looped(const Program& program, const Scalars& v) {
  const Scalars shared(v.begin() + 8, v.end());
  std::vector<std::array<Scalar, 2>> own;
  for (std::size_t t = 0; t < 3; ++t) own.push_back({v[2 + 2 * t], v[3 + 2 * t]});
  using Two = std::array<Scalar, 2>;
  const auto [last, ys] = scan(
      [=](const Two& c, const Two& x) {
        const Scalars out = program({c[0], c[1], x[0], x[1], 1.0 * shared[0], 1.0 * shared[1]});
        return std::pair(Two{out[0], out[1]}, Two{out[2], out[3]});
      },
      Two{v[0], v[1]}, own);
  Scalars all = {last[0], ys[0][0], ys[1][0], ys[2][1]};
  // And a sum over steps that know nothing of each other.
  all.push_back(sum_over(
      [=](const Two& x) {
        return program({x[0], x[1], x[1], x[0], 1.0 * shared[0], 1.0 * shared[1]})[3];
      },
      own));
  return all;
}

Scalars written_out(const Program& program, const Scalars& v) {
  Scalar c = v[0], d = v[1], sum = 0.0;
  Scalars ys, zs;
  for (std::size_t t = 0; t < 3; ++t) {
    const Scalar &x = v[2 + 2 * t], &y = v[3 + 2 * t];
    const Scalars out = program({c, d, x, y, v[8], v[9]});
    c = out[0], d = out[1];
    ys.push_back(out[2]), zs.push_back(out[3]);
    sum += program({x, y, y, x, v[8], v[9]})[3];
  }
  return {c, ys[0], ys[1], zs[2], sum};
}

TEST(Loop, of_a_random_body_has_the_derivatives_of_the_code_written_out) {
  std::mt19937 bits(20240521);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.0, 3.0};
  for (int round = 0; round < 400; ++round) {
    const Program program(bits);
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
    const Program program(bits);
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

TEST(Split, gives_every_bit_in_two_stages) {
  std::mt19937 bits(20260712);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.3, 3.0};
  std::size_t guarded = 0;
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const Program program(bits);
    Vector x(10);
    for (double& number : x) number = special[bits() % 8];
    const Function f = record([&](const Scalars& v) { return looped(program, v); }, x);
    const Function g = vjp(f);
    guarded += !g.trace().guards.empty();
    const Vector seeds = {0.5, 0.0, -1.0, 2.0, 1.0};
    Vector in = x;
    in.insert(in.end(), seeds.begin(), seeds.end());
    const Vector whole = g(std::span<const double>(in));
    const Split stages = split(g, 1);
    Vector early = stages.early(x);
    ASSERT_EQ(early.size(), stages.early.outputs());
    Vector rest(early.end() - static_cast<std::ptrdiff_t>(stages.kept), early.end());
    early.resize(early.size() - stages.kept);
    rest.insert(rest.end(), seeds.begin(), seeds.end());
    const Vector late = stages.late(std::span<const double>(rest));
    // An adjoint that no seed reaches is early: it is 0.
    ASSERT_EQ(early.size() + late.size(), whole.size());
    ASSERT_GE(early.size(), f.outputs());
    Vector y(early.begin(), early.begin() + static_cast<std::ptrdiff_t>(f.outputs()));
    expect_same(y, Vector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(y.size())));
    Vector found(late), expected;
    for (std::size_t k = y.size(); k < early.size(); ++k) found.push_back(early[k]);
    expected.assign(whole.begin() + static_cast<std::ptrdiff_t>(y.size()), whole.end());
    const auto order = [](Vector& v) {
      for (double& number : v) number += 0.0;  // one kind of zero, one kind of NaN
      std::ranges::sort(v, {}, [](double z) {
        return std::isnan(z) ? -std::numeric_limits<double>::infinity() : z;
      });
    };
    order(found), order(expected);
    for (std::size_t k = 0; k < found.size(); ++k) {
      EXPECT_TRUE(found[k] == expected[k] || (std::isnan(found[k]) && std::isnan(expected[k])))
          << "entry " << k;
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace chainrule
