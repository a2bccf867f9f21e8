// A row of the table as a Function, with some operands plain numbers, and the points at which its
// kernels are asked.
#pragma once

#include <cstdio>
#include <random>
#include <string>

#include "chainrule/op/reading.hpp"
#include "chainrule/transform/functions.hpp"
#include "tests/laws/kinks.hpp"
#include "tests/laws/samples.hpp"

namespace chainrule::test {

using laws::Point;

// Rows that take long to compute: Bessel functions, polynomials, polygamma.
inline bool is_slow(const OpInfo& row) {
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

inline std::string print(const Case& c, const double* in) {
  std::string text = std::string(c.row.name) + "(";
  for (std::size_t k = 0; k < c.arity(); ++k) {
    char number[40];
    std::snprintf(number, sizeof number, "%s%s%.17g", k == 0 ? "" : ", ",
                  c.is_number(k) ? "number " : "", c.is_number(k) ? c.at[k] : *in++);
    text += number;
  }
  return text + ")";
}

inline std::vector<Point> points_of(const OpInfo& row) {
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
inline std::vector<Case> cases_of(const OpInfo& row, const std::vector<Point>& points) {
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

inline std::vector<double> inputs_of(const Case& c, const std::vector<Point>& points) {
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
inline double size_of(const Function& f, std::span<const double> x, std::size_t output) {
  Point at{};
  std::copy(x.begin(), x.end(), at.begin());
  const auto value = [&](const Point& near) { return f(std::span(near.data(), x.size()))[output]; };
  return laws::size_near_zero(value, at, static_cast<int>(x.size()));
}

}  // namespace chainrule::test
