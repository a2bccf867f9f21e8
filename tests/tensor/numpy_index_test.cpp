// What NumPy 1.24 gave for these indices of numpy.arange(size).reshape(shape), which a random
// generator chose.
#include <gtest/gtest.h>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/index.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;
constexpr auto kOpen = Range::kFromEnd;

Tensor counted(const Shape& shape) {
  return reshape(arange(static_cast<double>(shape.size())), shape);
}

void expect_selected(const Shape& of, const IndexList& entries, const Shape& shape,
                     const Numbers& numbers) {
  const Tensor found = indexed(counted(of), entries);
  EXPECT_EQ(found.shape(), shape) << "of " << to_string(of);
  EXPECT_EQ(found.values(), numbers) << "of " << to_string(of);
}

// 100, 101, … written into the part, and added to it.
void expect_written(const Shape& of, const IndexList& entries, const Numbers& set,
                    const Numbers& added) {
  const Tensor x = counted(of);
  const Tensor y = counted(indexed(x, entries).shape()) + 100.0;
  EXPECT_EQ(Tensor(x).set(entries, y).values(), set) << "of " << to_string(of);
  EXPECT_EQ(Tensor(x).add_at(entries, y).values(), added) << "of " << to_string(of);
}

TEST(TensorIndexOfNumPy, selects_the_same) {
  expect_selected({2, 3, 2}, {tensor({-1}), tensor({-2, -1}), newaxis, 1}, {2, 1}, {9, 11});
  expect_selected({3, 2}, {ellipsis}, {3, 2}, {0, 1, 2, 3, 4, 5});
  expect_selected({1, 3, 2}, {Mask{tensor({{0, 0, 1}})}, tensor({-2, -2})}, {2}, {4, 4});
  expect_selected({2, 1, 2, 2}, {-1, ellipsis}, {1, 2, 2}, {4, 5, 6, 7});
  expect_selected({3}, {all}, {3}, {0, 1, 2});
  expect_selected({3}, {Mask{tensor({1, 0, 0})}}, {1}, {0});
  expect_selected({1, 3, 2}, {0, Range{1, kOpen, 1}, tensor({-1, 1})}, {2, 2}, {3, 5, 3, 5});
  expect_selected({3}, {Mask{tensor({0, 0, 0})}}, {0}, {});
  expect_selected({2, 2, 3}, {Range{kOpen, -1, 1}, Range{kOpen, kOpen, -1}, 2}, {1, 2}, {5, 2});
  expect_selected({3}, {newaxis, tensor({{-3}, {-3}})}, {1, 2, 1}, {0, 0});
  expect_selected({2, 2, 3}, {0, newaxis, tensor({-1, -2, 1})}, {3, 1, 3},
                  {3, 4, 5, 0, 1, 2, 3, 4, 5});
  expect_selected({2, 2, 3}, {0, Mask{tensor({1, 1})}, newaxis, Range{1, kOpen, 1}}, {2, 1, 2},
                  {1, 2, 4, 5});
  expect_selected({1, 3, 2}, {0, tensor({0, -1}), all}, {2, 2}, {0, 1, 4, 5});
  expect_selected({2, 1, 2, 2}, {1, -1, tensor({-1}), Range{2, 1, 1}}, {1, 0}, {});
  expect_selected({2, 2, 3}, {-2, Range{1, kOpen, 1}, tensor({-3})}, {1, 1}, {3});
  expect_selected({3, 2}, {Range{kOpen, -1, 1}, -1}, {2}, {1, 3});
  expect_selected({3, 2}, {Range{kOpen, kOpen, -1}, tensor({-2})}, {3, 1}, {4, 2, 0});
  expect_selected({2, 1, 2, 2},
                  {Mask{tensor({1, 1})}, Mask{tensor({1})}, all, Mask{tensor({1, 0})}}, {2, 2},
                  {0, 2, 4, 6});
  expect_selected({2, 3}, {newaxis}, {1, 2, 3}, {0, 1, 2, 3, 4, 5});
  expect_selected({2, 3, 2}, {newaxis, tensor({-2}), tensor({1, -2, -3}), tensor({{-1}, {-1}})},
                  {1, 2, 3}, {3, 3, 1, 3, 3, 1});
  expect_selected({1, 3, 2}, {Mask{tensor({0})}, all, ellipsis}, {0, 3, 2}, {});
  expect_selected({2, 2, 3}, {Mask{tensor({1, 1})}, tensor({-1, -1}), tensor({1, 1})}, {2},
                  {4, 10});
  expect_selected({2, 3, 2}, {tensor({0, 1}), ellipsis}, {2, 3, 2},
                  {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  expect_selected({2, 2, 3}, {Mask{tensor({{1, 1}, {1, 1}})}, 2}, {4}, {2, 5, 8, 11});
  expect_selected({2, 1, 2, 2}, {tensor({-1, 0}), tensor({{0}, {-1}}), tensor({{-2}, {0}})},
                  {2, 2, 2}, {4, 5, 0, 1, 4, 5, 0, 1});
  expect_selected({2, 1, 2, 2},
                  {newaxis, Range{-9, 9, 1}, newaxis, tensor({-1}), 0, Mask{tensor({0, 0})}},
                  {1, 2, 1, 0}, {});
  expect_selected({2, 2, 3}, {tensor({1}), tensor({-1, 1}), ellipsis}, {2, 3},
                  {9, 10, 11, 9, 10, 11});
  expect_selected({2, 1, 2, 2}, {tensor({-1, 1, -2}), ellipsis}, {3, 1, 2, 2},
                  {4, 5, 6, 7, 4, 5, 6, 7, 0, 1, 2, 3});
  expect_selected({3, 2}, {Mask{tensor({1, 1, 0})}, Mask{tensor({1, 0})}}, {2}, {0, 2});
  expect_selected({2, 2, 3}, {all, Range{1, kOpen, 1}, tensor({0, 2, -1})}, {2, 1, 3},
                  {3, 5, 5, 9, 11, 11});
  expect_selected({3, 2}, {newaxis, ellipsis}, {1, 3, 2}, {0, 1, 2, 3, 4, 5});
  expect_selected({2, 2, 3}, {1, tensor({-1, -2, -2}), ellipsis}, {3, 3},
                  {9, 10, 11, 6, 7, 8, 6, 7, 8});
  expect_selected({2, 1, 2, 2}, {tensor({1, -2}), tensor({0, -1}), tensor({{0}, {1}})}, {2, 2, 2},
                  {4, 5, 0, 1, 6, 7, 2, 3});
  expect_selected({3, 2}, {tensor({1, -3}), -2}, {2}, {2, 0});
  expect_selected({3}, {tensor({-1, -1, -1})}, {3}, {2, 2, 2});
  expect_selected({3}, {tensor({2, -1})}, {2}, {2, 2});
  expect_selected({3, 2}, {Range{0, 3, 2}, tensor({0, -2})}, {2, 2}, {0, 0, 4, 4});
  expect_selected({2, 3}, {Mask{tensor({{1, 1, 1}, {1, 0, 1}})}}, {5}, {0, 1, 2, 3, 5});
  expect_selected({3}, {tensor({1})}, {1}, {1});
  expect_selected({2, 3}, {tensor({{0}, {-1}}), tensor({-2, -1})}, {2, 2}, {1, 2, 4, 5});
  expect_selected({1, 3, 2}, {tensor({0}), tensor({-3, -3, -1}), Range{-1, 0, -1}}, {3, 1},
                  {1, 1, 5});
  expect_selected({3, 2}, {Range{kOpen, -1, 1}, Range{2, 1, 1}}, {2, 0}, {});
  expect_selected({1, 3, 2}, {all, -2, all}, {1, 2}, {2, 3});
  expect_selected({3}, {tensor({2, -3, -2})}, {3}, {2, 0, 1});
  expect_selected({2, 2, 3}, {Mask{tensor({{1, 0}, {1, 0}})}}, {2, 3}, {0, 1, 2, 6, 7, 8});
  expect_selected({2, 3, 2}, {newaxis, Range{-1, 0, -1}, Range{-1, 0, -1}, tensor({1, -2})},
                  {1, 1, 2, 2}, {11, 10, 9, 8});
  expect_selected({2, 1, 2, 2}, {-1, tensor({{0}, {0}}), 0, Mask{tensor({1, 0})}}, {2, 1}, {4, 4});
  expect_selected({1, 3, 2}, {tensor({-1, 0}), 1, Range{kOpen, -1, 1}}, {2, 1}, {2, 2});
  expect_selected({1, 3, 2}, {tensor({-1, 0, -1}), Range{kOpen, -1, 1}}, {3, 2, 2},
                  {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3});
  expect_selected({1, 3, 2}, {newaxis, Range{0, 1, 2}, tensor({-1, 1, 2}), 0}, {1, 1, 3},
                  {4, 2, 4});
  expect_selected({2, 1, 2, 2}, {Mask{tensor({1, 1})}, tensor({{-1}, {-1}}), -2, ellipsis},
                  {2, 2, 2}, {0, 1, 4, 5, 0, 1, 4, 5});
  expect_selected({3}, {Mask{tensor({0, 1, 0})}}, {1}, {1});
  expect_selected({2, 3}, {Range{2, 1, 1}, Range{2, 1, 1}}, {0, 0}, {});
  expect_selected({2, 1, 2, 2},
                  {tensor({-1, -2, -1}), tensor({0}), Range{kOpen, -1, 1}, tensor({{-2}, {1}})},
                  {2, 3, 1}, {4, 0, 4, 5, 1, 5});
  expect_selected({3, 2}, {tensor({-3, -1}), Range{1, kOpen, 1}}, {2, 1}, {1, 5});
  expect_selected({2, 3, 2}, {-2, ellipsis}, {3, 2}, {0, 1, 2, 3, 4, 5});
  expect_selected({2, 3, 2}, {tensor({{1}, {1}}), tensor({{-1}, {-3}}), tensor({{0}, {-2}})},
                  {2, 1}, {10, 6});
  expect_selected({2, 3}, {tensor({{0}, {0}})}, {2, 1, 3}, {0, 1, 2, 0, 1, 2});
  expect_selected({2, 3, 2}, {Mask{tensor({{0, 0, 1}, {0, 0, 0}})}, Mask{tensor({1, 1})}}, {2},
                  {4, 5});
  expect_selected({3, 2}, {2, Range{kOpen, kOpen, -1}}, {2}, {5, 4});
  expect_selected({2, 1, 2, 2}, {-2, tensor({-1, 0}), -1, Mask{tensor({1, 1})}}, {2}, {2, 3});
  expect_selected({2, 2, 3}, {tensor({{-2}, {-2}}), tensor({{-2}, {0}}), tensor({-3, -2})}, {2, 2},
                  {0, 1, 0, 1});
  expect_selected({1, 3, 2}, {Range{kOpen, kOpen, -1}, Mask{tensor({{1, 1}, {0, 0}, {1, 1}})}},
                  {1, 4}, {0, 1, 4, 5});
  expect_selected({2, 3, 2}, {Range{0, 2, 2}, newaxis, tensor({-2, 0, 0})}, {1, 1, 3, 2},
                  {2, 3, 0, 1, 0, 1});
  expect_selected({2, 3, 2}, {Mask{tensor({{1, 0, 1}, {1, 1, 1}})}, Range{1, kOpen, 1}}, {5, 1},
                  {1, 5, 7, 9, 11});
  expect_selected({2, 3, 2}, {Range{-9, 9, 1}, all, tensor({0, -2})}, {2, 3, 2},
                  {0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10});
  expect_selected({3}, {0}, {}, {0});
  expect_selected({2, 3}, {newaxis, Range{-1, 0, -1}, Mask{tensor({1, 0, 0})}}, {1, 1, 1}, {3});
  expect_selected({2, 2, 3}, {-1, -1, Range{-1, 0, -1}}, {2}, {11, 10});
  expect_selected({2, 1, 2, 2}, {Range{kOpen, kOpen, -1}, tensor({-1}), Range{-1, 0, -1}},
                  {2, 1, 1, 2}, {6, 7, 2, 3});
  expect_selected({2, 1, 2, 2}, {tensor({{-2}, {-1}}), -1, tensor({0, 1}), 0}, {2, 2},
                  {0, 2, 4, 6});
  expect_selected({2, 2, 3}, {1, 0, -2}, {}, {7});
  expect_selected({2, 2, 3}, {newaxis}, {1, 2, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  expect_selected({3, 2}, {-1}, {2}, {4, 5});
  expect_selected({3}, {tensor({0})}, {1}, {0});
  expect_selected({1, 3, 2}, {Mask{tensor({0})}, tensor({2}), ellipsis}, {0, 2}, {});
  expect_selected({2, 3, 2}, {tensor({0, -1})}, {2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  expect_selected({2, 3}, {Range{-1, 0, -1}}, {1, 3}, {3, 4, 5});
  expect_selected({1, 3, 2}, {Range{-9, 9, 1}, -3, tensor({-1, -2})}, {1, 2}, {1, 0});
  expect_selected({2, 3}, {tensor({-1, 0}), -3}, {2}, {3, 0});
  expect_selected({2, 3}, {tensor({-2}), all}, {1, 3}, {0, 1, 2});
  expect_selected({1, 3, 2}, {tensor({-1, 0}), tensor({{-1}, {0}}), Range{2, 1, 1}}, {2, 2, 0}, {});
  expect_selected({1, 3, 2}, {tensor({-1, -1}), Range{0, 3, 2}, Mask{tensor({1, 0})}}, {2, 2},
                  {0, 4, 0, 4});
  expect_selected({2, 1, 2, 2}, {ellipsis}, {2, 1, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  expect_selected({2, 3, 2}, {-1, tensor({1}), tensor({-2, 0})}, {2}, {8, 8});
  expect_selected({1, 3, 2}, {tensor({-1, 0}), newaxis, Range{-9, 9, 1}, newaxis}, {2, 1, 3, 1, 2},
                  {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5});
  expect_selected({2, 2, 3}, {all, 1, ellipsis}, {2, 3}, {3, 4, 5, 9, 10, 11});
  expect_selected({3, 2}, {tensor({2, -1}), Range{-9, 9, 1}}, {2, 2}, {4, 5, 4, 5});
  expect_selected({2, 3}, {tensor({-2, 0})}, {2, 3}, {0, 1, 2, 0, 1, 2});
  expect_selected({2, 3, 2}, {Range{-1, 0, -1}, 0, tensor({1, -1})}, {1, 2}, {7, 7});
}

TEST(TensorIndexOfNumPy, writes_the_same) {
  expect_written({3, 2}, {Range{-1, 0, -1}, tensor({{-1}, {1}})}, {0, 1, 2, 103, 4, 101},
                 {0, 1, 2, 208, 4, 206});
  expect_written({2, 3, 2}, {tensor({-2}), 2, 0}, {0, 1, 2, 3, 100, 5, 6, 7, 8, 9, 10, 11},
                 {0, 1, 2, 3, 104, 5, 6, 7, 8, 9, 10, 11});
  expect_written({3, 2}, {tensor({{-1}, {-2}}), Mask{tensor({0, 1})}}, {0, 1, 2, 101, 4, 100},
                 {0, 1, 2, 104, 4, 105});
  expect_written({3, 2}, {Range{-1, 0, -1}, Range{1, kOpen, 1}}, {0, 1, 2, 101, 4, 100},
                 {0, 1, 2, 104, 4, 105});
  expect_written({2, 2, 3}, {Mask{tensor({1, 1})}, -2, 1},
                 {0, 100, 2, 3, 4, 5, 6, 101, 8, 9, 10, 11},
                 {0, 101, 2, 3, 4, 5, 6, 108, 8, 9, 10, 11});
  expect_written({2, 2, 3}, {Range{1, kOpen, 1}, Mask{tensor({0, 1})}, tensor({2, 0})},
                 {0, 1, 2, 3, 4, 5, 6, 7, 8, 101, 10, 100},
                 {0, 1, 2, 3, 4, 5, 6, 7, 8, 110, 10, 111});
  expect_written({2, 1, 2, 2}, {Mask{tensor({1, 1})}, tensor({0, -1})},
                 {100, 101, 102, 103, 104, 105, 106, 107},
                 {100, 102, 104, 106, 108, 110, 112, 114});
  expect_written({2, 3, 2}, {0, newaxis, Range{kOpen, -1, 1}, tensor({0, 1, 0})},
                 {104, 102, 105, 103, 4, 5, 6, 7, 8, 9, 10, 11},
                 {204, 103, 208, 106, 4, 5, 6, 7, 8, 9, 10, 11});
  expect_written({2, 2, 3}, {ellipsis},
                 {100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111},
                 {100, 102, 104, 106, 108, 110, 112, 114, 116, 118, 120, 122});
  expect_written({1, 3, 2}, {0, tensor({-1, 1, -2}), tensor({-1, 0, -2})}, {0, 1, 102, 3, 4, 100},
                 {0, 1, 205, 3, 4, 105});
  expect_written({2, 3, 2}, {tensor({-2}), 2, ellipsis}, {0, 1, 2, 3, 100, 101, 6, 7, 8, 9, 10, 11},
                 {0, 1, 2, 3, 104, 106, 6, 7, 8, 9, 10, 11});
  expect_written({2, 3, 2}, {Range{0, 2, 2}, tensor({2, 0}), tensor({0, -2})},
                 {101, 1, 2, 3, 100, 5, 6, 7, 8, 9, 10, 11},
                 {101, 1, 2, 3, 104, 5, 6, 7, 8, 9, 10, 11});
  expect_written({3}, {tensor({1, -1})}, {0, 100, 101}, {0, 101, 103});
  expect_written({2, 3, 2}, {newaxis}, {100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111},
                 {100, 102, 104, 106, 108, 110, 112, 114, 116, 118, 120, 122});
  expect_written({3}, {tensor({-3, 1, 2})}, {100, 101, 102}, {100, 102, 104});
  expect_written({2, 3}, {-1, -2}, {0, 1, 2, 3, 100, 5}, {0, 1, 2, 3, 104, 5});
  expect_written({3, 2}, {Mask{tensor({1, 1, 0})}, ellipsis}, {100, 101, 102, 103, 4, 5},
                 {100, 102, 104, 106, 4, 5});
  expect_written({3}, {ellipsis}, {100, 101, 102}, {100, 102, 104});
  expect_written({2, 3, 2}, {1, newaxis, tensor({-3}), Range{1, kOpen, 1}},
                 {0, 1, 2, 3, 4, 5, 6, 100, 8, 9, 10, 11},
                 {0, 1, 2, 3, 4, 5, 6, 107, 8, 9, 10, 11});
  expect_written({2, 2, 3}, {0, ellipsis}, {100, 101, 102, 103, 104, 105, 6, 7, 8, 9, 10, 11},
                 {100, 102, 104, 106, 108, 110, 6, 7, 8, 9, 10, 11});
  expect_written({1, 3, 2}, {Range{0, 1, 2}, tensor({{1}, {-1}}), Range{1, kOpen, 1}},
                 {0, 1, 2, 100, 4, 101}, {0, 1, 2, 103, 4, 106});
  expect_written({2, 1, 2, 2}, {1, tensor({-1, -1}), tensor({0, 1}), newaxis, 1},
                 {0, 1, 2, 3, 4, 100, 6, 101}, {0, 1, 2, 3, 4, 105, 6, 108});
  expect_written({2, 3, 2}, {tensor({-1, -1, -2}), tensor({2}), 0},
                 {0, 1, 2, 3, 102, 5, 6, 7, 8, 9, 101, 11},
                 {0, 1, 2, 3, 106, 5, 6, 7, 8, 9, 211, 11});
  expect_written({2, 2, 3}, {Range{-9, 9, 1}, Range{1, kOpen, 1}, Range{kOpen, kOpen, -1}},
                 {0, 1, 2, 102, 101, 100, 6, 7, 8, 105, 104, 103},
                 {0, 1, 2, 105, 105, 105, 6, 7, 8, 114, 114, 114});
  expect_written({2, 3}, {1, tensor({{-3}, {1}})}, {0, 1, 2, 100, 101, 5}, {0, 1, 2, 103, 105, 5});
  expect_written({1, 3, 2}, {Mask{tensor({1})}, tensor({{-3}, {2}}), tensor({0})},
                 {100, 1, 2, 3, 101, 5}, {100, 1, 2, 3, 105, 5});
  expect_written({3, 2}, {tensor({-3, -1})}, {100, 101, 2, 3, 102, 103},
                 {100, 102, 2, 3, 106, 108});
  expect_written({2, 3}, {-1, tensor({-2})}, {0, 1, 2, 3, 100, 5}, {0, 1, 2, 3, 104, 5});
  expect_written({1, 3, 2}, {all}, {100, 101, 102, 103, 104, 105}, {100, 102, 104, 106, 108, 110});
  expect_written({3, 2}, {newaxis, newaxis, all, Range{0, 2, 2}}, {100, 1, 101, 3, 102, 5},
                 {100, 1, 103, 3, 106, 5});
  expect_written({2, 2, 3}, {tensor({0, 0}), Range{0, 2, 2}},
                 {103, 104, 105, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                 {203, 206, 209, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  expect_written({2, 3, 2}, {1, Range{-9, 9, 1}, 0}, {0, 1, 2, 3, 4, 5, 100, 7, 101, 9, 102, 11},
                 {0, 1, 2, 3, 4, 5, 106, 7, 109, 9, 112, 11});
  expect_written({3, 2}, {newaxis, tensor({-1, 1}), all}, {0, 1, 102, 103, 100, 101},
                 {0, 1, 104, 106, 104, 106});
  expect_written({3}, {newaxis, ellipsis}, {100, 101, 102}, {100, 102, 104});
  expect_written({2, 2, 3}, {tensor({{1}, {-1}}), -2, tensor({2})},
                 {0, 1, 2, 3, 4, 5, 6, 7, 101, 9, 10, 11},
                 {0, 1, 2, 3, 4, 5, 6, 7, 209, 9, 10, 11});
  expect_written({1, 3, 2}, {-1, tensor({0, -3, -3}), Range{0, 2, 2}}, {102, 1, 2, 3, 4, 5},
                 {303, 1, 2, 3, 4, 5});
  expect_written({1, 3, 2}, {-1, tensor({-1, 0}), newaxis, 1}, {0, 101, 2, 3, 4, 100},
                 {0, 102, 2, 3, 4, 105});
  expect_written({2, 1, 2, 2},
                 {Range{-9, 9, 1}, tensor({{-1}, {-1}}), Range{0, 2, 2}, tensor({0, -1, -2})},
                 {110, 108, 2, 3, 111, 109, 6, 7}, {420, 211, 2, 3, 428, 217, 6, 7});
  expect_written({2, 3, 2}, {Mask{tensor({1, 0})}, Range{-9, 9, 1}, tensor({-1, -1})},
                 {0, 103, 2, 104, 4, 105, 6, 7, 8, 9, 10, 11},
                 {0, 204, 2, 208, 4, 212, 6, 7, 8, 9, 10, 11});
  expect_written({2, 3}, {-2, Range{1, kOpen, 1}}, {0, 100, 101, 3, 4, 5}, {0, 101, 103, 3, 4, 5});
}

}  // namespace
}  // namespace chainrule
