// Whatever the order in memory, results are those of contiguous numbers, within rounding: small
// arrays, which are looped over, and large ones, which go through kernels.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "tests/support/strider.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;

// The numbers in a fresh, contiguous tensor.
Tensor straight(const Tensor& t) { return cast(tensor(t.values(), t.shape()), t.element()); }

void expect_near(const Tensor& found, const Tensor& expected, const std::string& what) {
  ASSERT_EQ(found.type(), expected.type()) << what;
  const double tolerance = found.element() == f64 ? 1e-13 : 2e-5;
  const Numbers a = found.values(), b = expected.values();
  const double most = laws::detail::largest(b);
  for (std::size_t k = 0; k < a.size(); ++k)
    ASSERT_NEAR(a[k], b[k], tolerance * (1 + most)) << what << " at " << k;
}

// Shapes that can be broadcast together, of up to some thousand elements.
std::vector<Shape> shapes_of(Strider& random, std::size_t count) {
  Shape whole;
  for (std::size_t k = random.below(4); k > 0; --k)
    whole.push_back(random.below(3) == 0 ? 9 + static_cast<std::int64_t>(random.below(40))
                                         : random.size());
  std::vector<Shape> shapes;
  for (std::size_t k = 0; k < count; ++k) {
    Shape shape;
    for (std::size_t axis = random.below(3) == 0 ? random.below(whole.rank() + 1) : 0;
         axis < whole.rank(); ++axis)
      shape.push_back(random.below(5) == 0 ? 1 : whole[axis]);
    shapes.push_back(shape);
  }
  return shapes;
}

TEST(Strides, elementwise_operations_and_their_gradients_do_not_depend_on_them) {
  for (unsigned seed = 0; seed < 600; ++seed) {
    Strider random(seed);
    const auto shapes = shapes_of(random, 3);
    const Precision element = random.below(2) == 0 ? f64 : f32;
    std::vector<Tensor> strided, dense;
    for (const Shape& shape : shapes) {
      strided.push_back(random.strided(shape, element));
      dense.push_back(straight(strided.back()));
    }
    const auto run = [](const std::vector<Tensor>& x) {
      const Frame frame = Tape::active().frame();
      std::vector<Tensor> leaves, results;
      for (const Tensor& t : x) leaves.push_back(variable(t));
      const Tensor y = exp(leaves[0]) * leaves[1] + where(leaves[1] > leaves[2], leaves[0], 2.0);
      const Tensor z = atan2(y, leaves[2]) - max(y, leaves[1]);
      results.push_back(z.detached());
      const Tensor total = sum(z * y);
      for (const Tensor& slope : gradient(total, leaves)) results.push_back(slope);
      for (const Tensor& slope : recorded_gradient(total, leaves))
        results.push_back(slope.detached());
      return results;
    };
    const auto found = run(strided), expected = run(dense);
    for (std::size_t k = 0; k < found.size(); ++k) {
      expect_near(found[k], expected[k],
                  "seed " + std::to_string(seed) + ", result " + std::to_string(k));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Strides, reductions_do_not_depend_on_them) {
  for (unsigned seed = 0; seed < 600; ++seed) {
    Strider random(seed);
    const Shape shape = shapes_of(random, 1)[0];
    const Tensor strided = random.strided(shape, random.below(2) == 0 ? f64 : f32);
    std::vector<std::int64_t> axes;
    for (std::size_t k = 0; k < shape.rank(); ++k) {
      if (random.below(2) == 0) axes.push_back(static_cast<std::int64_t>(k));
    }
    const bool is_empty = shape.size() == 0;
    const auto run = [&](const Tensor& t) {
      const Frame frame = Tape::active().frame();
      const Tensor x = variable(t);
      const Axes over(std::span<const std::int64_t>{axes});
      std::vector<Tensor> results{sum(x, over), prod(x, over, keepdims)};
      if (!is_empty) {
        results.push_back(amax(x, over));
        results.push_back(logsumexp(x, over));
        results.push_back(mean(x, over));
      }
      if (x.rank() > 0) results.push_back(cumsum(x, -1));
      Tensor total = 0.0;
      for (const Tensor& result : results) total += sum(result * result);
      results.push_back(gradient(total, {x})[0]);
      return results;
    };
    const auto found = run(strided), expected = run(straight(strided));
    for (std::size_t k = 0; k < found.size(); ++k) {
      expect_near(found[k].detached(), expected[k].detached(),
                  "seed " + std::to_string(seed) + ", result " + std::to_string(k) + " of " +
                      to_string(shape));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Strides, moves_indices_and_writes_do_not_depend_on_them) {
  for (unsigned seed = 0; seed < 600; ++seed) {
    Strider random(seed);
    Shape shape;
    for (std::size_t k = 0; k < 3; ++k)
      shape.push_back(1 + static_cast<std::int64_t>(random.below(6)));
    const Tensor strided = random.strided(shape, random.below(2) == 0 ? f64 : f32);
    const Tensor other = random.strided({shape[1], shape[2]}, f64);
    const Tensor places = arange(0, static_cast<double>(shape[0]), 2.0);
    const auto run = [&](const Tensor& t, const Tensor& v) {
      const Frame frame = Tape::active().frame();
      const Tensor x = variable(t), y = variable(v);
      Tensor z = x * x;
      z.set({0}, y).add_at({places}, y).add_at({ellipsis, -1}, 1.0);
      Tensor w = x;
      w.set({all, 0}, w(all, -1));
      const std::vector<Tensor> results{z,
                                        w,
                                        reshape(x, {-1, shape[1]}),
                                        concatenate({x, flip(x), roll(x, 2, 1)}, 2),
                                        x(places, all, Range{0, 9, 2}),
                                        gather(x, 0, zeros({1, shape[1], 1})),
                                        tile(x, {2, 1, 2}),
                                        tril(x),
                                        diagonal(x, 1, 0, 2)};
      Tensor total = 0.0;
      for (const Tensor& result : results) total += sum(result * result);
      std::vector<Tensor> all_of_them = results;
      for (Tensor& result : all_of_them) result = result.detached();
      for (const Tensor& slope : gradient(total, {x, y})) all_of_them.push_back(slope);
      return all_of_them;
    };
    const auto found = run(strided, other), expected = run(straight(strided), straight(other));
    for (std::size_t k = 0; k < found.size(); ++k) {
      expect_near(found[k], expected[k],
                  "seed " + std::to_string(seed) + ", result " + std::to_string(k));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace chainrule
