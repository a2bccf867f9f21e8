// Moves, indices and linear algebra inside of vmap, record, compile and static graphs: the same as
// slice by slice, eagerly.
#include <gtest/gtest.h>

#include "chainrule/tensor/compile.hpp"
#include "chainrule/tensor/graph.hpp"
#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/transform.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;
using OfTwo = std::function<Tensor(const Tensor&, const Tensor&)>;

Tensor numbers(const Shape& shape, double seed = 0.3) {
  return laws::detail::spread_numbers(shape, seed);
}
void expect_near(const Tensor& found, const Tensor& expected, const std::string& what) {
  ASSERT_EQ(found.shape(), expected.shape()) << what;
  const Numbers a = found.values(), b = expected.values();
  for (std::size_t k = 0; k < a.size(); ++k)
    ASSERT_NEAR(a[k], b[k], 1e-12 * (1 + std::fabs(b[k]))) << what;
}

struct Named {
  std::string name;
  OfTwo f;  // of x (3,4) and y (3,4)
};

std::vector<Named> moves() {
  const Tensor places = tensor({2, 0, 2});
  return {
      {"broadcast",
       [](auto& x, auto& y) {
         return broadcast_to(x, {2, 3, 4}) * y;
       }},
      {"reshape",
       [](auto& x, auto& y) {
         return reshape(x, {4, 3}) + reshape(y, {4, -1});
       }},
      {"permute",
       [](auto& x, auto& y) {
         return transpose(x) * permute(y, {-1, 0});
       }},
      {"contiguous", [](auto& x, auto& y) { return contiguous(transpose(x * y)); }},
      {"slice",
       [](auto& x, auto& y) {
         return slice(x, 1, {3, 0, -2}) * pick(y, 1, 2)(all, newaxis);
       }},
      {"index",
       [](auto& x, auto& y) {
         return x(newaxis, Range{1, 3}, 0) + y(2, newaxis, 1);
       }},
      {"flip", [](auto& x, auto& y) { return flip(x, 1) * flip(y); }},
      {"roll", [](auto& x, auto& y) { return roll(x, 1, 0) * roll(y, -1, 1); }},
      {"concatenate",
       [](auto& x, auto& y) {
         return concatenate({x, y, x}, 1);
       }},
      {"stack",
       [](auto& x, auto& y) {
         return stack({x, y}, -1);
       }},
      {"pad",
       [](auto& x, auto& y) {
         return pad(x, {{1, 0}, {0, 2}}, 3.0) * pad(y, {{0, 1}, {2, 0}});
       }},
      {"diagonal", [](auto& x, auto& y) { return diagonal(x, 1) * diagonal(y, 1); }},
      {"diagonal_matrix", [](auto& x, auto& y) { return diagonal_matrix(x) * diagonal_matrix(y); }},
      {"tril", [](auto& x, auto& y) { return tril(x) * y + triu(y, 1); }},
      {"repeat",
       [](auto& x, auto& y) {
         return repeat(x, 2, 0) * repeat(y, {2, 2, 2}, 0);
       }},
      {"take",
       [=](auto& x, auto& y) {
         return x(places) * y(all, tensor({0, 1, 1, 3}))(places);
       }},
      {"gather",
       [](auto& x, auto& y) {
         return gather(x, 1, tensor({{0, 0}, {3, 1}})) * gather(y, 0, tensor({{2, 0}, {1, 1}}));
       }},
      {"scatter_add",
       [](auto& x, auto& y) {
         return scatter_add(x, 1, tensor({{0, 0, 1, 1}, {3, 1, 2, 2}}), y(Range{0, 2}));
       }},
      {"set",
       [](auto& x, auto& y) {
         Tensor z = x * 1.0;
         z.set({1}, y(2)).add_at({all, 0}, y(all, 1));
         return z;
       }},
      {"set rows",
       [=](auto& x, auto& y) {
         Tensor z = x * 1.0;
         z.set({places}, y).add_at({tensor({1, 1})}, y(Range{0, 2}));
         return z;
       }},
      {"places from one of them",
       [](auto& x, auto& y) { return y(gather(abs(floor(x)), 1, tensor({{0}})))(0); }},
      {"matmul", [](auto& x, auto& y) { return matmul(x, transpose(y)); }},
      {"matrix and vector",
       [](auto& x, auto& y) { return matmul(x, y(0)) + matmul(x(all, 0), y(all, 1)); }},
      {"vector and matrix", [](auto& x, auto& y) { return matmul(x(all, 0), y); }},
      {"a batch in the slice",
       [](auto& x, auto& y) {
         return matmul(stack({x, x + y}), transpose(y));
       }},
      {"einsum", [](auto& x, auto& y) { return einsum("ij,kj,j->ki", x, y, x(0)); }},
      {"solve", [](auto& x, auto& y) { return solve(matmul(x, transpose(x)) + eye(3), y); }},
      {"solve a vector",
       [](auto& x, auto& y) { return solve(matmul(x, transpose(x)) + eye(3), y(all, 0)); }},
      {"solve of wider slices",
       [](auto& x, auto& y) {
         return solve(matmul(x, transpose(x)) + eye(3), stack({y, 2.0 * y}));
       }},
      {"triangular_solve",
       [](auto& x, auto& y) {
         return triangular_solve(tril(x(all, Range{0, 3})) + 2.0 * eye(3), y);
       }},
      {"cholesky",
       [](auto& x, auto& y) { return cholesky(matmul(x, transpose(x)) + eye(3)) * y(0, 0); }},
      {"inverse", [](auto& x, auto& y) { return inverse(matmul(x, transpose(y)) + 4.0 * eye(3)); }},
      {"determinants",
       [](auto& x, auto& y) {
         const Tensor m = matmul(x, transpose(y)) + 4.0 * eye(3);
         return det(m) + slogdet(m).logabsdet * slogdet(m).sign;
       }},
  };
}

TEST(TensorBatch, vmap_of_each_operation_is_what_its_slices_give) {
  const Tensor xs = numbers({5, 3, 4}), ys = numbers({5, 3, 4}, 1.1);
  constexpr auto kWhole = VmapOptions::kWhole;
  for (const Named& move : moves()) {
    const std::string& name = move.name;
    const OfTwo& f = move.f;
    const auto sliced = [&](const auto& x_of, const auto& y_of) {
      std::vector<Tensor> results;
      for (std::int64_t k = 0; k < 5; ++k) results.push_back(f(x_of(k), y_of(k)));
      return stack(results);
    };
    const auto x = [&](std::int64_t k) { return pick(xs, 0, k); };
    const auto y = [&](std::int64_t k) { return pick(ys, 0, k); };
    const auto first_x = [&](std::int64_t) { return pick(xs, 0, 0); };
    const auto first_y = [&](std::int64_t) { return pick(ys, 0, 0); };
    expect_near(vmap(f)(xs, ys), sliced(x, y), name);
    expect_near(vmap(f, {.axes = {0, kWhole}})(xs, y(0)), sliced(x, first_y), name);
    expect_near(vmap(f, {.axes = {kWhole, 0}})(x(0), ys), sliced(first_x, y), name);
    if (::testing::Test::HasFatalFailure()) return;
    // Derivatives of slices: operations on adjoints are batched as well.
    const auto slope = [&f](const Tensor& a, const Tensor& b) {
      return grad<0>([&f](const Tensor& c, const Tensor& d) {
        const Tensor z = f(c, d);
        return sum(z * z);
      })(a, b);
    };
    std::vector<Tensor> slopes;
    for (std::int64_t k = 0; k < 5; ++k) slopes.push_back(slope(x(k), y(k)));
    expect_near(vmap(slope)(xs, ys), stack(slopes), "the gradient of " + name);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(TensorBatch, recorded_and_compiled_functions_give_what_the_code_gives_with_their_gradients) {
  const Tensor x = numbers({3, 4}), y = numbers({3, 4}, 1.1);
  const Tensor other = numbers({3, 4}, 2.7), more = numbers({3, 4}, 0.4);
  for (const Named& move : moves()) {
    const std::string& name = move.name;
    const OfTwo& f = move.f;
    const auto total = [&f](const Tensor& a, const Tensor& b) {
      const Tensor z = f(a, b);
      return sum(z * z);
    };
    const TensorFunction recorded = value_and_grad(record(total, x, y));
    const TensorKernel kernel = compile(recorded);
    const Frame frame = Tape::active().frame();
    const Tensor a = variable(other), b = variable(more);
    const Tensor value = total(a, b);
    const auto slopes = gradient(value, {a, b});
    const auto replayed = recorded(other, more), ran = kernel(other, more);
    expect_near(replayed[0], value.detached(), name);
    expect_near(ran[0], value.detached(), name);
    for (std::size_t k = 0; k < 2; ++k) {
      expect_near(replayed[k + 1], slopes[k], "the recorded gradient of " + name);
      expect_near(ran[k + 1], slopes[k], "the compiled gradient of " + name);
    }
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(TensorBatch, static_graphs_hold_all_of_them) {
  const Tensor x = numbers({3, 4}), y = numbers({3, 4}, 1.1);
  for (const Named& move : moves()) {
    const std::string& name = move.name;
    const OfTwo& f = move.f;
    TensorGraph graph;
    Tensor head;
    {
      const auto building = graph.build();
      const Tensor a = graph.placeholder({3, 4}, "a"), b = graph.placeholder({3, 4}, "b");
      const Tensor z = f(a, b);
      head = sum(z * z).label("head");
    }
    graph.forward({{"a", x}, {"b", y}});
    graph.backward(head);
    const Frame frame = Tape::active().frame();
    const Tensor a = variable(x), b = variable(y);
    const Tensor z = f(a, b);
    const Tensor value = sum(z * z);
    const auto slopes = gradient(value, {a, b});
    expect_near(graph.value(head), value.detached(), name);
    expect_near(graph.grad("a"), slopes[0], "the gradient of " + name);
    expect_near(graph.grad("b"), slopes[1], "the gradient of " + name);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(TensorBatch, tokens_are_inputs_of_a_recorded_function) {
  const Tensor table = numbers({6, 2});
  const auto loss = [](const Tensor& rows, const Tensor& tokens) {
    const Tensor read = embedding(rows, tokens);
    return sum(read * read);
  };
  const TensorFunction f = value_and_grad(record(loss, table, tensor({0, 1, 2})), 0);
  const TensorKernel kernel = compile(f);
  const Tensor tokens = tensor({5, 5, 3});
  const Frame frame = Tape::active().frame();
  const Tensor leaf = variable(table);
  const Tensor value = loss(leaf, tokens);
  const Tensor slope = gradient(value, {leaf})[0];
  expect_near(f(table, tokens)[1], slope, "recorded");
  expect_near(kernel(table, tokens)[1], slope, "compiled");
  EXPECT_THROW(kernel(table, tensor({0, 1, 6})), Error);
}

TEST(TensorBatch, the_truths_of_a_mask_are_guards_of_a_recording) {
  const auto f = [](const Tensor& x) { return sum(x(Mask{x > 0.0})); };
  const TensorFunction recorded = record(f, tensor({1, -2, 3}));
  EXPECT_EQ(recorded(tensor({5, -1, 7}))[0].item(), 12);
  EXPECT_EQ(recorded.variants(), 1u);
  EXPECT_EQ(recorded(tensor({-5, 1, -7}))[0].item(), 1);
  EXPECT_EQ(recorded.variants(), 2u);
  // A single value for all that a mask selects needs no guard: the mask is data.
  const auto clipped = [](const Tensor& x) {
    Tensor z = x * 1.0;
    z.set(Mask{x < 0.0}, 0.0);
    return sum(z);
  };
  const TensorFunction g = record(clipped, tensor({1, -2, 3}));
  EXPECT_EQ(g(tensor({-5, 1, -7}))[0].item(), 1);
  EXPECT_EQ(g.variants(), 1u);
}

}  // namespace
}  // namespace chainrule
