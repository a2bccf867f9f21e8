// Every row of the table as a kernel of its own, and its gradient, on every back end, in strict and
// in relaxed arithmetic, with every pattern of plain numbers among its operands: strict gives the
// Function's bits, relaxed stays within the row's ulps of them.
#include <gtest/gtest.h>

#include "tests/emit/cases.hpp"
#include "tests/emit/kernels.hpp"

namespace chainrule {
namespace {

using namespace test;

// Both the Function's number and the kernel's keep the row's ulps, and the latter's are those of
// the vector function and of what relaxed arithmetic rearranges.
double allowed_ulps(double of_the_row) { return of_the_row + 1.5; }

// Every kernel of f against f, on the rows of `in`. ulps[k] is for output k.
void expect_kernels_give(const Case& c, const Function& f, const std::vector<double>& in,
                         std::span<const double> ulps, unsigned row_vectors) {
  const std::size_t rows = in.size() / f.inputs(), outputs = f.outputs();
  std::vector<double> expected(rows * outputs), out(rows * outputs);
  for (std::size_t r = 0; r < rows; ++r) {
    f.evaluate(std::span(in).subspan(r * f.inputs(), f.inputs()),
               std::span(expected).subspan(r * outputs, outputs));
  }
  for (const Backend backend : backends()) {
    for (const Arithmetic arithmetic : {Arithmetic::strict, Arithmetic::relaxed}) {
      const Kernel kernel =
          compile(f, {.backend = backend, .arithmetic = arithmetic, .row_vectors = row_vectors});
      kernel.map({}, in, out);
      for (std::size_t k = 0; k < out.size(); ++k) {
        const std::size_t output = k % outputs;
        const std::span<const double> x =
            std::span(in).subspan(k / outputs * f.inputs(), f.inputs());
        if (arithmetic == Arithmetic::strict) {
          if (same(expected[k], out[k])) continue;
        } else {
          if (within_ulps(ulps[output], expected[k], out[k])) continue;
          if (within_ulps(ulps[output], expected[k], out[k], size_of(f, x, output))) continue;
        }
        ADD_FAILURE() << name_of(backend) << ", " << name_of(arithmetic) << ": "
                      << print(c, x.data()) << ", output " << output << ": "
                      << testing::PrintToString(out[k]) << " for "
                      << testing::PrintToString(expected[k]) << ", "
                      << std::fabs(out[k] - expected[k]) / ulp_of(expected[k]) << " ulps";
        return;
      }
    }
  }
}

class RowsOfTheTable : public testing::TestWithParam<int> {
 protected:
  const OpInfo& row() const { return kOps[static_cast<std::size_t>(GetParam())]; }
};

TEST_P(RowsOfTheTable, have_the_value_that_the_function_gives) {
  const std::vector<Point> points = points_of(row());
  const double ulps[] = {allowed_ulps(row().ulps.value)};
  for (const Case& c : cases_of(row(), points)) {
    expect_kernels_give(c, c.function(), inputs_of(c, points), ulps, 1);
    if (HasFailure()) return;  // the first says enough
  }
}

TEST_P(RowsOfTheTable, have_the_gradient_that_the_function_gives) {
  const std::vector<Point> points = points_of(row());
  for (const Case& c : cases_of(row(), points)) {
    std::vector<double> ulps(1, allowed_ulps(row().ulps.value));
    ulps.resize(1 + c.inputs(), allowed_ulps(row().ulps.partials));
    expect_kernels_give(c, value_and_grad(c.function(), kEveryArgument), inputs_of(c, points), ulps,
                        2);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, RowsOfTheTable, testing::Range(0, kOpCount),
                         [](const auto& test) { return std::string(kOps[test.param].name); });

}  // namespace
}  // namespace chainrule
