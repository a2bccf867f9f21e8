// Every row of the table, and its gradient, as a kernel in lanes of floats, on every back end:
// strict arithmetic gives the bits of its meaning, relaxed arithmetic stays within the row's ulps,
// of floats, of what doubles give.
#include <gtest/gtest.h>

#include "tests/emit/cases.hpp"
#include "tests/emit/kernels.hpp"
#include "tests/support/in_floats.hpp"

namespace chainrule {
namespace {

using namespace test;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<Point> points_in_floats(const OpInfo& row) {
  std::vector<Point> points = points_of(row);
  for (Point& point : points) {
    for (double& x : point) x = static_cast<float>(x);
  }
  // The ends of the range of floats, and where exp and its kin leave it.
  constexpr double kEnds[] = {0x1p-149, -0x1p-130, 0x1p-126, 0x1.8p-127, 3e38,     -1e38,
                              88.7,     -103.5,    1e19,     16777217,   -0.0,     kInfinity,
                              0.5,      -2.75,     1e-30,    -90.25,     39.0625f, -10.0625};
  std::mt19937 random(2);
  for (int k = 0; k < (is_slow(row) ? 30 : 300); ++k) {
    Point& point = points.emplace_back();
    for (double& x : point) x = static_cast<float>(kEnds[random() % std::size(kEnds)]);
  }
  return points;
}

double ulp_of_float(double x) {
  const int exponent = x == 0 ? -126 : std::max(std::ilogb(x), -126);
  return std::ldexp(1.0, exponent - 23);
}

// In units of the last place of a float; 0 for the same, ∞ for a NaN or an infinity that is none.
double error_in_ulps(double expected, double found, double size) {
  if (same(static_cast<float>(expected), found)) return 0;
  if (!std::isfinite(static_cast<float>(expected)) || !std::isfinite(found)) {
    // Next to the end of the range the last number and infinity are one rounding apart.
    const bool is_near = std::fabs(expected) > 0x1.fffffp127 && std::fabs(found) > 0x1.fffffp127;
    return is_near && expected * found > 0 ? 1 : kInfinity;
  }
  return std::fabs(expected - found) / ulp_of_float(std::max(std::fabs(expected), size));
}

// Formulas of several operations on floats: a subnormal number on the way costs digits.
double least_size(const Case& c) { return c.row.kind == Kind::compound ? 0x1p-118 : 0; }

class RowsInFloats : public testing::TestWithParam<int> {
 protected:
  const OpInfo& row() const { return kOps[static_cast<std::size_t>(GetParam())]; }
  // Every kernel of f on the rows of `in`. ulps[k] is for output k.
  void expect_kernels_keep(const Case& c, const Function& f, const std::vector<double>& in,
                           std::span<const double> ulps, unsigned row_vectors);
};

void RowsInFloats::expect_kernels_keep(const Case& c, const Function& f,
                                       const std::vector<double>& in, std::span<const double> ulps,
                                       unsigned row_vectors) {
  const std::size_t rows = in.size() / f.inputs(), outputs = f.outputs();
  std::vector<double> meaning, out(rows * outputs), truth(rows * outputs);
  for (std::size_t r = 0; r < rows; ++r) {
    const auto x = std::span(in).subspan(r * f.inputs(), f.inputs());
    const std::vector<double> row = value_in_floats(f, x);
    meaning.insert(meaning.end(), row.begin(), row.end());
    f.evaluate(x, std::span(truth).subspan(r * outputs, outputs));
  }
  for (const Backend backend : backends()) {
    for (const Arithmetic arithmetic : {Arithmetic::strict, Arithmetic::relaxed}) {
      const Kernel kernel = compile(f, {.backend = backend,
                                        .arithmetic = arithmetic,
                                        .lanes = Precision::f32,
                                        .row_vectors = row_vectors});
      kernel.map({}, in, out);
      for (std::size_t k = 0; k < out.size(); ++k) {
        const std::size_t output = k % outputs;
        const auto x = std::span(in).subspan(k / outputs * f.inputs(), f.inputs());
        if (same(meaning[k], out[k])) continue;
        double error = error_in_ulps(truth[k], out[k], 0);
        if (arithmetic == Arithmetic::relaxed) {
          if (error <= ulps[output]) continue;
          error = error_in_ulps(truth[k], out[k], std::max(size_of(f, x, output), least_size(c)));
          if (error <= ulps[output]) continue;
        }
        ADD_FAILURE() << name_of(backend) << ", " << name_of(arithmetic) << ": "
                      << print(c, x.data()) << ", output " << output << ": "
                      << testing::PrintToString(out[k]) << " for "
                      << testing::PrintToString(meaning[k]) << ", " << error << " ulps of "
                      << testing::PrintToString(truth[k]);
        return;
      }
    }
  }
}

TEST_P(RowsInFloats, have_the_value_that_the_row_has_rounded_once) {
  const std::vector<Point> points = points_in_floats(row());
  const double ulps[] = {row().ulps.value + 1.5};
  for (const Case& c : cases_of(row(), points)) {
    expect_kernels_keep(c, c.function(), inputs_of(c, points), ulps, 1);
    if (HasFailure()) return;  // the first says enough
  }
}

TEST_P(RowsInFloats, have_the_gradient_that_the_trace_has_rounded_at_each_step) {
  const std::vector<Point> points = points_in_floats(row());
  for (const Case& c : cases_of(row(), points)) {
    std::vector<double> ulps(1, row().ulps.value + 1.5);
    ulps.resize(1 + c.inputs(), row().ulps.partials + 1.5);
    expect_kernels_keep(c, value_and_grad(c.function(), kEveryArgument), inputs_of(c, points), ulps,
                        2);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, RowsInFloats, testing::Range(0, kOpCount),
                         [](const auto& test) { return std::string(kOps[test.param].name); });

}  // namespace
}  // namespace chainrule
