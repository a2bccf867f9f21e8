// Never a stale answer: random programs of nested ifs and loops with data-dependent trip counts,
// recorded at one point and replayed at others, against the same programs over plain doubles and
// over complex numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "chainrule/chainrule.hpp"
#include "chainrule/op/complex.hpp"
#include "chainrule/transform/functions.hpp"
#include "tests/support/programs.hpp"

namespace chainrule {
namespace {

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

TEST(RandomGuards, replay_is_never_stale) {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> point(-2.5, 2.5);
  std::size_t many_variants = 0, compared = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto program = test::ProgramGenerator(seed, {.ops = test::kSmooth}).block(3);
    const auto code = [&](const std::vector<Scalar>& x) {
      return test::value_of<Scalar>(program, x);
    };
    const Function f = record(code, std::vector<double>{point(engine), point(engine)});
    const Function df = grad(f);
    std::vector<double> in;
    for (int k = 0; k < 80; ++k) in.push_back(point(engine));
    std::vector<double> rows(40);
    f.rows(in, rows);
    for (std::size_t k = 0; k < 40; ++k) {
      const std::span<const double> x = std::span<const double>(in).subspan(2 * k, 2);
      const double truth = test::value_of<double>(program, x);
      EXPECT_TRUE(same(f(x)[0], truth)) << seed << ": " << f(x)[0] << " for " << truth;
      EXPECT_TRUE(same(rows[k], truth)) << seed << " in rows";
      const std::vector<double> slopes = df(x);
      for (std::size_t i = 0; i < 2; ++i) {
        constexpr double kStep = 1e-200;
        std::vector<Complex> z{Complex(x[0]), Complex(x[1])};
        z[i] = Complex(x[i], kStep);
        const double slope = test::value_of<Complex>(program, z).imag() / kStep;
        if (!std::isfinite(slope) || !std::isfinite(truth) || std::abs(slope) > 1e12) continue;
        EXPECT_NEAR(slopes[i], slope, 1e-9 * (1 + std::abs(slope))) << seed;
        ++compared;
      }
    }
    if (f.variants() > 2) ++many_variants;
  }
  EXPECT_GT(many_variants, 40u) << "programs that branch";
  EXPECT_GT(compared, 5000u);
}

}  // namespace
}  // namespace chainrule
