// Every row of the table obeys every law. Nothing here names an operation.

#include "tests/laws/laws.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace chainrule::laws {
namespace {

std::string name_of(const OpInfo& row) { return std::string(row.name); }

class EveryRow : public testing::TestWithParam<int> {};

TEST_P(EveryRow, obeys_every_law) {
  const OpInfo& row = kOps[GetParam()];
  const Samples samples(row);
  const Reading reading(row.op);
  for (const Law& law : laws()) {
    EXPECT_EQ(law.broken(reading, samples), "") << law.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryRow, testing::Range(0, kOpCount),
                         [](const auto& row) { return name_of(kOps[row.param]); });

TEST(Laws, complex_steps_reach_most_rows) {
  int reached = 0, differentiable = 0;
  std::string unreached;
  for (const OpInfo& row : kOps) {
    const Reading reading(row.op);
    bool all_parameters = true;
    for (int k = 0; k < row.arity; ++k) all_parameters &= is_parameter(row.domain[k]);
    if (all_parameters) continue;
    ++differentiable;
    if (complex_steps(reading, Samples(row)) > 0) {
      ++reached;
    } else {
      unreached += " " + name_of(row);
    }
  }
  RecordProperty("rows_reached", reached);
  EXPECT_GE(reached, 75) << "of " << differentiable << "; not" << unreached;
}

TEST(Laws, special_values_never_crash) {
  for (const OpInfo& row : kOps) {
    const Reading reading(row.op);
    for (const Point& x : special_points(row)) {
      reading.partials(x);
      Operands<Dual1> seeded{Dual1(x[0], 1.0), Dual1(x[1], 1.0), Dual1(x[2], 1.0)};
      const double forward = reading.forward(seeded).value, value = reading.value(x);
      EXPECT_TRUE(forward == value || (std::isnan(forward) && std::isnan(value)))
          << row.name << print(x, row.arity);
    }
  }
}

}  // namespace
}  // namespace chainrule::laws
