// Every row of the table as an operation on tensors, against the scalar engine: value, gradient,
// recorded gradient and second derivatives, element by element, whatever the operands' shapes,
// strides, sizes and element types are; and at kinks and singular points.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/op/precision.hpp"
#include "chainrule/op/reading.hpp"
#include "tests/laws/kinks.hpp"
#include "tests/laws/samples.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::Point;
using Numbers = std::vector<double>;
using Tensors = std::vector<Tensor>;

// ---- the scalar engine ------------------------------------------------------------------------

// Of each element of the result, and of each element of each operand: y, ∂⟨w, y⟩/∂x, and
// ∂⟨v, ∂⟨w, y⟩/∂x⟩/∂x.
struct Answers {
  Numbers value;
  std::vector<Numbers> slopes, curved;
};

// Which element of x each element of the result reads.
std::vector<std::size_t> places(const Tensor& x, const Shape& shape) {
  std::vector<std::size_t> all;
  const Tensor numbered = reshape(arange(static_cast<double>(x.size())), x.shape());
  for (const double place : broadcast_to(numbered, shape).values())
    all.push_back(static_cast<std::size_t>(place));
  return all;
}

Answers by_scalars(Op op, const Tensors& x, const Numbers& w, const Tensors& v,
                   const Shape& shape) {
  const Frame frame = Tape::active().frame();
  std::vector<std::vector<Scalar>> operands(x.size());
  std::vector<Scalar> all;
  std::vector<std::vector<std::size_t>> from;
  for (std::size_t k = 0; k < x.size(); ++k) {
    for (const double number : x[k].values()) operands[k].push_back(variable(number));
    all.insert(all.end(), operands[k].begin(), operands[k].end());
    from.push_back(places(x[k], shape));
  }
  std::vector<Scalar> y;
  Answers answers;
  for (std::size_t i = 0; i < w.size(); ++i) {
    Scalar at[3];
    for (std::size_t k = 0; k < x.size(); ++k) at[k] = operands[k][from[k][i]];
    y.push_back(chainrule::apply(op, at));
    answers.value.push_back(y.back().value());
  }
  const auto split = [&](const Numbers& numbers) {
    std::vector<Numbers> parts;
    auto next = numbers.begin();
    for (const auto& part : operands) {
      parts.emplace_back(next, next + static_cast<std::ptrdiff_t>(part.size()));
      next += static_cast<std::ptrdiff_t>(part.size());
    }
    return parts;
  };
  const std::vector<Scalar> seeds(w.begin(), w.end());
  const std::vector<Scalar> slopes = recorded_vjp(y, seeds, all);
  answers.slopes = split(vjp(y, w, all));
  Numbers weights;
  for (const Tensor& part : v) {
    for (const double number : part.values()) weights.push_back(number);
  }
  answers.curved = split(vjp(slopes, weights, all));
  return answers;
}

// ---- tensors ----------------------------------------------------------------------------------

// The largest error of `found`, in units of `expected`'s size; infinite where one is NaN or an
// infinity and the other is not.
double error_of(const Numbers& found, const Numbers& expected, double floor) {
  EXPECT_EQ(found.size(), expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i]))) continue;
    const double error =
        std::fabs(found[i] - expected[i]) / std::max(std::fabs(expected[i]), floor);
    worst = std::max(worst, std::isfinite(error) ? error : INFINITY);
  }
  return worst;
}

double largest_finite(const std::vector<Numbers>& all) {
  double most = 0;
  for (const Numbers& numbers : all) {
    for (const double x : numbers) most = std::isfinite(x) ? std::max(most, std::fabs(x)) : most;
  }
  return most;
}

// How exact a row is on tensors of an element type: of value, slopes and curvature, relative.
struct Exactness {
  double value, slopes, curved;
};
Exactness exactness(const OpInfo& row, Precision element) {
  constexpr double kUlp = 0x1p-52, kFloatUlp = 0x1p-23;
  if (element == f64) {
    return {(row.ulps.value + 1.5) * kUlp, 8 * (row.ulps.partials + 4) * kUlp,
            1e-10 + 64 * row.ulps.partials * kUlp};
  }
  return {32 * kFloatUlp, 256 * kFloatUlp, 2048 * kFloatUlp};
}

// Compares op on tensors x with the scalar engine. `where` says which tensors these are.
void expect_as_scalars(const OpInfo& row, const Tensors& x, const std::string& where) {
  const Frame frame = Tape::active().frame();
  Tensors leaves, v;
  for (const Tensor& t : x) leaves.push_back(variable(t));
  const Tensor y = chainrule::apply(row.op, leaves);
  const Tensor w = cast(laws::detail::spread_numbers(y.shape(), 0.7), y.element());
  for (std::size_t k = 0; k < x.size(); ++k) {
    v.push_back(cast(laws::detail::spread_numbers(x[k].shape(), 2.0 + static_cast<double>(k)),
                     y.element()));
  }
  const Answers expected = by_scalars(row.op, x, w.values(), v, y.shape());
  const Exactness exact = exactness(row, y.element());

  const auto compare = [&](const char* what, const Numbers& found, const Numbers& truth,
                           double floor, double bound) {
    const double error = error_of(found, truth, floor);
    EXPECT_LE(error, bound) << row.name << " of " << where << ": " << what << " is "
                            << testing::PrintToString(found) << ", by scalars "
                            << testing::PrintToString(truth);
  };
  compare("value", y.values(), expected.value, 0.05 * largest_finite({expected.value}),
          exact.value);
  const Tensors plain = vjp({&y, 1}, {&w, 1}, leaves);
  const Tensors recorded = recorded_vjp({&y, 1}, {&w, 1}, leaves);
  const Tensors curved = vjp(recorded, v, leaves);
  const double size = largest_finite(expected.slopes), bend = largest_finite(expected.curved);
  for (std::size_t k = 0; k < x.size(); ++k) {
    EXPECT_EQ(plain[k].element(), x[k].element());
    // Sums of that many contributions.
    const auto terms = static_cast<double>(y.size() / x[k].size());
    compare("a slope", plain[k].values(), expected.slopes[k], 0.05 * size, terms * exact.slopes);
    compare("a recorded slope", recorded[k].values(), expected.slopes[k], 0.05 * size,
            terms * exact.slopes);
    compare("a second derivative", curved[k].values(), expected.curved[k], 0.05 * bend,
            terms * exact.curved);
  }
}

class TensorLaws : public testing::TestWithParam<int> {
 protected:
  const OpInfo& row() const { return kOps[static_cast<std::size_t>(GetParam())]; }
  std::size_t arity() const { return static_cast<std::size_t>(row().arity); }

  // "pow(1, 2)".
  std::string text_of(const Point& x) const {
    std::string text = std::string(row().name) + "(";
    for (std::size_t k = 0; k < arity(); ++k) text += (k == 0 ? "" : ", ") + shortest(x[k]);
    return text + ")";
  }

  // Operand k, of numbers in its domain.
  Tensor operand(std::size_t k, const Shape& shape, Precision element) const {
    const auto points = laws::ordinary_points(row(), static_cast<int>(shape.size()));
    Numbers numbers;
    for (const Point& point : points) numbers.push_back(point[k]);
    return cast(tensor(numbers, shape), element);
  }
  // Operands of shapes that take turns, as views if `view` makes them so.
  template <class View>
  Tensors operands(std::initializer_list<Shape> shapes, Precision element, View&& view) const {
    Tensors all;
    for (std::size_t k = 0; k < arity(); ++k)
      all.push_back(view(operand(k, shapes.begin()[k % shapes.size()], element)));
    return all;
  }
};

const auto as_they_are = [](const Tensor& x) { return x; };
const auto turned = [](const Tensor& x) { return transpose(x); };

TEST_P(TensorLaws, in_f64_and_in_f32_whatever_the_shapes_are) {
  for (const Precision element : {f64, f32}) {
    const std::string of = element == f64 ? " in f64" : " in f32";
    const auto check = [&](std::initializer_list<Shape> shapes, const std::string& where,
                           auto&& view) {
      expect_as_scalars(row(), operands(shapes, element, view), where + of);
    };
    check({{}}, "single numbers", as_they_are);
    check({{3, 5}}, "one shape", as_they_are);
    check({{5, 4}}, "transposed views", turned);
    check({{4, 3}}, "each second element", laws::detail::scattered);
    check({{10, 20}}, "arrays for the kernel", as_they_are);
    check({{20, 10}}, "transposed views for the kernel", turned);
    if (arity() == 1) continue;
    check({{3, 4}, {}}, "an array and a number", as_they_are);
    check({{}, {3, 4}}, "a number and an array", as_they_are);
    check({{4}, {3, 4}}, "a row and a matrix", as_they_are);
    check({{3, 1}, {4}}, "a column and a row", as_they_are);
    check({{2, 1, 3}, {4, 1}}, "three axes from two", as_they_are);
    check({{12, 1}, {16}}, "a column and a row, for the kernel", as_they_are);
    check({{9, 20}, {}}, "an array and a number, for the kernel", as_they_are);
    check({{1, 12}, {10, 12}}, "a column and a transposed view, for the kernel", turned);
    if (HasFailure()) return;
  }
}

TEST_P(TensorLaws, at_singular_points) {
  std::vector<Point> points = laws::special_points(row());
  const auto simple = laws::simple_points(row());
  points.insert(points.end(), simple.begin(), simple.end());
  // Loops compute arrays below 96 elements, kernels the others.
  for (const std::size_t most : {std::size_t{64}, points.size() + 96}) {
    for (std::size_t first = 0; first < points.size() && !HasFailure(); first += most) {
      const std::size_t count = std::min(most, points.size() - first);
      Tensors x;
      for (std::size_t k = 0; k < arity(); ++k) {
        Numbers numbers;
        for (std::size_t i = 0; i < count; ++i) numbers.push_back(points[first + i][k]);
        while (numbers.size() < most && most > 64) numbers.push_back(numbers[0]);
        x.push_back(tensor(numbers));
      }
      const Frame frame = Tape::active().frame();
      Tensors leaves;
      for (const Tensor& t : x) leaves.push_back(variable(t));
      const Tensor y = chainrule::apply(row().op, leaves);
      const Tensor w = ones(y.shape());
      const Tensors slopes = vjp({&y, 1}, {&w, 1}, leaves);
      const Answers expected = by_scalars(row().op, x, w.values(), x, y.shape());
      const double bound = 1e-13 * (1 + row().ulps.partials);
      for (std::size_t i = 0; i < count; ++i) {
        const auto at = [&] { return text_of(points[first + i]); };
        EXPECT_LE(error_of({y.values()[i]}, {expected.value[i]}, 1e-300), bound)
            << at() << ": " << y.values()[i] << ", by scalars " << expected.value[i];
        for (std::size_t k = 0; k < arity(); ++k) {
          EXPECT_LE(error_of({slopes[k].values()[i]}, {expected.slopes[k][i]}, 1e-300), bound)
              << at() << ", slope " << k << ": " << slopes[k].values()[i] << ", by scalars "
              << expected.slopes[k][i];
        }
      }
    }
  }
}

TEST_P(TensorLaws, kinks_have_what_is_published) {
  for (const laws::Kink& kink : laws::kinks()) {
    if (kink.op != row().op) continue;
    for (const Precision element : {f64, f32}) {
      const auto is_there = [&](double x) { return rounded(element, x) == x || std::isnan(x); };
      if (!std::ranges::all_of(kink.x, is_there)) continue;
      for (const std::int64_t size : {1, 128}) {
        const Frame frame = Tape::active().frame();
        Tensors leaves;
        for (std::size_t k = 0; k < arity(); ++k)
          leaves.push_back(variable(full({size}, kink.x[k], element)));
        const Tensor y = chainrule::apply(row().op, leaves);
        const Tensor w = ones(y.shape(), element);
        const Tensors plain = vjp({&y, 1}, {&w, 1}, leaves);
        const Tensors recorded = recorded_vjp({&y, 1}, {&w, 1}, leaves);
        const double bound = element == f64 ? 1e-14 : 1e-6;
        const auto says = [&](double found, double expected) {
          EXPECT_LE(error_of({found}, {expected}, 1e-300), bound)
              << text_of(kink.x) << " in " << name_of(element) << ", " << size
              << " elements: " << found << ", published " << expected << ": " << kink.reason;
        };
        for (const std::size_t i : {std::size_t{0}, static_cast<std::size_t>(size) - 1}) {
          says(y.values()[i], kink.value);
          for (std::size_t k = 0; k < arity(); ++k) {
            says(plain[k].values()[i], kink.partials[k].value_or(0.0));
            says(recorded[k].values()[i], kink.partials[k].value_or(0.0));
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, TensorLaws, testing::Range(0, kOpCount),
                         [](const auto& test) { return std::string(kOps[test.param].name); });

}  // namespace
}  // namespace chainrule
