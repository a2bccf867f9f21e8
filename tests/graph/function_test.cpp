// Functions: recorded once, replayed for any inputs.
#include "chainrule/graph/function.hpp"

#include <gtest/gtest.h>

#include "chainrule/chainrule.hpp"
#include "chainrule/op/reductions.hpp"
#include "chainrule/tape/inspect.hpp"

namespace chainrule {
namespace {

template <class S>
struct Vec3 {
  S x, y, z;
};
template <class S>
auto fields(Vec3<S>& v) {
  return std::tie(v.x, v.y, v.z);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Function, gives_what_the_code_gives_for_other_inputs) {
  const Function f = record([](Scalar x, Scalar y) { return sin(x * y) + x; }, 1.0, 2.0);
  EXPECT_EQ(f(1.0, 2.0)[0], std::sin(2.0) + 1);
  EXPECT_EQ(f(-3.0, 0.5)[0], std::sin(-1.5) - 3);
  EXPECT_EQ(f.inputs(), 2u);
  EXPECT_EQ(f.outputs(), 1u);
}

TEST(Function, takes_scalars_spans_arrays_and_structs_as_groups_of_inputs) {
  const Function f = record(
      [](Scalar a, std::span<const Scalar> v, const std::array<Scalar, 2>& w,
         const Vec3<Scalar>& p) { return a * v[0] + v[1] * v[2] + w[0] * w[1] + p.x * p.y * p.z; },
      1.0, shape(3), std::array<double, 2>{}, Vec3<double>{1, 1, 1});
  EXPECT_EQ(f.inputs(), 9u);
  ASSERT_EQ(f.arguments().size(), 4u);
  EXPECT_EQ(f.arguments()[1].example.size(), 3u);
  EXPECT_EQ(f(2.0, std::vector<double>{3, 4, 5}, std::array{6.0, 7.0}, Vec3<double>{1, 2, 3})[0],
            6 + 20 + 42 + 6);
  EXPECT_EQ(f.trace().graph.name_of(f.trace().inputs[2]), "x1[1]");
}

TEST(Function, gives_any_number_of_outputs_also_ones_that_are_inputs_numbers_or_the_same) {
  const Function f = record(
      [](Scalar x) {
        return std::vector<Scalar>{x, 3.0, x * x, x * 2.0, x};
      },
      1.0);
  EXPECT_EQ(f(5.0), (std::vector<double>{5, 3, 25, 10, 5}));
}

TEST(Function, keeps_what_the_outputs_need_and_nothing_else) {
  const Function f = record(
      [](Scalar x) {
        const Scalar unused = exp(x) * 7.0;
        static_cast<void>(unused);
        return x * 2.0 + 2.0;
      },
      1.0);
  EXPECT_EQ(f.trace().graph.operations().size(), 2u);
  EXPECT_EQ(f.trace().graph.constants().size(), 1u);  // the 2 is pooled
}

TEST(Function, keeps_labels_and_source_lines) {
  const int line = __LINE__ + 1;
  const Function f = record([](Scalar x) { return Scalar(x * 3.0).label("triple"); }, 1.0);
  const Graph& graph = f.trace().graph;
  const Vertex triple = f.trace().outputs[0];
  EXPECT_EQ(graph.name_of(triple), "triple");
  EXPECT_EQ(graph.line_of(triple).line, static_cast<std::uint32_t>(line));
  EXPECT_NE(graph.files()[graph.line_of(triple).file].find("function_test.cpp"), std::string::npos);
}

TEST(Function, replays_a_ternary_operation_and_every_comparison) {
  const Function f = record(
      [](Scalar x, Scalar y) {
        return std::vector<Scalar>{fma(x, y, 1.0), select(x < y, x, y), Scalar(x == y),
                                   Scalar(x >= y) + Scalar(!(x > y))};
      },
      1.0, 2.0);
  EXPECT_EQ(f(3.0, 2.0), (std::vector<double>{7, 2, 0, 1}));
  EXPECT_EQ(f(2.0, 2.0), (std::vector<double>{5, 2, 1, 2}));
  EXPECT_EQ(f.variants(), 1u) << "nothing was decided";
}

TEST(Function, of_wrong_counts_is_refused_with_the_numbers) {
  const Function f =
      record([](Scalar x, std::span<const Scalar> v) { return x + v[0]; }, 1.0, shape(2));
  EXPECT_EQ(message_of([&] { f(1.0); }), "[replay] the function has 2 arguments, but 1 were given");
  EXPECT_EQ(message_of([&] {
              f(1.0, std::vector<double>{1, 2, 3});
            }),
            "[replay] the argument x1 has 2 numbers, but 3 were given");
  EXPECT_EQ(message_of([&] { f(std::span<const double>()); }),
            "[replay] the function has 3 inputs, but 0 were given");
}

TEST(Function, refuses_a_captured_scalar_from_outside) {
  const Scalar w = variable(2.0, "w");
  EXPECT_NE(message_of([&] {
              record([&](Scalar x) { return x * w; }, 1.0);
            }).find("comes from outside of the code that is recorded"),
            std::string::npos);
  const Function by_value = record([k = w.value()](Scalar x) { return x * k; }, 1.0);
  EXPECT_EQ(by_value(3.0)[0], 6.0);
}

TEST(Function, leaves_the_active_tape_alone_also_when_the_code_throws) {
  const std::size_t before = Tape::active().size();
  record([](Scalar x) { return x * x; }, 1.0);
  EXPECT_THROW(record(
                   [](Scalar x) -> Scalar {
                     throw std::runtime_error("no");
                     return x;
                   },
                   1.0),
               std::runtime_error);
  EXPECT_EQ(Tape::active().size(), before);
  const Scalar y = variable(2.0);
  EXPECT_EQ((y * y).value(), 4.0);
}

TEST(Function, called_on_Scalars_is_recorded_and_differentiated) {
  const Function f = record([](Scalar x, Scalar y) { return x * x * y; }, 1.0, 1.0);
  const Scalar a = variable(3.0), b = variable(5.0);
  const Scalar z = f(std::vector<Scalar>{a, b})[0] * 2.0;
  EXPECT_EQ(z.value(), 90.0);
  EXPECT_EQ(gradient(z, {a, b}), (std::vector<double>{60, 18}));
}

TEST(Function, calls_another_one_inside_of_its_code) {
  const Function inner = record([](Scalar x) { return x > 0.0 ? x * x : -x; }, 1.0);
  const Function outer =
      record([inner](Scalar x) { return inner(std::vector<Scalar>{x * 2.0})[0] + 1.0; }, 1.0);
  EXPECT_EQ(outer(3.0)[0], 37.0);
  EXPECT_EQ(outer(-3.0)[0], 7.0);
  EXPECT_EQ(outer(3.0)[0], 37.0);
}

TEST(Function, in_rows_equals_one_at_a_time_whatever_the_count) {
  const Function f = record(
      [](Scalar x, Scalar y) {
        if (x > y) return std::vector<Scalar>{x * y, exp(x)};
        return std::vector<Scalar>{select(x > 0.0, sqrt(x), y), hypot(x, y)};
      },
      1.0, 2.0);
  for (const std::size_t count : {0u, 1u, 7u, 8u, 63u, 64u, 65u, 200u}) {
    std::vector<double> in, out(2 * count), expected;
    for (std::size_t k = 0; k < 2 * count; ++k) in.push_back(std::sin(static_cast<double>(7 * k)));
    for (std::size_t k = 0; k < count; ++k) {
      const auto z = f(in[2 * k], in[2 * k + 1]);
      expected.insert(expected.end(), z.begin(), z.end());
    }
    f.rows(in, out);
    EXPECT_EQ(out, expected) << count;
  }
  std::vector<double> wrong(3), out(2);
  EXPECT_THROW(f.rows(wrong, out), Error);
}

TEST(Function, of_a_chain_of_a_million_operations_is_recorded_and_replayed) {
  constexpr int kLength = 1'000'000;
  const Function f = record(
      [](Scalar x) {
        Scalar y = x;
        for (int k = 0; k < kLength; ++k) y = y + x;
        return y;
      },
      1.0);
  EXPECT_EQ(f(2.0)[0], 2.0 * (kLength + 1));
}

TEST(Function, keeps_logsumexp_right_where_another_term_is_the_largest) {
  const Function f =
      record([](const std::vector<Scalar>& x) { return logsumexp(std::span<const Scalar>(x)); },
             std::vector<double>{1, 2, 3});
  const auto truth = [](std::vector<double> x) { return logsumexp(std::span<const double>(x)); };
  for (const std::vector<double>& x :
       {std::vector<double>{3, 2, 1}, {-900, -901, -1000}, {700, 710, 720}, {0, 0, 0}}) {
    EXPECT_NEAR(f(x)[0], truth(x), 1e-14 * std::abs(truth(x)));
  }
  EXPECT_EQ(f.variants(), 1u);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(f(std::vector<double>{-kInfinity, -kInfinity, -kInfinity})[0], -kInfinity);
  EXPECT_EQ(f(std::vector<double>{-kInfinity, 1, -kInfinity})[0], 1.0);
}

}  // namespace
}  // namespace chainrule
