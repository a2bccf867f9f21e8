// Determinant: one walk down the minors. What multiplies a minor is known on the way down, the
// minor itself on the way up; ∂/∂entry is their product, with its sign.
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const Determinant& problem, const double* inputs, Values values) {
  problem.evaluate(0, inputs, values.data());
}

namespace {

struct Walk {
  const double* a;
  double* slopes;
  Index size;

  /// The minor of the rows from `row` on; `above` is what multiplies it in the determinant.
  double minor_of(Index row, const Determinant::Columns& columns, double above) const {
    const double* entries = a + row * size;
    double* out = slopes + row * size;
    const Index many = size - row;
    if (many == 2) {
      const double *below = entries + size, p = entries[columns[0]], q = entries[columns[1]];
      const double r = below[columns[0]], s = below[columns[1]];
      out[columns[0]] += above * s;
      out[columns[1]] -= above * r;
      out[size + columns[0]] -= above * q;
      out[size + columns[1]] += above * p;
      return p * s - q * r;
    }
    if (many == 1) {
      out[columns[0]] += above;
      return entries[columns[0]];
    }
    double sum = 0, sign = 1;
    for (Index j = 0; j < many; ++j, sign = -sign) {
      const double entry = sign * entries[columns[j]];
      const double rest = minor_of(row + 1, Determinant::without(columns, j), above * entry);
      out[columns[j]] += sign * above * rest;
      sum += entry * rest;
    }
    return sum;
  }
};

}  // namespace

void derive(const Determinant& problem, Values values, Derivatives derivatives) {
  std::fill(derivatives.begin(), derivatives.end(), 0.0);
  const Walk walk{problem.point(0), derivatives.data(), problem.size()};
  values[0] = walk.minor_of(0, problem.all_columns(), 1);
}

}  // namespace bench::manual
