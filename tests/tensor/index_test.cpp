// Indexing: what is selected, as NumPy selects it; what is written, and what arrives where.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "chainrule/tensor/index.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule {
namespace {

using laws::check_tensor_op;
using Numbers = std::vector<double>;

Tensor counted(const Shape& shape) {
  return reshape(arange(static_cast<double>(shape.size())), shape);
}
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

// ---- views --------------------------------------------------------------------------------------

TEST(TensorIndex, integers_ranges_ellipsis_and_new_axes_select_as_in_numpy) {
  const Tensor x = counted({2, 3, 4});
  EXPECT_EQ(x(1, 2, 3).item(), 23);
  EXPECT_EQ(x(1, 2, 3).shape(), (Shape{}));
  EXPECT_EQ(x(-1, -3).values(), (Numbers{12, 13, 14, 15}));
  EXPECT_EQ(x(0, all, Range{1, 3}).values(), (Numbers{1, 2, 5, 6, 9, 10}));
  EXPECT_EQ(x(0, all, Range{1, 3}).shape(), (Shape{3, 2}));
  EXPECT_EQ(x(ellipsis, 0).values(), (Numbers{0, 4, 8, 12, 16, 20}));
  EXPECT_EQ(x(0, ellipsis, 1).values(), (Numbers{1, 5, 9}));
  EXPECT_EQ(x(1, ellipsis, 1, 1).item(), 17);
  EXPECT_EQ(x(ellipsis, newaxis).shape(), (Shape{2, 3, 4, 1}));
  EXPECT_EQ(x(newaxis, 0, newaxis, all, 2, newaxis).shape(), (Shape{1, 1, 3, 1}));
  EXPECT_EQ(x(newaxis, 0, newaxis, all, 2, newaxis).values(), (Numbers{2, 6, 10}));
  EXPECT_EQ(x(all, Range{2, Range::kFromEnd, -1}, 0).values(), (Numbers{8, 4, 0, 20, 16, 12}));
  EXPECT_EQ(x(all, Range{5, 9}).shape(), (Shape{2, 0, 4}));
  EXPECT_EQ(x(Range{-1}, Range{-100, 100}, Range{0, -1, 2}).values(),
            (Numbers{12, 14, 16, 18, 20, 22}));
  EXPECT_EQ(x(all, Range{0, 3, INT64_MAX}, 0).values(), (Numbers{0, 12}));
  EXPECT_EQ(x(all, Range{Range::kFromEnd, Range::kFromEnd, INT64_MIN}, 0).values(),
            (Numbers{8, 20}));
  EXPECT_EQ(indexed(x, {1, all, 0}).values(), (Numbers{12, 16, 20}));
  EXPECT_EQ(Tensor(3.0)(ellipsis).item(), 3);
  EXPECT_EQ(Tensor(3.0)(newaxis).shape(), (Shape{1}));
}

TEST(TensorIndex, an_index_of_integers_and_ranges_shares_the_memory) {
  const Tensor x = counted({4, 6});
  const Tensor y = x(Range{1, 4, 2}, Range{5, 0, -2});
  EXPECT_EQ(y.strides()[0], 12);
  EXPECT_EQ(y.strides()[1], -2);
  EXPECT_EQ(x(2).span<double>().data(), x.span<double>().data() + 12);
}

TEST(TensorIndex, what_is_out_of_range_is_named) {
  const Tensor x = counted({2, 3});
  EXPECT_EQ(said([&] { x(2); }), "[index] index 2 of axis 0 of the shape (2,3)");
  EXPECT_EQ(said([&] { x(0, -4); }), "[index] index -4 of axis 1 of the shape (2,3)");
  EXPECT_EQ(said([&] { x(0, 0, 0); }), "[index] 3 axes are indexed of the shape (2,3)");
  EXPECT_EQ(said([&] { x(ellipsis, ellipsis); }), "[index] more than one ellipsis");
  EXPECT_EQ(said([&] { x(Range{0, 1, 0}); }), "[index] a step of 0");
  EXPECT_EQ(said([&] { x(tensor({0, 2})); }), "[index] place 2 of axis 0 of the shape (2,3)");
  EXPECT_EQ(said([&] { x(tensor({0.5})); }), "[index] place 0.5 is no whole number");
  EXPECT_EQ(said([&] { x(tensor({std::nan("")})); }),
            "[index] place nan of axis 0 of the shape (2,3)");
  EXPECT_EQ(said([&] {
              x(tensor({0, 1}), tensor({0, 1, 2}));
            }),
            "[index] (2,) and (3,) cannot be broadcast together: sizes are equal, or one of them "
            "is 1");
  EXPECT_EQ(
      said([&] {
        x(Mask{tensor({1, 0, 1})});
      }),
      "[index] a mask of shape (3,) at axis 0 of the shape (2,3): the sizes must be the same");
  EXPECT_EQ(said([&] { zeros({0, 3})(0); }), "[index] index 0 of axis 0 of the shape (0,3)");
  EXPECT_EQ(said([&] { take(x, tensor({3}), 1); }), "[take] place 3 of axis 1 of the shape (2,3)");
  EXPECT_EQ(said([&] {
              x(newaxis, Range{0, 1}, tensor({-4}));
            }),
            "[index] place -4 of axis 1 of the shape (2,3)");
  EXPECT_EQ(said([&] {
              Tensor(x).add_at({Range{0, 1}, tensor({5})}, 1.0);
            }),
            "[add_at] place 5 of axis 1 of the shape (2,3)");
  EXPECT_EQ(said([&] { embedding(x, tensor({7})); }),
            "[embedding] place 7 of axis 0 of the shape (2,3)");
}

// ---- places -------------------------------------------------------------------------------------

TEST(TensorIndex, tensors_of_places_select_along_their_axes) {
  const Tensor x = counted({3, 4});
  EXPECT_EQ(x(tensor({2, 0, -1})).values(), (Numbers{8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11}));
  EXPECT_EQ(x(all, tensor({{1, 1}, {0, 3}})).shape(), (Shape{3, 2, 2}));
  EXPECT_EQ(x(all, tensor({3, 0})).values(), (Numbers{3, 0, 7, 4, 11, 8}));
  EXPECT_EQ(x(tensor({0, 2}), tensor({1, 3})).values(), (Numbers{1, 11}));
  // Broadcast: a column of rows and a row of columns.
  EXPECT_EQ(x(tensor({{0}, {2}}), tensor({1, 3})).values(), (Numbers{1, 3, 9, 11}));
  EXPECT_EQ(x(1, tensor({1, 3})).values(), (Numbers{5, 7}));
  EXPECT_EQ(x(tensor({0, 1}), -1).values(), (Numbers{3, 7}));
  EXPECT_EQ(x(Range{1, 3}, tensor({0, 2})).values(), (Numbers{4, 6, 8, 10}));
  EXPECT_EQ(x(tensor(std::span<const double>())).shape(), (Shape{0, 4}));
  EXPECT_EQ(x(tensor({1, 2}, f32)).element(), f64);
  EXPECT_EQ(cast(x, f32)(tensor({1, 2})).element(), f32);
}

// NumPy: places next to each other stay where their axes were, places that are parted go in front;
// an integer beside them is one of them.
TEST(TensorIndex, the_axes_of_places_stand_where_numpy_puts_them) {
  const Tensor x = counted({2, 3, 4, 5});
  const Tensor i = tensor({0, 1, 1, 0, 1, 0}), j = tensor({0, 2, 1, 0, 1, 2});
  EXPECT_EQ(x(all, j, tensor({3, 0, 1, 2, 3, 0})).shape(), (Shape{2, 6, 5}));
  EXPECT_EQ(x(i, all, tensor({3, 0, 1, 2, 3, 0})).shape(), (Shape{6, 3, 5}));
  EXPECT_EQ(x(0, all, j).shape(), (Shape{6, 3, 5}));
  EXPECT_EQ(x(all, 0, all, j).shape(), (Shape{6, 2, 4}));
  EXPECT_EQ(x(all, 0, j).shape(), (Shape{2, 6, 5}));
  EXPECT_EQ(x(all, all, j).shape(), (Shape{2, 3, 6, 5}));
  EXPECT_EQ(x(newaxis, i, all).shape(), (Shape{1, 6, 3, 4, 5}));
  EXPECT_EQ(x(i, newaxis, j).shape(), (Shape{6, 1, 4, 5}));
  const Tensor parted = x(i, all, tensor({3, 0, 1, 2, 3, 0}));
  EXPECT_EQ(parted.at({1, 2, 4}), x.at({1, 2, 0, 4}));
  EXPECT_EQ(parted.at({4, 0, 2}), x.at({1, 0, 3, 2}));
  const Tensor together = x(all, j, tensor({3, 0, 1, 2, 3, 0}));
  EXPECT_EQ(together.at({1, 1, 4}), x.at({1, 2, 0, 4}));
}

TEST(TensorIndex, a_mask_selects_where_it_holds) {
  const Tensor x = tensor({{1, -2, 3}, {-4, 5, -6}});
  EXPECT_EQ(x(Mask{x > 0.0}).values(), (Numbers{1, 3, 5}));
  EXPECT_EQ(x(Mask{tensor({0, 1})}).values(), (Numbers{-4, 5, -6}));
  EXPECT_EQ(x(Mask{tensor({0, 1})}).shape(), (Shape{1, 3}));
  EXPECT_EQ(x(all, Mask{tensor({1, 0, 1})}).values(), (Numbers{1, 3, -4, -6}));
  EXPECT_EQ(x(Mask{x > 9.0}).shape(), (Shape{0}));
  EXPECT_EQ(argwhere(x > 0.0).values(), (Numbers{0, 0, 0, 2, 1, 1}));
  EXPECT_EQ(argwhere(x > 9.0).shape(), (Shape{0, 2}));
  EXPECT_EQ(said([&] { x(Mask{Tensor(1.0)}); }),
            "[index] a mask of shape () selects along no axis");
}

TEST(TensorIndex, take_and_embedding_read_rows_and_gather_lines_by_their_own_places) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(take(x, tensor({2, 0}), 1).values(), (Numbers{3, 1, 6, 4}));
  EXPECT_EQ(take(x, tensor({{1}, {0}}), 0).shape(), (Shape{2, 1, 3}));
  EXPECT_EQ(take(x, Tensor(1.0), -1).values(), (Numbers{2, 5}));
  EXPECT_EQ(embedding(x, tensor({{1, 0}})).values(), (Numbers{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(gather(x, 1, tensor({{2, 0}, {1, 1}})).values(), (Numbers{3, 1, 5, 5}));
  EXPECT_EQ(gather(x, 0, tensor({{1, 0, 1}})).values(), (Numbers{4, 2, 6}));
  EXPECT_EQ(gather(x, -1, tensor({{-1}})).values(), (Numbers{3}));
  EXPECT_EQ(
      scatter_add(zeros({2, 3}), 1, tensor({{2, 2}, {0, 1}}), tensor({{1, 2}, {3, 4}})).values(),
      (Numbers{0, 0, 3, 3, 4, 0}));
  EXPECT_EQ(said([&] {
              gather(x, 1, tensor({{0}, {0}, {0}}));
            }),
            "[gather] (2,3) with places of shape (3,1) along axis 1: of other axes places have as "
            "many elements or fewer");
  EXPECT_EQ(said([&] { gather(x, 1, tensor({{3}})); }),
            "[gather] place 3 of axis 1 of the shape (2,3)");
  EXPECT_EQ(said([&] {
              scatter_add(x, 1, tensor({{0}}), tensor({{1, 2}}));
            }),
            "[scatter_add] numbers of shape (1,2) with places of shape (1,1): there is one place "
            "for each");
}

TEST(TensorIndex, selections_obey_the_laws) {
  const Tensor x = numbers({3, 4}), places = tensor({2, 0, 2, 1});
  const auto holds = [&](auto select) {
    return check_tensor_op([=](const Tensor& t) { return select(t * t); }, {x});
  };
  EXPECT_TRUE(holds([](const Tensor& t) { return t(1); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return t(Range{2, 0, -1}, newaxis, 2); }));
  EXPECT_TRUE(holds([](const Tensor& t) { return t(newaxis, ellipsis); }));
  EXPECT_TRUE(holds([=](const Tensor& t) { return t(places); }));
  EXPECT_TRUE(holds([=](const Tensor& t) { return t(all, places); }));
  EXPECT_TRUE(holds([=](const Tensor& t) { return t(places, tensor({3, 3, 3, 0})); }));
  EXPECT_TRUE(holds([=](const Tensor& t) { return t(Mask{tensor({1, 0, 1})}, Range{1, 3}); }));
  EXPECT_TRUE(holds([=](const Tensor& t) { return take(t, tensor({{1, 1}, {0, 3}}), -1); }));
  EXPECT_TRUE(holds([=](const Tensor& t) { return gather(t, 1, tensor({{0, 0, 3}, {1, 2, 1}})); }));
  EXPECT_TRUE(check_tensor_op(
      [](const Tensor& t, const Tensor& y) {
        return scatter_add(t, 1, tensor({{0, 0}, {3, 1}}), y * y);
      },
      {x, numbers({2, 2})}));
}

TEST(TensorIndex, rows_of_a_table_that_are_read_twice_get_both_adjoints_and_the_others_none) {
  const Frame frame = Tape::active().frame();
  const Tensor table = variable(cast(counted({4, 2}), f32));
  const Tensor read = embedding(table, tensor({{1, 3}, {1, 1}}));
  const Tensor slope = gradient(sum(read * tensor({{{1}, {10}}, {{100}, {1000}}})), {table})[0];
  EXPECT_EQ(slope.element(), f32);
  EXPECT_EQ(slope.values(), (Numbers{0, 0, 1101, 1101, 0, 0, 10, 10}));
  EXPECT_FALSE(std::signbit(slope.values()[0]));
}

// ---- writing ------------------------------------------------------------------------------------

TEST(TensorIndex, parts_are_set_and_copies_keep_their_numbers) {
  Tensor x = zeros({2, 3});
  const Tensor before = x;
  x.set({0, Range{1, 3}}, tensor({5, 6}));
  x.set(1, 7.0);
  EXPECT_EQ(x.values(), (Numbers{0, 5, 6, 7, 7, 7}));
  EXPECT_EQ(before.values(), (Numbers{0, 0, 0, 0, 0, 0}));
  x.set({all, -1}, tensor({1, 2}));
  EXPECT_EQ(x.values(), (Numbers{0, 5, 1, 7, 7, 2}));
  x.add_at({ellipsis}, 1.0);
  EXPECT_EQ(x.values(), (Numbers{1, 6, 2, 8, 8, 3}));
  x.set({Range{1, Range::kFromEnd, -1}, 0}, tensor({-1, -2}));
  EXPECT_EQ(x.values(), (Numbers{-2, 6, 2, -1, 8, 3}));
  x.set(all, tensor({4, 5, 6}));
  EXPECT_EQ(x.values(), (Numbers{4, 5, 6, 4, 5, 6}));
  EXPECT_EQ(zeros({2}).set({1}, 3.0).values(), (Numbers{0, 3}));
  EXPECT_EQ(said([&] {
              x.set({0}, tensor({1, 2}));
            }),
            "[set] (2,) and (3,) cannot be broadcast together: sizes are equal, or one of them is "
            "1");
  EXPECT_EQ(said([&] {
              x.set({0, 0}, tensor({1, 2}));
            }),
            "[set] (2,) into a part of shape () of a tensor of shape (2,3)");
  EXPECT_EQ(said([&] { x.set({2}, 0.0); }), "[index] index 2 of axis 0 of the shape (2,3)");
  EXPECT_EQ(said([&] {
              x.set({tensor({0, 2})}, 0.0);
            }),
            "[set] place 2 of axis 0 of the shape (2,3)");
  EXPECT_EQ(x.values(), (Numbers{4, 5, 6, 4, 5, 6}));
}

TEST(TensorIndex, places_are_set_the_last_one_counts_and_add_at_adds_each) {
  Tensor x = zeros({3, 2});
  x.set({tensor({2, 0, 2})}, tensor({{1, 1}, {2, 2}, {3, 3}}));
  EXPECT_EQ(x.values(), (Numbers{2, 2, 0, 0, 3, 3}));
  x.add_at({tensor({0, 0, 1})}, 1.0);
  EXPECT_EQ(x.values(), (Numbers{4, 4, 1, 1, 3, 3}));
  x.set({all, tensor({1})}, tensor({{7}, {8}, {9}}));
  EXPECT_EQ(x.values(), (Numbers{4, 7, 1, 8, 3, 9}));
  x.set({Range{1, 3}, tensor({1, 0})}, tensor({{-1, -2}, {-3, -4}}));
  EXPECT_EQ(x.values(), (Numbers{4, 7, -2, -1, -4, -3}));
  x.set({tensor({0, 1}), tensor({1, 0})}, tensor({50, 60}));
  EXPECT_EQ(x.values(), (Numbers{4, 50, 60, -1, -4, -3}));
  x.set(Mask{x < 0.0}, 0.0);
  EXPECT_EQ(x.values(), (Numbers{4, 50, 60, 0, 0, 0}));
  x.set(Mask{x > 9.0}, tensor({1, 2}));
  EXPECT_EQ(x.values(), (Numbers{4, 1, 2, 0, 0, 0}));
  x.set(Mask{tensor({0, 0, 1})}, tensor({5, 6}));
  EXPECT_EQ(x.values(), (Numbers{4, 1, 2, 0, 5, 6}));
  x.add_at({1, tensor({0, 0, 0})}, tensor({1, 2, 3}));
  EXPECT_EQ(x.values(), (Numbers{4, 1, 8, 0, 5, 6}));
}

TEST(TensorIndex, a_tensor_keeps_its_element_type_when_it_is_written) {
  Tensor x = zeros({2}, f32);
  x.set({0}, tensor({0.1})(0));
  EXPECT_EQ(x.element(), f32);
  EXPECT_EQ(x.values()[0], static_cast<double>(0.1f));
}

TEST(TensorIndex, updates_obey_the_laws) {
  const Tensor x = numbers({3, 4}), row = numbers({4}, 1.3), one = numbers({1}, 0.2);
  const auto holds = [&](auto change, const Tensor& y) {
    return check_tensor_op(
        [=](const Tensor& t, const Tensor& v) {
          Tensor z = t * t;
          change(z, v * v);
          return z * z;
        },
        {x, y});
  };
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.set({1}, v); }, row));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.set({Range{0, 3, 2}}, v); }, row));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.set({all, Range{3, 0, -1}}, v); }, one));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.set(all, v); }, row));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.add_at({Range{1, 3}}, v); }, row));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.add_at(all, v); }, row));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.set({tensor({2, 0})}, v); }, row));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.set({tensor({2, 0, 2})}, v); }, row));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.add_at({tensor({2, 0, 2})}, v); }, row));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.set({all, tensor({1, 3})}, v); }, one));
  EXPECT_TRUE(holds(
      [](Tensor& z, const Tensor& v) {
        z.add_at({Range{0, 2}, tensor({1, 1})}, v);
      },
      one));
  EXPECT_TRUE(holds([](Tensor& z, const Tensor& v) { z.set(Mask{tensor({1, 0, 1})}, v); }, row));
  EXPECT_TRUE(holds(
      [](Tensor& z, const Tensor& v) {
        z.set(Mask{tensor({0, 1, 1})}, stack({v, 2.0 * v}));
      },
      row));
  EXPECT_TRUE(holds(
      [](Tensor& z, const Tensor& v) {
        z.add_at(Mask{counted({3, 4}) > 4.5}, v);
      },
      one));
}

TEST(TensorIndex, a_loop_that_sets_element_by_element_differentiates_as_its_unrolled_program) {
  const Frame frame = Tape::active().frame();
  const Tensor p = variable(Tensor(0.7));
  const int n = 6;
  Tensor a = zeros({n});
  std::vector<Tensor> unrolled(n, Tensor(0.0));
  a.set({0}, p);
  unrolled[0] = p;
  for (int i = 1; i < n; ++i) {
    a.set({i}, sin(a(i - 1)) + p * p);
    unrolled[static_cast<std::size_t>(i)] = sin(unrolled[static_cast<std::size_t>(i - 1)]) + p * p;
  }
  const Tensor y = sum(a * a);
  Tensor z = 0.0;
  for (const Tensor& number : unrolled) z += number * number;
  EXPECT_NEAR(y.item(), z.item(), 1e-15);
  EXPECT_NEAR(gradient(y, {p})[0].item(), gradient(z, {p})[0].item(), 1e-13);
  const Tensor first = recorded_gradient(y, {p})[0], other = recorded_gradient(z, {p})[0];
  EXPECT_NEAR(gradient(first, {p})[0].item(), gradient(other, {p})[0].item(), 1e-11);
}

TEST(TensorIndex, what_is_overwritten_gets_nothing_even_where_its_slope_is_infinite) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({0, 4}));
  Tensor root = sqrt(x);
  root.set({0}, 1.0);
  EXPECT_EQ(gradient(sum(root), {x})[0].values(), (Numbers{0, 0.25}));
  EXPECT_EQ(recorded_gradient(sum(root), {x})[0].values(), (Numbers{0, 0.25}));
  Tensor other = sqrt(x);
  other.set({tensor({0})}, 1.0);
  EXPECT_EQ(gradient(sum(other), {x})[0].values(), (Numbers{0, 0.25}));
  EXPECT_EQ(recorded_gradient(sum(other), {x})[0].values(), (Numbers{0, 0.25}));
}

TEST(TensorIndex, what_was_computed_before_a_write_keeps_its_numbers_and_its_gradient) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({1, 2, 3}));
  Tensor a = x * 2.0;
  const Tensor square = a * a;
  const Tensor view = a(Range{0, 2});
  a.set({0}, 100.0);
  EXPECT_EQ(square.values(), (Numbers{4, 16, 36}));
  EXPECT_EQ(view.values(), (Numbers{2, 4}));
  EXPECT_EQ(gradient(sum(square), {x})[0].values(), (Numbers{8, 16, 24}));
  EXPECT_EQ(gradient(sum(view), {x})[0].values(), (Numbers{2, 2, 0}));
  EXPECT_EQ(gradient(sum(a), {x})[0].values(), (Numbers{0, 2, 2}));
  Tensor e = exp(x);  // its pullback reads its result
  e.set({1}, 0.0);
  EXPECT_NEAR(gradient(sum(e), {x})[0].values()[0], std::exp(1.0), 1e-15);
  // From itself.
  Tensor s = x * 1.0;
  s.set({Range{0, 2}}, s(Range{1, 3}));
  EXPECT_EQ(s.values(), (Numbers{2, 3, 3}));
  EXPECT_EQ(gradient(sum(s * tensor({1, 10, 100})), {x})[0].values(), (Numbers{0, 1, 110}));
}

TEST(TensorIndex, backward_through_writes_leaves_the_right_grads_everywhere) {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({1, 2, 3}));
  Tensor a = x * 2.0;
  const Tensor before = a;
  const Tensor v = variable(Tensor(5.0));
  a.set({1}, v);
  const Tensor after = a;
  sum(a * a).backward();
  EXPECT_EQ(after.grad().values(), (Numbers{4, 10, 12}));
  EXPECT_EQ(before.grad().values(), (Numbers{4, 0, 12}));
  EXPECT_EQ(v.grad().item(), 10);
  EXPECT_EQ(x.grad().values(), (Numbers{8, 0, 24}));
}

// Forwards and backwards in the memory of one array: copying it in each step would move 64 GB.
TEST(TensorIndex, a_loop_of_writes_costs_as_many_steps_as_it_has) {
  const Frame frame = Tape::active().frame();
  const std::int64_t n = 60000;
  const Tensor p = variable(Tensor(0.5));
  Tensor a = zeros({n});
  a.set({0}, p);
  for (std::int64_t i = 1; i < n; ++i) a.set({i}, a(i - 1) * 0.5 + p);
  // aᵢ = p (2 − 2⁻ⁱ), so that ∂Σa/∂p = 2n − 2 (1 − 2⁻ⁿ).
  EXPECT_NEAR(gradient(sum(a), {p})[0].item(), 2.0 * static_cast<double>(n) - 2.0, 1e-6);
  Tensor b = zeros({n});
  for (std::int64_t i = 0; i < n; ++i) b.add_at({i}, p);
  EXPECT_EQ(gradient(sum(b), {p})[0].item(), static_cast<double>(n));
}

// Programs of random reads, writes, copies and views, against arrays of numbers on the tape.
TEST(TensorIndex, random_programs_of_writes_agree_with_arrays_of_numbers) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t n) { return random() % n; };
    const Frame frame = Tape::active().frame();
    constexpr std::size_t kSize = 5, kArrays = 3;
    const Tensor x = variable(numbers({static_cast<std::int64_t>(kSize)}, 0.1 * seed));
    std::vector<Tensor> tensors;
    std::vector<std::vector<Scalar>> arrays;
    for (std::size_t k = 0; k < kArrays; ++k) {
      tensors.push_back(k == 0 ? x : x * static_cast<double>(k));
      std::vector<Scalar> numbers_of = scalars(x);
      if (k != 0)
        for (Scalar& s : numbers_of) s = s * static_cast<double>(k);
      arrays.push_back(numbers_of);
    }
    for (int step = 0; step < 20; ++step) {
      const std::size_t to = below(kArrays), from = below(kArrays);
      const std::size_t i = below(kSize), j = below(kSize);
      const auto place = static_cast<std::int64_t>(i), other = static_cast<std::int64_t>(j);
      switch (below(7)) {
        case 0:
          tensors[to].set({place}, sin(tensors[from](other)));
          arrays[to][i] = sin(arrays[from][j]);
          break;
        case 1:
          tensors[to].add_at({place}, tensors[from](other) * tensors[to](other));
          arrays[to][i] += arrays[from][j] * arrays[to][j];
          break;
        case 2:
          tensors[to] = tensors[from];
          arrays[to] = arrays[from];
          break;
        case 3: {
          tensors[to].set({Range{1, 4}}, tensors[from](Range{3, 0, -1}));
          const auto copy = arrays[from];
          for (std::size_t k = 1; k < 4; ++k) arrays[to][k] = copy[4 - k];
          break;
        }
        case 4:
          tensors[to].add_at({tensor({1.0 * static_cast<double>(i), 1.0 * static_cast<double>(j)})},
                             tensors[from](other));
          {
            const Scalar v = arrays[from][j];
            arrays[to][i] += v;
            arrays[to][j] += v;
          }
          break;
        case 5:
          tensors[to].set({tensor({static_cast<double>(i), static_cast<double>(j)})},
                          tensors[from](Range{0, 2}));
          {
            const Scalar first = arrays[from][0], second = arrays[from][1];
            arrays[to][i] = first;
            arrays[to][j] = second;
          }
          break;
        case 6:
          tensors[to] = tensors[to] * tensors[from];
          {
            const auto copy = arrays[from];
            for (std::size_t k = 0; k < kSize; ++k) arrays[to][k] = arrays[to][k] * copy[k];
          }
          break;
      }
    }
    Tensor y = 0.0;
    Scalar z = 0.0;
    for (std::size_t k = 0; k < kArrays; ++k) {
      const double weight = 1.0 + static_cast<double>(k);
      y += sum(tensors[k] * weight);
      for (const Scalar& number : arrays[k]) z += number * weight;
    }
    const auto found = gradient(y, {x})[0].values();
    const auto expected = gradient(Tensor(z), {x})[0].values();
    const auto recorded = recorded_gradient(y, {x})[0].values();
    for (std::size_t k = 0; k < kSize; ++k) {
      const double bound = 1e-11 * (1 + std::fabs(expected[k]));
      ASSERT_NEAR(found[k], expected[k], bound) << "seed " << seed;
      ASSERT_NEAR(recorded[k], expected[k], bound) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace chainrule
