#include "tests/laws/samples.hpp"

#include <cmath>
#include <random>
#include <string_view>

namespace chainrule::laws {
namespace {

bool is(const Interval& domain, const Interval& other) {
  return std::string_view(domain.name) == other.name;
}

class Sampler {
 public:
  double uniform(double low, double high) {
    const double unit = static_cast<double>(random_() >> 11) * 0x1p-53;
    return low + (high - low) * unit;
  }
  double size() { return std::exp(uniform(std::log(1e-2), std::log(10))); }
  double sign() { return uniform(-1, 1) < 0 ? -1 : 1; }

  double operator()(const Interval& domain) {
    if (is(domain, domains::order)) return std::floor(uniform(0, 6));
    if (is(domain, domains::integer)) return std::floor(uniform(-5, 6));
    if (is(domain, domains::truth)) return sign() < 0 ? 0 : size();
    if (is(domain, domains::unit)) return uniform(-0.99, 0.99);
    if (is(domain, domains::nonpole)) {
      const double x = sign() * size();
      return x > 0 || std::fabs(x - std::round(x)) > 0.05 ? x : (*this)(domain);
    }
    if (domain.lower == 0) return size();
    if (domain.upper == 0) return -size();
    if (std::isfinite(domain.lower)) return domain.lower + size();
    return sign() * size();
  }

 private:
  std::mt19937_64 random_{20240601};
};

std::vector<Point> combinations(const std::vector<double>& numbers, int arity) {
  std::vector<Point> points{Point{}};
  for (int k = 0; k < arity; ++k) {
    std::vector<Point> longer;
    for (Point point : points) {
      for (const double x : numbers) {
        point[static_cast<std::size_t>(k)] = x;
        longer.push_back(point);
      }
    }
    points = std::move(longer);
  }
  return points;
}

}  // namespace

bool is_parameter(const Interval& domain) {
  return is(domain, domains::order) || is(domain, domains::integer) || is(domain, domains::truth) ||
         is(domain, domains::parameter) || is(domain, domains::held);
}

bool contains(const Interval& domain, double x) {
  if (is(domain, domains::truth)) return true;
  if ((is(domain, domains::order) || is(domain, domains::integer)) && x != std::trunc(x))
    return false;
  if (is(domain, domains::nonzero) && x == 0) return false;
  if (is(domain, domains::nonpole) && x <= 0 && x == std::trunc(x)) return false;
  if (is(domain, domains::order) || is(domain, domains::nonnegative)) return x >= 0;
  return x > domain.lower && x < domain.upper;
}

std::vector<Point> ordinary_points(const OpInfo& row, int count) {
  Sampler sample;
  std::vector<Point> points;
  for (int i = 0; i < count; ++i) {
    Point x{};
    for (int k = 0; k < row.arity; ++k) x[static_cast<std::size_t>(k)] = sample(row.domain[k]);
    points.push_back(x);
  }
  return points;
}

std::vector<Point> simple_points(const OpInfo& row) {
  return combinations({0.0, 1.0, -1.0, 2.0, -2.5, 3.0, 1000.0}, row.arity);
}

std::vector<Point> special_points(const OpInfo& row) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return combinations(
      {0.0, -0.0, kInfinity, -kInfinity, std::nan(""), 5e-324, -1e-310, 1e300, -1e308, 1.0, -2.5},
      row.arity);
}

}  // namespace chainrule::laws
