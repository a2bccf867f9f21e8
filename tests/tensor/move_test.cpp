// What moves numbers: shapes and values written by hand or computed by index, laws of the adjoints.
#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/move.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::check_tensor_op;
using Numbers = std::vector<double>;

// 0, 1, 2, … in that shape.
Tensor counted(const Shape& shape) {
  return reshape(arange(static_cast<double>(shape.size())), shape);
}

// Numbers of all signs, some distance from each other.
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

// ---- shapes -------------------------------------------------------------------------------------

TEST(TensorMove, squeeze_drops_axes_of_one_element_and_unsqueeze_makes_them) {
  const Tensor x = counted({1, 3, 1, 2});
  EXPECT_EQ(squeeze(x).shape(), (Shape{3, 2}));
  EXPECT_EQ(squeeze(x, 0).shape(), (Shape{3, 1, 2}));
  EXPECT_EQ(squeeze(x, -2).shape(), (Shape{1, 3, 2}));
  EXPECT_EQ(squeeze(x).values(), (Numbers{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(squeeze(counted({1, 1})).shape(), (Shape{}));
  EXPECT_EQ(unsqueeze(counted({3, 2}), 0).shape(), (Shape{1, 3, 2}));
  EXPECT_EQ(unsqueeze(counted({3, 2}), -1).shape(), (Shape{3, 2, 1}));
  EXPECT_EQ(unsqueeze(counted({3, 2}), -2).shape(), (Shape{3, 1, 2}));
  EXPECT_EQ(unsqueeze(Tensor(4.0), 0).shape(), (Shape{1}));
  EXPECT_EQ(said([&] { squeeze(x, 1); }),
            "[squeeze] axis 1 of the shape (1,3,1,2) has not the size 1");
  EXPECT_NE(said([&] { unsqueeze(x, 5); }).find("[unsqueeze] axis 5"), std::string::npos);
}

TEST(TensorMove, squeeze_of_strided_memory_copies_nothing) {
  const Tensor x = slice(counted({4, 1, 6}), 2, {0, 6, 2});
  const Tensor y = squeeze(x);
  EXPECT_EQ(y.strides()[0], 6);
  EXPECT_EQ(y.strides()[1], 2);
  EXPECT_EQ(y.values(), (Numbers{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22}));
  const Tensor turned = unsqueeze(transpose(counted({2, 3})), 1);
  EXPECT_EQ(turned.shape(), (Shape{3, 1, 2}));
  EXPECT_FALSE(turned.is_contiguous());
  EXPECT_EQ(turned.values(), (Numbers{0, 3, 1, 4, 2, 5}));
}

TEST(TensorMove, a_reshape_of_any_view_keeps_the_order_of_the_elements) {
  for (const Tensor& view :
       {transpose(counted({4, 6})), slice(counted({4, 12}), 1, {1, 12, 2}), flip(counted({4, 6})),
        broadcast_to(counted({6}), {4, 6}), permute(counted({2, 1, 3, 4}), {1, 3, 0, 2}),
        slice(counted({8, 6}), 0, {7, Range::kFromEnd, -2})}) {
    for (const Shape& shape : {Shape{24}, Shape{2, 12}, Shape{2, 2, 6}, Shape{1, 24, 1},
                               Shape{4, 1, 6}, Shape{2, 3, 4}, Shape{8, 3}, Shape{1, 4, 3, 1, 2}}) {
      EXPECT_EQ(reshape(view, shape).values(), view.values()) << to_string(shape);
    }
  }
}

// ---- parts --------------------------------------------------------------------------------------

TEST(TensorMove, flip_reverses_axes_without_copying) {
  const Tensor x = counted({2, 3});
  EXPECT_EQ(flip(x).values(), (Numbers{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(flip(x, 0).values(), (Numbers{3, 4, 5, 0, 1, 2}));
  EXPECT_EQ(flip(x, -1).values(), (Numbers{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(flip(x).strides()[1], -1);
  EXPECT_EQ(flip(zeros({0, 3})).shape(), (Shape{0, 3}));
  EXPECT_EQ(flip(Tensor(2.0)).item(), 2.0);
}

TEST(TensorMove, split_gives_equal_parts_or_parts_of_given_sizes) {
  const Tensor x = counted({2, 6});
  const auto thirds = split(x, 3, 1);
  ASSERT_EQ(thirds.size(), 3u);
  EXPECT_EQ(thirds[1].values(), (Numbers{2, 3, 8, 9}));
  const auto parts = split(x, {1, 0, 5}, -1);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].values(), (Numbers{0, 6}));
  EXPECT_EQ(parts[1].shape(), (Shape{2, 0}));
  EXPECT_EQ(parts[2].values(), (Numbers{1, 2, 3, 4, 5, 7, 8, 9, 10, 11}));
  EXPECT_EQ(said([&] { split(x, 4, 1); }),
            "[split] 4 equal parts of axis 1 of the shape (2,6): its size is no multiple");
  EXPECT_EQ(said([&] {
              split(x, {2, 3}, 1);
            }),
            "[split] sizes 2 + 3 do not fill axis 1 of the shape (2,6)");
  EXPECT_NE(said([&] { split(x, {7, -1}, 1); }), "nothing");
}

TEST(TensorMove, diagonals_with_offsets_are_views) {
  const Tensor x = counted({3, 4});
  EXPECT_EQ(diagonal(x).values(), (Numbers{0, 5, 10}));
  EXPECT_EQ(diagonal(x, 1).values(), (Numbers{1, 6, 11}));
  EXPECT_EQ(diagonal(x, 3).values(), (Numbers{3}));
  EXPECT_EQ(diagonal(x, 4).shape(), (Shape{0}));
  EXPECT_EQ(diagonal(x, 9).shape(), (Shape{0}));
  EXPECT_EQ(diagonal(x, -2).values(), (Numbers{8}));
  EXPECT_EQ(diagonal(x, -3).shape(), (Shape{0}));
  EXPECT_EQ(diagonal(x).strides()[0], 5);
  const Tensor batch = counted({2, 3, 3});
  EXPECT_EQ(diagonal(batch).values(), (Numbers{0, 4, 8, 9, 13, 17}));
  // As NumPy with its default axes 0 and 1: shape (3,2), xᵢᵢⱼ at (j, i).
  EXPECT_EQ(diagonal(batch, 0, 0, 1).shape(), (Shape{3, 2}));
  EXPECT_EQ(diagonal(batch, 0, 0, 1).values(), (Numbers{0, 12, 1, 13, 2, 14}));
  EXPECT_EQ(trace(batch).values(), (Numbers{12, 39}));
  EXPECT_EQ(trace(x, -1).item(), 13);
  EXPECT_EQ(said([&] { diagonal(x, 0, 1, -1); }),
            "[diagonal] axis 1 of the shape (3,4) is named twice");
  EXPECT_NE(said([&] { trace(counted({3})); }).find("[trace] axis -2"), std::string::npos);
}

// ---- new memory ---------------------------------------------------------------------------------

TEST(TensorMove, concatenate_joins_along_any_axis) {
  const Tensor x = counted({2, 2}), y = tensor({{7, 8, 9}, {4, 5, 6}});
  EXPECT_EQ(concatenate({x, y}, 1).shape(), (Shape{2, 5}));
  EXPECT_EQ(concatenate({x, y}, 1).values(), (Numbers{0, 1, 7, 8, 9, 2, 3, 4, 5, 6}));
  EXPECT_EQ(concatenate({x, transpose(x)}).values(), (Numbers{0, 1, 2, 3, 0, 2, 1, 3}));
  EXPECT_EQ(concatenate({x, zeros({2, 0}), x}, -1).values(), (Numbers{0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(concatenate({x}).values(), x.values());
  EXPECT_EQ(concatenate({x, ones({1, 2}, f32)}).element(), f64);
  EXPECT_EQ(concatenate({ones({1}, f32), ones({1}, f32)}).element(), f32);
  EXPECT_EQ(said([&] {
              concatenate({x, y});
            }),
            "[concatenate] (2,2) and (2,3) along axis 0: all other sizes must agree");
  EXPECT_EQ(said([&] {
              concatenate({x, counted({2})});
            }),
            "[concatenate] (2,2) and (2,) along axis 0: all other sizes must agree");
  EXPECT_NE(said([&] { concatenate({x, y}, 2); }).find("axis 2"), std::string::npos);
  EXPECT_NE(said([] { concatenate(std::vector<Tensor>{}); }).find("[concatenate]"),
            std::string::npos);
  EXPECT_NE(said([] { concatenate({Tensor(1.0), Tensor(2.0)}); }).find("stack"), std::string::npos);
}

TEST(TensorMove, stack_puts_tensors_side_by_side_along_a_new_axis) {
  const Tensor x = tensor({1, 2, 3}), y = tensor({4, 5, 6});
  EXPECT_EQ(stack({x, y}).values(), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(stack({x, y}).shape(), (Shape{2, 3}));
  EXPECT_EQ(stack({x, y}, 1).values(), (Numbers{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(stack({x, y}, -1).shape(), (Shape{3, 2}));
  EXPECT_EQ(stack({Tensor(1.0), Tensor(2.0)}).values(), (Numbers{1, 2}));
  EXPECT_EQ(said([&] {
              stack({x, tensor({1, 2})});
            }),
            "[stack] (3,) and (2,): the shapes must be the same");
  const Frame frame = Tape::active().frame();
  const Scalar s = variable(3.0, "s");
  const Tensor both = stack({Tensor(s), Tensor(s * s)});
  EXPECT_EQ(both.values(), (Numbers{3, 9}));
  EXPECT_EQ(gradient(sum(both), {Tensor(s)})[0].item(), 7);
}

TEST(TensorMove, pad_puts_a_number_around) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ(pad(x, {{1, 0}, {0, 2}}).values(), (Numbers{0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0}));
  EXPECT_EQ(pad(tensor({1}, f32), {{0, 1}}, 0.5).values(), (Numbers{1, 0.5}));
  EXPECT_EQ(pad(zeros({0}), {{1, 2}}, 7).values(), (Numbers{7, 7, 7}));
  EXPECT_FALSE(std::signbit(pad(x, {{1, 0}, {0, 2}}).values()[0]));
  EXPECT_EQ(said([&] { pad(x, {{1, 1}}); }), "[pad] 1 pairs for the shape (2,2)");
  EXPECT_EQ(said([&] {
              pad(x, {{0, 0}, {-1, 1}});
            }),
            "[pad] -1 and 1 elements at the ends of axis 1 of the shape (2,2)");
}

TEST(TensorMove, repeat_repeats_elements_and_tile_the_whole) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ(repeat(x, 2, 1).values(), (Numbers{1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(repeat(x, 2, 0).values(), (Numbers{1, 2, 1, 2, 3, 4, 3, 4}));
  EXPECT_EQ(repeat(x, {2, 1}, 0).values(), (Numbers{1, 2, 1, 2, 3, 4}));
  EXPECT_EQ(repeat(x, {0, 2}, -1).values(), (Numbers{2, 2, 4, 4}));
  EXPECT_EQ(repeat(x, 0, 0).shape(), (Shape{0, 2}));
  EXPECT_EQ(tile(tensor({1, 2}), {2}).values(), (Numbers{1, 2, 1, 2}));
  EXPECT_EQ(tile(tensor({1, 2}), {2, 2}).shape(), (Shape{2, 4}));
  EXPECT_EQ(tile(x, {1, 2}).values(), (Numbers{1, 2, 1, 2, 3, 4, 3, 4}));
  EXPECT_EQ(tile(x, {2}).values(), (Numbers{1, 2, 1, 2, 3, 4, 3, 4}));
  EXPECT_EQ(tile(x, {2, 1}).values(), (Numbers{1, 2, 3, 4, 1, 2, 3, 4}));
  EXPECT_EQ(tile(x, {0, 3}).shape(), (Shape{0, 6}));
  EXPECT_EQ(tile(counted({1, 1, 1, 1, 1, 1, 1, 2}), {2, 1, 1, 1, 1, 1, 1, 2}).values(),
            (Numbers{0, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(said([&] {
              repeat(x, {1, 2, 3}, 1);
            }),
            "[repeat] 3 counts for axis 1 of the shape (2,2)");
  EXPECT_NE(said([&] { repeat(x, -1, 1); }), "nothing");
  EXPECT_NE(said([&] { tile(x, {-1}); }), "nothing");
  EXPECT_NE(said([] {
              tile(zeros({1 << 30, 1 << 30}), {1 << 30});
            }).find("more elements"),
            std::string::npos);
}

TEST(TensorMove, roll_moves_elements_round) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(roll(x, 1, 1).values(), (Numbers{3, 1, 2, 6, 4, 5}));
  EXPECT_EQ(roll(x, -1, 1).values(), (Numbers{2, 3, 1, 5, 6, 4}));
  EXPECT_EQ(roll(x, 1, 0).values(), (Numbers{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(roll(x, 7, -1).values(), roll(x, 1, 1).values());
  EXPECT_EQ(roll(x, 0, 0).values(), x.values());
  EXPECT_EQ(roll(zeros({0}), 3, 0).shape(), (Shape{0}));
}

TEST(TensorMove, triangles_keep_one_side_of_a_diagonal) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(tril(x).values(), (Numbers{1, 0, 0, 4, 5, 0}));
  EXPECT_EQ(triu(x).values(), (Numbers{1, 2, 3, 0, 5, 6}));
  EXPECT_EQ(tril(x, 1).values(), (Numbers{1, 2, 0, 4, 5, 6}));
  EXPECT_EQ(triu(x, -5).values(), x.values());
  EXPECT_EQ(tril(x, -3).values(), (Numbers{0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(std::signbit(tril(x).values()[1]));
  EXPECT_EQ(tril(counted({2, 2, 2})).values(), (Numbers{0, 0, 2, 3, 4, 0, 6, 7}));
  EXPECT_EQ(tril(zeros({2, 0, 3})).shape(), (Shape{2, 0, 3}));
  EXPECT_EQ(diagonal_matrix(tensor({1, 2})).values(), (Numbers{1, 0, 0, 2}));
  EXPECT_EQ(diagonal_matrix(tensor({5}), -1).values(), (Numbers{0, 0, 5, 0}));
  EXPECT_EQ(diagonal_matrix(tensor({{1, 2}, {3, 4}})).shape(), (Shape{2, 2, 2}));
  EXPECT_FALSE(std::signbit(diagonal_matrix(tensor({1, 2})).values()[1]));
  EXPECT_EQ(said([] { tril(tensor({1, 2})); }), "[tril] a matrix is needed, but the shape is (2,)");
}

// ---- adjoints -----------------------------------------------------------------------------------

TEST(TensorMove, moves_obey_the_laws) {
  const auto square = [](const Tensor& x) { return x * x; };
  const Tensor x = numbers({3, 4}), y = numbers({2, 4}, 1.1);
  const auto holds = [&](auto move) {
    return check_tensor_op([=](const Tensor& t) { return move(square(t)); }, {x});
  };
  EXPECT_TRUE(holds([](const Tensor& t) { return squeeze(unsqueeze(t, 1)); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return flip(t, 1); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return flip(t); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return slice(t, 1, {3, 0, -2}); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return pick(t, 0, -1); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return diagonal(t, 1); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return diagonal_matrix(t, -1); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return trace(t); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return tril(t, -1); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return triu(t); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return pad(t, {{1, 0}, {2, 1}}, 3.0); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return roll(t, -3, 1); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return tile(t, {2, 1, 2}); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return repeat(t, 2, 0); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return repeat(t, {2, 0, 1, 1}, 1); }));
  EXPECT_TRUE(holds([](const Tensor& t) {
    const auto parts = split(t, {1, 3}, 1);
    return parts[0] * parts[1] + parts[1];
  }));
  EXPECT_TRUE(check_tensor_op(
      [](const Tensor& a, const Tensor& b) {
        return concatenate({a * a, b, a * 2.0}, 0);
      },
      {x, y}));
  EXPECT_TRUE(check_tensor_op(
      [](const Tensor& a, const Tensor& b) {
        return stack({a * b, b, sin(a)}, 1);
      },
      {y, numbers({2, 4}, 0.2)}));
}

TEST(TensorMove, of_parts_that_are_not_used_nothing_arrives_and_the_gradient_is_a_plain_zero) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(counted({2, 3}));
  for (const Tensor& y :
       {sum(slice(x, 1, {0, 1})), sum(pick(x, 0, 0)), sum(diagonal(x)), sum(tril(x)),
        Tensor(scalar(x, {1, 1})), sum(slice(x, 1, {0, 1})) + sum(transpose(slice(x, 1, {0, 1}))),
        sum(reshape(transpose(slice(x, 0, {0, 1})), {3}))}) {
    for (const double slope : gradient(y, {x})[0].values()) EXPECT_FALSE(std::signbit(slope));
    for (const double slope : recorded_gradient(y, {x})[0].values())
      EXPECT_FALSE(std::signbit(slope));
  }
}

TEST(TensorMove, a_root_of_zero_outside_of_the_part_that_is_used_makes_no_nan) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({{4, 0}, {0, 9}}));
  const Tensor root = sqrt(x);
  for (const Tensor& y : {sum(diagonal(root)), root(0, 0) + root(1, 1), sum(tril(triu(root)))}) {
    EXPECT_EQ(gradient(y, {x})[0].values()[0], 0.25);
    EXPECT_EQ(gradient(y, {x})[0].values()[1], 0);
    EXPECT_EQ(recorded_gradient(y, {x})[0].values()[2], 0);
  }
}

TEST(TensorMove, many_joined_tensors_keep_no_numbers_on_the_tape) {
  const Frame frame = Tape::active().frame();
  std::vector<Tensor> parts;
  for (int k = 0; k < 100; ++k) parts.push_back(variable(tensor({1.0 * k})) * 2.0);
  const Tensor joined = concatenate(parts);
  EXPECT_EQ(joined.size(), 100);
  const auto slopes = gradient(sum(joined * joined), {parts[40], parts[99]});
  EXPECT_EQ(slopes[0].item(), 160);
  EXPECT_EQ(slopes[1].item(), 396);
}

// n reads of one element each, of a tensor of n: 10⁴ dense adjoints would be 10⁹ additions.
TEST(TensorMove, a_loop_over_the_elements_of_a_tensor_costs_as_many_steps) {
  const Frame frame = Tape::active().frame();
  const std::int64_t n = 20000;
  const Tensor x = variable(arange(static_cast<double>(n)));
  Tensor y = 0.0;
  for (std::int64_t k = 0; k < n; ++k) y += pick(x, 0, k) * static_cast<double>(k % 3);
  const auto slopes = gradient(y, {x})[0].values();
  for (std::size_t k = 0; k < slopes.size(); ++k) ASSERT_EQ(slopes[k], static_cast<double>(k % 3));
}

}  // namespace
}  // namespace chainrule
