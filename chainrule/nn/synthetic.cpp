#include "chainrule/nn/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "chainrule/base/text.hpp"
#include "chainrule/tensor/body_internal.hpp"

namespace chainrule::nn {
namespace {

struct Point {
  double x, y;
};

void require(std::int64_t rows, double noise, std::string_view where) {
  if (rows < 0) fail(where, std::to_string(rows) + " rows");
  if (!(noise >= 0) || std::isinf(noise)) {
    fail(where, "noise of " + shortest(noise) + ": a finite number from 0 on is expected");
  }
}

// k of 0 … count − 1 as a number of [0, 1], both ends included.
double evenly(std::int64_t k, std::int64_t count) {
  return count > 1 ? static_cast<double>(k) / static_cast<double>(count - 1) : 0.0;
}

// Row k belongs to class k mod classes, of which it is point j of n: centre(class, evenly(j, n)).
template <class Centre>
DataSet in_classes(std::int64_t rows, double noise, int classes, Random& random,
                   const Centre& centre) {
  Tensor inputs = random.normal({rows, 2}, 0.0, noise), targets = make_tensor(f64, {rows});
  double* point = TensorAccess::data<double>(inputs);
  double* target = TensorAccess::data<double>(targets);
  for (std::int64_t k = 0; k < rows; ++k, point += 2) {
    const std::int64_t c = k % classes, n = (rows - c + classes - 1) / classes;
    const Point at = centre(static_cast<int>(c), evenly(k / classes, n));
    point[0] += at.x;
    point[1] += at.y;
    target[k] = static_cast<double>(c);
  }
  return DataSet{std::move(inputs), std::move(targets)}.shuffled(random);
}

}  // namespace

DataSet moons(std::int64_t rows, double noise, Random& random) {
  require(rows, noise, "moons");
  return in_classes(rows, noise, 2, random, [](int c, double s) {
    const double t = std::numbers::pi * s;
    return c == 0 ? Point{std::cos(t), std::sin(t)} : Point{1 - std::cos(t), 0.5 - std::sin(t)};
  });
}

DataSet spirals(std::int64_t rows, double noise, Random& random) {
  require(rows, noise, "spirals");
  return in_classes(rows, noise, 2, random, [](int c, double s) {
    const double t = 3 * std::numbers::pi * s + std::numbers::pi * c;
    const double radius = 0.1 + 0.9 * s;
    return Point{radius * std::cos(t), radius * std::sin(t)};
  });
}

DataSet blobs(std::int64_t rows, double noise, Random& random, int classes) {
  require(rows, noise, "blobs");
  if (classes < 1) fail("blobs", std::to_string(classes) + " classes");
  return in_classes(rows, noise, classes, random, [classes](int c, double) {
    const double t = 2 * std::numbers::pi * c / classes;
    return Point{4 * std::cos(t), 4 * std::sin(t)};
  });
}

DataSet sine(std::int64_t rows, double noise, Random& random) {
  require(rows, noise, "sine");
  Tensor inputs = make_tensor(f64, {rows, 1}), targets = random.normal({rows, 1}, 0.0, noise);
  double* x = TensorAccess::data<double>(inputs);
  double* y = TensorAccess::data<double>(targets);
  for (std::int64_t k = 0; k < rows; ++k) {
    x[k] = std::numbers::pi * (2 * evenly(k, rows) - 1);
    y[k] += std::sin(x[k]);
  }
  return DataSet{std::move(inputs), std::move(targets)}.shuffled(random);
}

}  // namespace chainrule::nn
