// Every row of the table is broken on purpose, one fault at a time; some law must notice.
//
// A mutant that answers as the row itself on every point at hand (ordinary, simple, special and
// kinks, with g of both signs) is no mutant. Which those are is computed, so that no list can go
// stale.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/laws/kinks.hpp"
#include "tests/laws/laws.hpp"

namespace chainrule::laws {
namespace {

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool same(const Reading& a, const Reading& b, const Point& x) {
  if (!same(a.value(x), b.value(x))) return false;
  for (const double g : {1.0, -0.7}) {
    const Entries<double> one = a.pullback(g, x), other = b.pullback(g, x);
    for (std::size_t k = 0; k < one.size(); ++k) {
      if (one[k].taken != other[k].taken) return false;
      if (one[k].taken && !same(one[k].value, other[k].value)) return false;
    }
  }
  return true;
}

bool equivalent(const Reading& a, const Reading& b, const Samples& samples) {
  for (const std::vector<Point>* points : {&samples.ordinary, &samples.simple, &samples.special}) {
    for (const Point& x : *points) {
      if (!same(a, b, x)) return false;
    }
  }
  for (const Kink& kink : kinks()) {
    if (kink.op == a.row().op && !same(a, b, kink.x)) return false;
  }
  return true;
}

const Law* noticed_by(const Reading& mutant, const Samples& samples) {
  for (const Law& law : laws()) {
    if (!law.broken(mutant, samples).empty()) return &law;
  }
  return nullptr;
}

class EveryFault : public testing::TestWithParam<int> {};

TEST_P(EveryFault, is_noticed) {
  const OpInfo& row = kOps[GetParam()];
  const Samples samples(row);
  const Reading sound(row.op);
  int noticed = 0;
  for (const Mutation& mutation : mutations(row.arity)) {
    const Reading mutant(row.op, mutation);
    if (equivalent(sound, mutant, samples)) continue;
    const Law* law = noticed_by(mutant, samples);
    EXPECT_NE(law, nullptr) << mutant.name() << " survives";
    noticed += law != nullptr;
  }
  RecordProperty("noticed", noticed);
  EXPECT_GE(noticed, 3);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryFault, testing::Range(0, kOpCount),
                         [](const auto& row) { return std::string(kOps[row.param].name); });

}  // namespace
}  // namespace chainrule::laws
