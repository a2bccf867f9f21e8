// Every row of the table as C: value and gradient at ordinary, simple and special points and at
// kinks, against the row over double and the sweep of the tape, bit for bit. (In a sweep a
// contribution of −0 arrives as +0: docs/design.md.)
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>

#include "chainrule/chainrule.hpp"
#include "chainrule/emit/c/emit_c.hpp"
#include "chainrule/op/reading.hpp"
#include "tests/emit/c_library.hpp"
#include "tests/laws/kinks.hpp"
#include "tests/laws/samples.hpp"

namespace chainrule {
namespace {

using laws::Point;
using test::CLibrary;

bool same_bits(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

std::vector<Point> points_of(const OpInfo& row) {
  std::vector<Point> points = laws::ordinary_points(row, 200);
  for (const Point& x : laws::simple_points(row)) points.push_back(x);
  for (const Point& x : laws::special_points(row)) points.push_back(x);
  for (const laws::Kink& kink : laws::kinks()) {
    if (kink.op == row.op) points.push_back(kink.x);
  }
  return points;
}

Function function_of(const OpInfo& row) {
  const Point x = laws::ordinary_points(row, 1)[0];
  return record(
      [op = row.op](const std::vector<Scalar>& operands) {
        return read_value<Scalar>(op, operands.data());
      },
      std::vector<double>(x.begin(), x.begin() + row.arity));
}

std::string name_of(const OpInfo& row) { return "row_" + std::string(row.name); }

// What a row lacks in C: nothing, its derivative, or itself.
enum class Lacks { nothing, derivative, value };

std::map<std::string, Lacks> add_rows(CLibrary& library) {
  std::map<std::string, Lacks> lacks;
  const auto try_parts = [&](const OpInfo& row, std::vector<CPart> parts) {
    try {
      library.add(emit_c(function_of(row), {.name = name_of(row),
                                            .parts = std::move(parts),
                                            .arithmetic = Arithmetic::strict})
                      .source);
      return true;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("C99 has no function for the operation '"),
                std::string::npos)
          << error.what();
      return false;
    }
  };
  for (const OpInfo& row : kOps) {
    Lacks& own = lacks[std::string(row.name)];
    if (try_parts(row, {CPart::value, CPart::gradient})) {
      own = Lacks::nothing;
    } else {
      own = try_parts(row, {CPart::value}) ? Lacks::derivative : Lacks::value;
    }
  }
  return lacks;
}

TEST(CRows, give_the_bits_of_the_eager_engine) {
  CLibrary library;
  const auto lacks = add_rows(library);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  std::size_t compared = 0;
  for (const OpInfo& row : kOps) {
    const Lacks own = lacks.at(std::string(row.name));
    if (own == Lacks::value) continue;
    const auto arity = static_cast<std::size_t>(row.arity);
    for (const Point& x : points_of(row)) {
      double y = 1e99;
      ASSERT_EQ(library.call(name_of(row) + "_value", x, {{&y, 1}}), 0);
      const double z = read_value<double>(row.op, x.data());
      EXPECT_TRUE(same_bits(y, z)) << row.name << " at " << x[0] << ", " << x[1] << ", " << x[2]
                                   << ": " << y << " for " << z;
      ++compared;
      if (own == Lacks::derivative) continue;
      const Frame frame = Tape::active().frame();
      std::vector<Scalar> operands;
      for (std::size_t k = 0; k < arity; ++k) operands.push_back(variable(x[k]));
      const std::vector<double> slopes =
          gradient(read_value<Scalar>(row.op, operands.data()), operands);
      std::vector<double> g(arity, 1e99);
      y = 1e99;
      ASSERT_EQ(library.call(name_of(row) + "_gradient", x, {{&y, 1}, g}), 0);
      EXPECT_TRUE(same_bits(y, z)) << row.name << " beside its gradient";
      for (std::size_t k = 0; k < arity; ++k) {
        EXPECT_TRUE(same_bits(g[k] + 0.0, slopes[k]))
            << row.name << ", slope " << k << " at " << x[0] << ", " << x[1] << ", " << x[2] << ": "
            << g[k] << " for " << slopes[k];
      }
    }
  }
  EXPECT_GT(compared, 20'000u);
}

// C99 has no special functions beyond erf and gamma.
TEST(CRows, those_that_c_lacks_are_refused) {
  CLibrary library;
  const auto lacks = add_rows(library);
  std::vector<std::string> values, derivatives;
  for (const auto& [name, own] : lacks) {
    if (own == Lacks::value) values.push_back(name);
    if (own == Lacks::derivative) derivatives.push_back(name);
  }
  EXPECT_EQ(values, (std::vector<std::string>{"assoc_laguerre", "beta", "cyl_bessel_i",
                                              "cyl_bessel_j", "cyl_bessel_k", "cyl_neumann",
                                              "digamma", "expint", "gegenbauer", "hermite",
                                              "laguerre", "legendre", "polygamma", "sph_bessel"}));
  EXPECT_EQ(derivatives, (std::vector<std::string>{"lgamma", "sinc", "tgamma"}));
}

}  // namespace
}  // namespace chainrule
