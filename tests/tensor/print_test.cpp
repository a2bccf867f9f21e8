// to_string(Tensor): what NumPy prints. Most strings are NumPy's own expectations
// (numpy/_core/tests/test_arrayprint.py) and examples of its manual, with print()'s blanks for
// repr()'s commas.
#include <cmath>
#include <limits>

#include "chainrule/tensor/body_internal.hpp"

namespace chainrule {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::string printed(std::initializer_list<double> numbers, Precision element = f64) {
  const std::vector<double> all(numbers);
  return to_string(converted(tensor(std::span<const double>(all)), element));
}

Tensor counted(const Shape& shape, Precision element = f64) {
  const Tensor t = arange(static_cast<double>(shape.size()), element);
  return make_view(t, shape, dense_strides(shape));
}

std::string times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

TEST(Rows, share_their_digits_and_drop_zeros_at_the_end) {
  EXPECT_EQ(printed({1, 2, 3}), "[1. 2. 3.]");
  EXPECT_EQ(printed({1.5, 0, 1.234567890}), "[1.5        0.         1.23456789]");
  EXPECT_EQ(printed({1, 2, -10}), "[  1.   2. -10.]");
  EXPECT_EQ(printed({100, 2, -1}), "[100.   2.  -1.]");
  EXPECT_EQ(printed({-100, 2, 1}), "[-100.    2.    1.]");
  EXPECT_EQ(printed({0}), "[0.]");
  EXPECT_EQ(printed({-0.0}), "[-0.]");
  EXPECT_EQ(printed({0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}),
            "[0.  0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1. ]");
}

TEST(Rows, show_eight_digits_behind_the_point_at_most) {
  EXPECT_EQ(printed({0.2918820979355541, 0.5064172631089138, 0.2848750619642916, 0.4342965294660567,
                     0.7326538397312751, 0.3459503329096204}),
            "[0.2918821  0.50641726 0.28487506 0.43429653 0.73265384 0.34595033]");
  EXPECT_EQ(printed({0.999999999, 0.5}), "[1.  0.5]");
  EXPECT_EQ(printed({1.0 / 3}), "[0.33333333]");
  // Of floats as many as tell them apart.
  EXPECT_EQ(printed({1.0 / 3, 0.1, 1}, f32), "[0.33333334 0.1        1.        ]");
}

TEST(Rows, are_scientific_where_magnitudes_lie_far_apart) {
  EXPECT_EQ(printed({1.234e9}), "[1.234e+09]");
  EXPECT_EQ(printed({1.234e1, 1e2, 1e123}), "[1.234e+001 1.000e+002 1.000e+123]");
  EXPECT_EQ(printed({1, 1e5, 1e10, 1e15, 1e20}), "[1.e+00 1.e+05 1.e+10 1.e+15 1.e+20]");
  EXPECT_EQ(printed({1e23}), "[1.e+23]");
  // Each rule at its border: below 1e8, not below 1e-4, at most 1000 times the least.
  EXPECT_EQ(printed({99999999}), "[99999999.]");
  EXPECT_EQ(printed({1e8}), "[1.e+08]");
  EXPECT_EQ(printed({1e-4}), "[0.0001]");
  EXPECT_EQ(printed({9.9e-5}), "[9.9e-05]");
  EXPECT_EQ(printed({1, 1000, 0}), "[   1. 1000.    0.]");
  EXPECT_EQ(printed({1, 1001, 0}), "[1.000e+00 1.001e+03 0.000e+00]");
  EXPECT_EQ(printed({1e-4}, f32), "[0.0001]");
  EXPECT_EQ(printed({-1.0 / 3, 1e-9}), "[-3.33333333e-01  1.00000000e-09]");
}

TEST(Rows, align_what_is_no_number) {
  EXPECT_EQ(printed({kNan, kInf}), "[nan inf]");
  EXPECT_EQ(printed({kNan, -kInf}), "[ nan -inf]");
  EXPECT_EQ(printed({1, kNan}), "[ 1. nan]");
  EXPECT_EQ(printed({1.25, kNan, kInf}), "[1.25  nan  inf]");
  EXPECT_EQ(printed({1, -kInf}), "[  1. -inf]");
  EXPECT_EQ(printed({kInf, 1.12, -1e120}), "[       inf  1.12e+000 -1.00e+120]");
}

TEST(Rows, are_broken_before_the_75th_character) {
  EXPECT_EQ(to_string(arange(20)),
            "[ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14. 15. 16. 17.\n"
            " 18. 19.]");
  EXPECT_EQ(printed({1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11}),
            "[1.e+00 1.e+01 1.e+02 1.e+03 1.e+04 1.e+05 1.e+06 1.e+07 1.e+08 1.e+09\n"
            " 1.e+10 1.e+11]");
  // Each bracket costs two characters of a line: one that opens, and one that may have to close.
  const std::string zero = "0. ", row = "0.";
  EXPECT_EQ(to_string(zeros({1, 25})), "[[" + times(23, zero) + row + "\n  0.]]");
  EXPECT_EQ(to_string(zeros({1, 1, 25})), "[[[" + times(22, zero) + row + "\n   0. 0.]]]");
  // Blanks in front of a break are dropped.
  std::vector<double> halves(30, 1.0);
  halves[0] = 0.5;
  EXPECT_EQ(to_string(tensor(std::span<const double>(halves))),
            "[0.5 1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1.\n"
            " 1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1.  1. ]");
}

TEST(Arrays, stand_in_nested_brackets) {
  EXPECT_EQ(to_string(eye(3)), "[[1. 0. 0.]\n [0. 1. 0.]\n [0. 0. 1.]]");
  EXPECT_EQ(to_string(counted({2, 2, 3})),
            "[[[ 0.  1.  2.]\n  [ 3.  4.  5.]]\n\n [[ 6.  7.  8.]\n  [ 9. 10. 11.]]]");
  EXPECT_EQ(to_string(zeros({2, 1, 2, 1})), "[[[[0.]\n   [0.]]]\n\n\n [[[0.]\n   [0.]]]]");
  EXPECT_EQ(to_string(counted({1, 1, 1, 1, 1, 1, 1, 1})), "[[[[[[[[0.]]]]]]]]");
}

TEST(Arrays, of_more_than_a_thousand_are_summarised) {
  EXPECT_EQ(to_string(zeros({1001})), "[0. 0. 0. ... 0. 0. 0.]");
  EXPECT_EQ(to_string(zeros({1000})).find("..."), std::string::npos);
  EXPECT_EQ(to_string(arange(10000)),
            "[0.000e+00 1.000e+00 2.000e+00 ... 9.997e+03 9.998e+03 9.999e+03]");
  EXPECT_EQ(to_string(counted({100, 100})),
            "[[0.000e+00 1.000e+00 2.000e+00 ... 9.700e+01 9.800e+01 9.900e+01]\n"
            " [1.000e+02 1.010e+02 1.020e+02 ... 1.970e+02 1.980e+02 1.990e+02]\n"
            " [2.000e+02 2.010e+02 2.020e+02 ... 2.970e+02 2.980e+02 2.990e+02]\n"
            " ...\n"
            " [9.700e+03 9.701e+03 9.702e+03 ... 9.797e+03 9.798e+03 9.799e+03]\n"
            " [9.800e+03 9.801e+03 9.802e+03 ... 9.897e+03 9.898e+03 9.899e+03]\n"
            " [9.900e+03 9.901e+03 9.902e+03 ... 9.997e+03 9.998e+03 9.999e+03]]");
  // A short axis is shown whole; only what is shown decides the format.
  EXPECT_EQ(to_string(counted({2, 501}, f32)),
            "[[0.000e+00 1.000e+00 2.000e+00 ... 4.980e+02 4.990e+02 5.000e+02]\n"
            " [5.010e+02 5.020e+02 5.030e+02 ... 9.990e+02 1.000e+03 1.001e+03]]");
  EXPECT_EQ(to_string(zeros({8, 1, 200})),
            "[[[0. 0. 0. ... 0. 0. 0.]]\n\n [[0. 0. 0. ... 0. 0. 0.]]\n\n"
            " [[0. 0. 0. ... 0. 0. 0.]]\n\n ...\n\n [[0. 0. 0. ... 0. 0. 0.]]\n\n"
            " [[0. 0. 0. ... 0. 0. 0.]]\n\n [[0. 0. 0. ... 0. 0. 0.]]]");
  Tensor hidden = zeros({2000});
  hidden.writable<double>()[1000] = 1e99;
  EXPECT_EQ(to_string(hidden), "[0. 0. 0. ... 0. 0. 0.]");
}

TEST(Arrays, may_be_views_of_any_strides) {
  const Tensor t = counted({2, 3});
  EXPECT_EQ(to_string(make_view(t, {3, 2}, {1, 3})), "[[0. 3.]\n [1. 4.]\n [2. 5.]]");
  EXPECT_EQ(to_string(make_view(t, {2, 2}, {0, -1}, 5)), "[[5. 4.]\n [5. 4.]]");
}

TEST(Arrays, without_elements_are_brackets) {
  EXPECT_EQ(to_string(Tensor()), "[]");
  EXPECT_EQ(to_string(zeros({0, 3})), "[]");
  EXPECT_EQ(to_string(zeros({3, 0, 2})), "[]");
}

TEST(SingleNumbers, are_printed_as_numbers) {
  EXPECT_EQ(to_string(full({}, 2)), "2.0");
  EXPECT_EQ(to_string(Tensor(-0.5)), "-0.5");
  EXPECT_EQ(to_string(full({}, 1.1234567891234568)), "1.1234567891234568");
  EXPECT_EQ(to_string(full({}, 0.1, f32)), "0.1");
  EXPECT_EQ(to_string(full({}, 1e-4)), "0.0001");
  EXPECT_EQ(to_string(full({}, 1e-5)), "1e-05");
  EXPECT_EQ(to_string(full({}, 1.5e-7)), "1.5e-07");
  EXPECT_EQ(to_string(full({}, 1e15)), "1000000000000000.0");
  EXPECT_EQ(to_string(full({}, 1e16)), "1e+16");
  EXPECT_EQ(to_string(full({}, 1e100)), "1e+100");
  // A float's digits end where they tell it from its neighbours.
  EXPECT_EQ(to_string(full({}, 123456789, f32)), "123456790.0");
  EXPECT_EQ(to_string(full({}, -16777216, f32)), "-16777216.0");
  EXPECT_EQ(to_string(full({}, kNan)), "nan");
  EXPECT_EQ(to_string(full({}, -kInf, f32)), "-inf");
}

TEST(Printing, of_what_has_no_numbers_names_its_type) {
  EXPECT_EQ(to_string(make_symbolic({f32, {3, 4}})), "f32(3,4)");
}

TEST(Printing, takes_the_longest_numbers_there_are) {
  EXPECT_EQ(printed({std::numeric_limits<double>::denorm_min()}), "[5.e-324]");
  EXPECT_EQ(printed({-std::numeric_limits<double>::max()}), "[-1.79769313e+308]");
  EXPECT_EQ(to_string(full({}, std::numeric_limits<double>::denorm_min())), "5e-324");
  EXPECT_EQ(to_string(full({}, -std::numeric_limits<double>::max())), "-1.7976931348623157e+308");
  EXPECT_EQ(printed({1e-45, 3.4028235e38}, f32), "[1.0000000e-45 3.4028235e+38]");
}

}  // namespace
}  // namespace chainrule
