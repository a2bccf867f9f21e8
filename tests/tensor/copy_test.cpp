// Copies of views: the elements and their order, whatever the strides are.
#include <gtest/gtest.h>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"

namespace chainrule {
namespace {

TEST(TensorCopy, of_any_order_of_axes_has_each_element_in_its_place) {
  const std::vector<std::vector<std::int64_t>> orders = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  // Around the 32 elements of a tile, and far from it.
  for (const Shape& shape :
       {Shape{2, 3, 5}, Shape{3, 40, 70}, Shape{33, 32, 31}, Shape{65, 2, 64}}) {
    for (const Precision element : {f64, f32}) {
      const Tensor x = cast(reshape(arange(static_cast<double>(shape.size())), shape), element);
      for (const auto& order : orders) {
        const Tensor view = permute(x, order), copy = contiguous(view);
        ASSERT_TRUE(copy.is_contiguous());
        const auto numbers = copy.values();
        std::size_t next = 0;
        std::int64_t index[3];
        for (index[0] = 0; index[0] < copy.size(0); ++index[0]) {
          for (index[1] = 0; index[1] < copy.size(1); ++index[1]) {
            for (index[2] = 0; index[2] < copy.size(2); ++index[2]) {
              std::int64_t from[3];
              for (std::size_t k = 0; k < 3; ++k) from[order[k]] = index[k];
              const std::int64_t place = (from[0] * shape[1] + from[1]) * shape[2] + from[2];
              ASSERT_EQ(numbers[next++], static_cast<double>(place));
            }
          }
        }
      }
    }
  }
}

TEST(TensorCopy, of_a_slice_of_a_transposed_view) {
  const Tensor x = reshape(arange(80 * 90), Shape{80, 90});
  const Tensor copy = contiguous(slice(transpose(x), 0, {5, 75, 2}));
  ASSERT_EQ(copy.shape(), (Shape{35, 80}));
  for (std::int64_t i = 0; i < 35; ++i) {
    for (std::int64_t j = 0; j < 80; ++j)
      ASSERT_EQ(copy.at({i, j}), static_cast<double>(j * 90 + 5 + 2 * i));
  }
}

}  // namespace
}  // namespace chainrule
