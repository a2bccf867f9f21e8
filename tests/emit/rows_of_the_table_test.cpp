// Every row of the table as a kernel of its own, and its gradient, on every back end, in strict and
// in relaxed arithmetic, with every pattern of plain numbers among its operands: strict gives the
// Function's bits, relaxed stays within the row's ulps of them.
#include <gtest/gtest.h>

#include <random>

#include "chainrule/op/reading.hpp"
#include "chainrule/transform/functions.hpp"
#include "tests/emit/kernels.hpp"
#include "tests/laws/kinks.hpp"
#include "tests/laws/samples.hpp"

namespace chainrule {
namespace {

using laws::Point;
using namespace test;

// Both the Function's number and the kernel's keep the row's ulps, and the latter's are those of
// the vector function and of what relaxed arithmetic rearranges.
double allowed_ulps(double of_the_row) { return of_the_row + 1.5; }

// Rows that take long to compute: Bessel functions, polynomials, polygamma.
bool is_slow(const OpInfo& row) {
  return std::string_view(row.domain[0].name) == domains::order.name;
}

// A row where some operands are plain numbers.
struct Case {
  const OpInfo& row;
  unsigned numbers;  // bit k: operand k is always at[k]
  Point at;

  bool is_number(std::size_t k) const { return (numbers >> k & 1u) != 0; }
  std::size_t arity() const { return static_cast<std::size_t>(row.arity); }
  std::size_t inputs() const {
    std::size_t count = 0;
    for (std::size_t k = 0; k < arity(); ++k) count += is_number(k) ? 0 : 1;
    return count;
  }
  Function function() const {
    return record(
        [c = *this](const std::vector<Scalar>& x) {
          Scalar operands[3];
          std::size_t next = 0;
          for (std::size_t k = 0; k < c.arity(); ++k) {
            operands[k] = c.is_number(k) ? Scalar(c.at[k]) : x[next++];
          }
          return apply(c.row.op, operands);
        },
        shape(inputs()));
  }
};

std::string print(const Case& c, const double* in) {
  std::string text = std::string(c.row.name) + "(";
  for (std::size_t k = 0; k < c.arity(); ++k) {
    char number[40];
    std::snprintf(number, sizeof number, "%s%s%.17g", k == 0 ? "" : ", ",
                  c.is_number(k) ? "number " : "", c.is_number(k) ? c.at[k] : *in++);
    text += number;
  }
  return text + ")";
}

std::vector<Point> points_of(const OpInfo& row) {
  std::vector<Point> points = laws::ordinary_points(row, is_slow(row) ? 60 : 1000);
  const std::vector<Point> special = laws::special_points(row), simple = laws::simple_points(row);
  const std::size_t every = is_slow(row) ? 3 : 1;
  for (std::size_t k = 0; k < special.size(); k += every) points.push_back(special[k]);
  for (std::size_t k = 0; k < simple.size(); k += every) points.push_back(simple[k]);
  for (const laws::Kink& kink : laws::kinks()) {
    if (kink.op == row.op) points.push_back(kink.x);
  }
  return points;
}

// The row with no plain number; and with some, at a few of the points.
std::vector<Case> cases_of(const OpInfo& row, const std::vector<Point>& points) {
  std::vector<Case> cases{{row, 0, {}}};
  std::mt19937 random(1);
  for (unsigned mask = 1; mask + 1 < 1u << row.arity; ++mask) {
    const int count = is_slow(row) ? 3 : row.arity == 2 ? 12 : 5;
    for (int k = 0; k < count; ++k) {
      cases.push_back({row, mask, points[random() % points.size()]});
    }
  }
  return cases;
}

std::vector<double> inputs_of(const Case& c, const std::vector<Point>& points) {
  std::vector<double> in;
  // With plain numbers among them many points are the same, and a few say enough.
  const std::size_t every = c.numbers == 0 ? 1 : std::max<std::size_t>(points.size() / 61, 1);
  for (std::size_t p = 0; p < points.size(); p += every) {
    for (std::size_t k = 0; k < c.arity(); ++k) {
      if (!c.is_number(k)) in.push_back(points[p][k]);
    }
  }
  return in;
}

// Near a zero of an output its errors are measured in the size that it has around it.
double size_of(const Function& f, std::span<const double> x, std::size_t output) {
  Point at{};
  std::copy(x.begin(), x.end(), at.begin());
  const auto value = [&](const Point& near) { return f(std::span(near.data(), x.size()))[output]; };
  return laws::size_near_zero(value, at, static_cast<int>(x.size()));
}

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
