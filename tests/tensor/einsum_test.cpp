// Sums of products by letters: against loops over all letters, and the laws.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::check_tensor_op;
using Numbers = std::vector<double>;

Tensor numbers(const Shape& shape, double seed = 0.3) {
  return laws::detail::spread_numbers(shape, seed);
}
std::string said(const std::function<void()>& mistake) {
  try {
    mistake();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

// The sum by its definition: a loop over every letter. No ellipsis.
Tensor by_loops(const std::vector<std::string>& terms, const std::string& output,
                const std::vector<Tensor>& x) {
  std::map<char, std::int64_t> size, at;
  for (std::size_t k = 0; k < x.size(); ++k) {
    for (std::size_t axis = 0; axis < terms[k].size(); ++axis)
      size[terms[k][axis]] = x[k].shape()[axis];
  }
  Shape shape;
  for (const char letter : output) shape.push_back(size[letter]);
  Numbers sums(static_cast<std::size_t>(shape.size()), 0.0);
  for (const auto& [letter, count] : size) {
    if (count == 0) return tensor(sums, shape);
    at[letter] = 0;
  }
  while (true) {
    double product = 1;
    for (std::size_t k = 0; k < x.size(); ++k) {
      std::int64_t offset = 0;
      for (std::size_t axis = 0; axis < terms[k].size(); ++axis)
        offset += at[terms[k][axis]] * x[k].strides()[axis];
      product *= TensorAccess::data<double>(x[k])[offset];
    }
    std::int64_t place = 0;
    for (const char letter : output) place = place * size[letter] + at[letter];
    sums[static_cast<std::size_t>(place)] += product;
    auto letter = at.begin();
    while (letter != at.end() && ++letter->second == size[letter->first]) (letter++)->second = 0;
    if (letter == at.end()) return tensor(sums, shape);
  }
}

void expect_near(const Tensor& found, const Tensor& expected, const std::string& what) {
  ASSERT_EQ(found.shape(), expected.shape()) << what;
  const Numbers a = found.values(), b = expected.values();
  for (std::size_t k = 0; k < a.size(); ++k)
    ASSERT_NEAR(a[k], b[k], 1e-12 * (1 + std::fabs(b[k]))) << what;
}

TEST(Einsum, known_sums_come_out) {
  const Tensor x = tensor({{1, 2}, {3, 4}}), y = tensor({{5, 6}, {7, 8}}), v = tensor({1, 10});
  EXPECT_EQ(einsum("ij,jk->ik", x, y).values(), (Numbers{19, 22, 43, 50}));
  EXPECT_EQ(einsum("ij,jk", x, y).values(), (Numbers{19, 22, 43, 50}));
  EXPECT_EQ(einsum("ba", x).values(), (Numbers{1, 3, 2, 4}));
  EXPECT_EQ(einsum("ij->ji", x).values(), (Numbers{1, 3, 2, 4}));
  EXPECT_EQ(einsum("ii", x).item(), 5);
  EXPECT_EQ(einsum("ii->i", x).values(), (Numbers{1, 4}));
  EXPECT_EQ(einsum("ij->", x).item(), 10);
  EXPECT_EQ(einsum("ij->j", x).values(), (Numbers{4, 6}));
  EXPECT_EQ(einsum("i,i", v, v).item(), 101);
  EXPECT_EQ(einsum("i,j->ij", v, v).values(), (Numbers{1, 10, 10, 100}));
  EXPECT_EQ(einsum("ij,ij->", x, y).item(), 70);
  EXPECT_EQ(einsum("ij,ij->i", x, y).values(), (Numbers{17, 53}));
  EXPECT_EQ(einsum("i,ij,j->", v, x, v).item(), 1 + 20 + 30 + 400);
  EXPECT_EQ(einsum(" i j , j -> i ", x, v).values(), (Numbers{21, 43}));
  EXPECT_EQ(einsum("...,...->...", x, v).values(), (Numbers{1, 20, 3, 40}));
  EXPECT_EQ(einsum(",->", Tensor(3.0), Tensor(4.0)).item(), 12);
  EXPECT_EQ(einsum("->", Tensor(3.0)).item(), 3);
  EXPECT_EQ(einsum("ij,jk->ik", zeros({2, 0}), zeros({0, 3})).values(), Numbers(6, 0.0));
  EXPECT_EQ(einsum("ij,jk->ik", zeros({0, 2}), zeros({2, 3})).shape(), (Shape{0, 3}));
  EXPECT_EQ(einsum("Ab,bA", x, y).item(), 69);
}

TEST(Einsum, an_ellipsis_stands_for_axes_that_are_broadcast) {
  const Tensor x = numbers({3, 1, 2, 4}), y = numbers({5, 4, 2}, 1.0);
  const Tensor z = einsum("...ij,...jk->...ki", x, y);
  EXPECT_EQ(z.shape(), (Shape{3, 5, 2, 2}));
  expect_near(z, transpose(matmul(x, y), -1, -2), "batched");
  EXPECT_EQ(einsum("i...", x).shape(), (Shape{1, 2, 4, 3}));
  EXPECT_EQ(einsum("i...->...i", x).shape(), (Shape{1, 2, 4, 3}));
  EXPECT_EQ(einsum("...ii->...i", numbers({2, 3, 3})).values(),
            diagonal(numbers({2, 3, 3})).values());
  expect_near(einsum("...i,i->...", x, numbers({4}, 2.0)), matmul(x, numbers({4}, 2.0)), "vector");
  // Six axes of a batch, and two of the matrix: joined to one batch.
  const Tensor wide = numbers({2, 1, 2, 1, 1, 2, 1, 2}), right = numbers({1, 2, 1, 2}, 0.9);
  expect_near(einsum("abcdef...g,...gh->abcdef...h", wide, reshape(right, {2, 2})),
              matmul(wide, reshape(right, {2, 2})), "eight axes");
  expect_near(einsum("abcdefgi,abcdefgi->abcdefg", wide, wide), sum(wide * wide, -1), "rows");
  expect_near(einsum("abcdefgh,abcdefgi->abcdefgi", wide, wide), sum(wide, -1, keepdims) * wide,
              "seven axes of a batch");
  expect_near(einsum("abcdefgh,abcdefgh,h->abcdefg", wide, wide, tensor({1, 2})),
              matmul(wide * wide, tensor({1, 2})), "three");
}

TEST(Einsum, random_sums_agree_with_loops_over_all_letters) {
  std::mt19937 random(20);
  const auto below = [&random](std::size_t n) { return random() % n; };
  for (int round = 0; round < 400; ++round) {
    const std::string letters = "aBcdE";
    std::vector<std::int64_t> size;
    for (std::size_t k = 0; k < letters.size(); ++k)
      size.push_back(static_cast<std::int64_t>(below(20) == 0 ? 0 : 1 + below(3)));
    std::vector<std::string> terms(1 + below(4));
    std::vector<Tensor> x;
    std::string text, seen;
    for (std::string& term : terms) {
      Shape shape;
      for (std::size_t k = below(5); k > 0; --k) {
        const std::size_t letter = below(letters.size());
        term += letters[letter];
        if (seen.find(letters[letter]) == std::string::npos) seen += letters[letter];
        shape.push_back(size[letter]);
      }
      Tensor t = numbers(shape, 0.1 * round + static_cast<double>(x.size()));
      if (below(2) == 0 && t.rank() > 0) t = laws::detail::scattered(t);
      if (below(4) == 0) t = flip(t);
      x.push_back(t);
      text += (text.empty() && x.size() == 1 ? "" : ",") + term;
    }
    std::string output;
    std::shuffle(seen.begin(), seen.end(), random);
    output = seen.substr(0, below(seen.size() + 1));
    expect_near(einsum(text + "->" + output, x), by_loops(terms, output, x), text + "->" + output);
  }
}

TEST(Einsum, sums_of_products_obey_the_laws) {
  const Tensor x = numbers({2, 3}), y = numbers({3, 2}, 1.0), z = numbers({2, 2, 3}, 2.0);
  const auto holds = [](std::string_view text, const std::vector<Tensor>& operands) {
    return check_tensor_op(
        [text](const std::vector<Tensor>& all_of_them) { return einsum(text, all_of_them); },
        operands);
  };
  EXPECT_TRUE(holds("ij,jk->ki", {x, y}));
  EXPECT_TRUE(holds("ij,ji->", {x, y}));
  EXPECT_TRUE(holds("bij,bkj->bik", {z, z * 0.5}));
  EXPECT_TRUE(holds("bij,bij->bj", {z, z * 0.5}));
  EXPECT_TRUE(holds("bij,ji->b", {z, y}));
  EXPECT_TRUE(holds("iij->ji", {z}));
  EXPECT_TRUE(holds("ij,jk,kl,li->jk", {x, y, x, y}));
  EXPECT_TRUE(holds("...j,...j->...", {z, x}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& t) { return einsum("ij,kj->ik", t, t); }, {x}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& a, const Tensor& b) { return outer(a, b); },
                              {numbers({3}), numbers({2}, 1.0)}));
  EXPECT_TRUE(check_tensor_op([](const Tensor& a, const Tensor& b) { return dot(a, b); },
                              {numbers({3}), numbers({3}, 1.0)}));
  EXPECT_TRUE(check_tensor_op(
      [](const Tensor& a, const Tensor& b) {
        return tensordot(a, b, {1, 0}, {0, 1});
      },
      {x, y}));
}

TEST(Einsum, tensordot_dot_and_outer_are_those_of_numpy) {
  const Tensor x = numbers({2, 3, 4}), y = numbers({3, 4, 5}, 1.0);
  expect_near(tensordot(x, y), einsum("aij,ijb->ab", x, y), "two axes");
  expect_near(tensordot(x, numbers({4, 2}), 1), matmul(x, numbers({4, 2})), "one axis");
  EXPECT_EQ(tensordot(tensor({1, 2}), tensor({3, 4}), 0).values(), (Numbers{3, 4, 6, 8}));
  expect_near(tensordot(x, y, {-1, 1}, {1, 0}), einsum("aij,ijb->ab", x, y), "named axes");
  EXPECT_EQ(tensordot(tensor({1, 2}, f32), tensor({3, 4}, f32), 1).element(), f32);
  EXPECT_EQ(dot(tensor({1, 2, 3}), tensor({4, 5, 6})).item(), 32);
  EXPECT_EQ(dot(zeros({0}), zeros({0})).item(), 0);
  EXPECT_EQ(outer(tensor({1, 2}), tensor({3, 4, 5})).values(), (Numbers{3, 4, 5, 6, 8, 10}));
  EXPECT_EQ(said([&] { tensordot(x, y, {0}, {0}); }),
            "[tensordot] (2,3,4) x (3,4,5): axis 0 and axis 0 must have the same size");
  EXPECT_EQ(said([&] {
              tensordot(x, y, {0, 1}, {0});
            }),
            "[tensordot] (2,3,4) x (3,4,5): 2 axes of one and 1 of the other");
  EXPECT_EQ(said([&] { tensordot(x, y, 4); }), "[tensordot] (2,3,4) x (3,4,5): over 4 axes");
  EXPECT_EQ(said([&] {
              tensordot(x, y, {1, 1}, {0, 1});
            }),
            "[tensordot] axis 1 of the shape (2,3,4) is named twice");
  EXPECT_EQ(said([] { dot(zeros({2}), zeros({3})); }), "[dot] (2,) x (3,): sizes must agree");
  EXPECT_EQ(said([] {
              outer(zeros({2, 2}), zeros({3}));
            }),
            "[outer] (2,2) x (3,): two vectors are needed");
}

TEST(Einsum, mistakes_are_named_with_both_shapes) {
  const Tensor x = zeros({2, 3}), y = zeros({4, 5});
  EXPECT_EQ(said([&] { einsum("ij,jk->ik", x, y); }),
            "[einsum] ij,jk->ik: j is 3 in (2,3) and 4 in (4,5)");
  EXPECT_EQ(said([&] { einsum("ii", x); }), "[einsum] ii: i is 2 in (2,3) and 3 in (2,3)");
  EXPECT_EQ(said([&] { einsum("ijk->i", x); }), "[einsum] ijk->i: 'ijk' for the shape (2,3)");
  EXPECT_EQ(said([&] { einsum("i->i", x); }), "[einsum] i->i: 'i' for the shape (2,3)");
  EXPECT_EQ(said([&] { einsum("ij->k", x); }),
            "[einsum] ij->k: the output's k stands in no operand");
  EXPECT_EQ(said([&] { einsum("ij->ii", x); }), "[einsum] ij->ii: the output has i twice");
  EXPECT_EQ(said([&] { einsum("ij,kl", x); }), "[einsum] ij,kl: 2 terms for 1 tensor");
  EXPECT_EQ(said([&] { einsum("ij", x, y); }), "[einsum] ij: 1 terms for 2 tensors");
  EXPECT_EQ(said([&] { einsum("i1->i", x); }),
            "[einsum] i1->i: '1' is no letter, nor an ellipsis, comma or arrow");
  EXPECT_EQ(said([&] { einsum("i.j->i", x); }),
            "[einsum] i.j->i: '.' is no letter, nor an ellipsis, comma or arrow");
  EXPECT_EQ(said([&] { einsum("......", x); }),
            "[einsum] ......: '.' is no letter, nor an ellipsis, comma or arrow");
  EXPECT_EQ(said([&] { einsum("i...->i", x); }),
            "[einsum] i...->i: the output has no ellipsis, but that of the operands stands for 1 "
            "axes");
  EXPECT_EQ(said([&] { einsum("...,...", x, y); }),
            "[einsum] ...,...: an axis of the ellipsis is 2 in (2,3) and 4 in (4,5)");
  EXPECT_EQ(said([&] { einsum("", std::vector<Tensor>{}); }), "[einsum] : of no tensor at all");
}

}  // namespace
}  // namespace chainrule
