// What a Kernel refuses, and what it says; and what is small, empty or large but allowed.
#include <gtest/gtest.h>

#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"
#include "tests/emit/kernels.hpp"
#include "tests/support/small_stack.hpp"

namespace chainrule {
namespace {

using namespace test;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// (x0, x1[2]) in, two numbers out.
Function two_arguments() {
  return record(
      [](Scalar x, const std::vector<Scalar>& y) { return std::pair(x * y[0], x + y[1]); }, 1.0,
      shape(2));
}

class Misuse : public testing::TestWithParam<Backend> {
 protected:
  Kernel kernel_ = compile(two_arguments(), {.backend = GetParam()});
  std::vector<double> numbers_ = std::vector<double>(12, 1.0);
  std::vector<double> out_ = std::vector<double>(8);
};

INSTANTIATE_TEST_SUITE_P(, Misuse, testing::ValuesIn(backends()),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST_P(Misuse, wrong_counts_of_one_point_say_both) {
  EXPECT_EQ(message_of([&] { kernel_({1.0}); }),
            "[replay] the function has 3 inputs, but 1 were given");
  EXPECT_NE(message_of([&] { kernel_.evaluate(std::span(numbers_).first(3), out_); }), "");
}

TEST_P(Misuse, arguments_of_another_shape_say_both) {
  EXPECT_EQ(message_of([&] {
              kernel_(std::vector{1.0, 2.0}, 3.0);
            }),
            "[replay] the argument x0 has 1 numbers, but 2 were given");
  EXPECT_EQ(message_of([&] { kernel_(1.0, 2.0, 3.0); }),
            "[replay] the function has 2 arguments, but 3 were given");
}

TEST_P(Misuse, map_says_what_does_not_fit) {
  const std::span<const double> in(numbers_);
  EXPECT_EQ(message_of([&] { kernel_.map({}, in.first(11), out_); }),
            "[kernel] 11 numbers are no rows of 3");
  EXPECT_EQ(message_of([&] { kernel_.map({}, in, std::span(out_).first(7)); }),
            "[kernel] 7 numbers for the outputs of 4 rows, which have 8");
  EXPECT_EQ(message_of([&] { kernel_.map(in.first(2), in, out_); }),
            "[kernel] 2 shared numbers are not the first arguments as a whole: these have 1");
  EXPECT_EQ(message_of([&] { kernel_.map(in.first(4), in, out_); }),
            "[kernel] 4 shared numbers are not the first arguments as a whole: these have 3");
  EXPECT_EQ(message_of([&] { kernel_.sum(in.first(1), in.first(5)); }),
            "[kernel] 5 numbers are no rows of 2");
  EXPECT_EQ(message_of([&] { kernel_.map({}, in, out_); }), "");
}

TEST_P(Misuse, sources_that_do_not_fit_are_named) {
  const std::span<const double> in(numbers_);
  const Source x = Source::rows(in, 1), y = Source::rows(in, 2);
  const Sink sink = Sink::rows(out_, 2);
  const auto message = [&](std::vector<Source> sources, std::size_t rows) {
    return message_of([&] { kernel_.run(sources, std::span(&sink, 1), rows); });
  };
  EXPECT_EQ(message({x, y}, 4), "");
  EXPECT_EQ(message({x}, 4), "[kernel] 1 source for a function of 2 arguments");
  EXPECT_EQ(message({x, y, y}, 4), "[kernel] 3 sources for a function of 2 arguments");
  EXPECT_EQ(message({Source::rows(in.first(3), 1), y}, 4),
            "[kernel] the source of x0 has 3 numbers, but 4 rows of 1 reach to number 4");
  EXPECT_EQ(message({x, Source::rows(in.first(7), 2)}, 4),
            "[kernel] the source of x1 has 7 numbers, but 4 rows of 2 reach to number 8");
  EXPECT_EQ(message({x, Source::columns(in.first(7), 4)}, 4),
            "[kernel] the source of x1 has 7 numbers, but 4 rows of 2 reach to number 8");
  EXPECT_EQ(message({x, Source::shared(in.first(1))}, 4),
            "[kernel] the source of x1 has 1 number, but the argument has 2");
  EXPECT_EQ(message({x, Source::shared(in.first(2))}, 4), "");
  Source apart = Source::shared(in.first(4));  // every other number
  apart.step = 4;
  EXPECT_NE(message({x, apart}, 4), "");
}

TEST_P(Misuse, an_index_beyond_its_table_is_refused_before_anything_is_read) {
  const std::span<const double> in(numbers_);
  const std::vector<std::uint32_t> good{5, 0, 2, 5}, beyond{0, 6, 0, 0}, few{0, 0, 0};
  const Source x = Source::rows(in, 1);
  const Sink sink = Sink::rows(out_, 2);
  const auto message = [&](std::span<const std::uint32_t> index, std::size_t rows = 4) {
    const Source sources[] = {x, Source::gathered(in, 2, index)};
    return message_of([&] { kernel_.run(sources, std::span(&sink, 1), rows); });
  };
  EXPECT_EQ(message(good), "");
  EXPECT_EQ(message(beyond),
            "[kernel] the source of x1 has 12 numbers, but 4 rows of 2 reach to number 14");
  EXPECT_EQ(message(few), "[kernel] the source of x1 has 3 places for 4 rows");
  EXPECT_EQ(message(beyond, 1), "") << "the second place is not looked at";

  const Source sources[] = {x, Source::rows(in, 2)};
  const auto scattered = [&](std::span<const std::uint32_t> index) {
    const Sink table = Sink::scattered(out_, 2, index);
    return message_of([&] { kernel_.run(sources, std::span(&table, 1), 4); });
  };
  EXPECT_EQ(scattered(std::vector<std::uint32_t>{3, 0, 3, 1}), "");
  EXPECT_EQ(scattered(std::vector<std::uint32_t>{3, 0, 4, 1}),
            "[kernel] a sink has 8 numbers, but 4 rows of 2 reach to number 10");
  EXPECT_EQ(scattered(few), "[kernel] a sink has 3 places for 4 rows");
}

// Distances whose product passes 2⁶⁴ do not come round to a small number.
TEST_P(Misuse, strides_beyond_all_memory_are_refused) {
  const std::span<const double> in(numbers_);
  const Sink sink = Sink::rows(out_, 2);
  for (const std::size_t stride : {std::size_t{1} << 63, std::size_t{1} << 62, ~std::size_t{0}}) {
    const Source far{in.data(), in.size(), stride, 1, {}};
    const Source wide{in.data(), in.size(), 1, stride, {}};
    for (const Source& y : {far, wide}) {
      const Source sources[] = {Source::rows(in, 1), y};
      EXPECT_NE(message_of([&] { kernel_.run(sources, std::span(&sink, 1), 3); }), "");
    }
  }
}

TEST_P(Misuse, sinks_that_do_not_fit_are_refused) {
  const std::span<const double> in(numbers_);
  const Source sources[] = {Source::rows(in, 1), Source::rows(in, 2)};
  const std::span<double> out(out_);
  const auto message = [&](std::vector<Sink> sinks) {
    return message_of([&] { kernel_.run(sources, sinks, 4); });
  };
  EXPECT_EQ(message({}), "[kernel] the sinks take 0 outputs, but the function has 2");
  EXPECT_EQ(message({Sink::rows(out, 1)}),
            "[kernel] the sinks take 1 output, but the function has 2");
  EXPECT_EQ(message({Sink::rows(out, 2), Sink::sum(out.first(1))}),
            "[kernel] the sinks take 3 outputs, but the function has 2");
  EXPECT_EQ(message({Sink::rows(out.first(7), 2)}),
            "[kernel] a sink has 7 numbers, but 4 rows of 2 reach to number 8");
  EXPECT_EQ(message({Sink::rows(out, 1), Sink::sum(out.last(1))}), "");
  EXPECT_EQ(message({Sink::columns(out, 4)}), "");
  Sink sum = Sink::sum(out.first(2));
  sum.size = 1;
  EXPECT_EQ(message({sum}), "[kernel] a sink has 1 number, but 1 row of 2 reach to number 2");
}

TEST_P(Misuse, numbers_that_are_nowhere_are_refused) {
  const std::span<const double> in(numbers_);
  const Sink sink = Sink::rows(out_, 2),
             nowhere = Sink::rows({static_cast<double*>(nullptr), 8}, 2);
  const Source first = Source::rows(in, 1);
  const Source lost{nullptr, 100, 2, 1, {}}, lost_shared{nullptr, 100, 0, 1, {}};
  const auto message = [&](const Source& second, const Sink& to) {
    const Source sources[] = {first, second};
    return message_of([&] { kernel_.run(sources, std::span(&to, 1), 4); });
  };
  EXPECT_EQ(message(Source::rows(in, 2), sink), "");
  for (const Source& source : {lost, lost_shared}) {
    EXPECT_EQ(message(source, sink),
              "[kernel] the source of x1 has 100 numbers, but they are nowhere: its data is null");
  }
  EXPECT_EQ(message(Source::rows(in, 2), nowhere),
            "[kernel] a sink has 8 numbers, but they are nowhere: its data is null");
}

TEST_P(Misuse, a_mode_of_a_sink_that_there_is_not_is_refused) {
  Sink sink = Sink::rows(out_, 2);
  sink.mode = static_cast<Sink::Mode>(3);
  const Source sources[] = {Source::rows(numbers_, 1), Source::rows(numbers_, 2)};
  EXPECT_EQ(message_of([&] { kernel_.run(sources, std::span(&sink, 1), 4); }),
            "[kernel] there is no mode of a sink number 3");
}

TEST_P(Misuse, no_rows_leave_everything_as_it_is_and_sum_to_zero) {
  kernel_.map({}, {}, {});
  kernel_.map(std::vector{1.0}, {}, {}, 3);
  EXPECT_EQ(kernel_.sum({}, {}), std::vector<double>(2));
  const std::vector<std::uint32_t> none;
  const Source sources[] = {Source::gathered(numbers_, 1, none), Source::columns({}, 0)};
  std::vector<double> table(4, 7.0), sums(1, 7.0);
  const Sink sinks[] = {Sink::added(table, 1, none), Sink::sum(sums)};
  kernel_.run(sources, sinks, 0, 2);
  EXPECT_EQ(table, std::vector<double>(4, 7.0));
  EXPECT_EQ(sums, std::vector<double>(1, 0.0));
}

TEST_P(Misuse, scalars_of_the_wrong_count_are_refused) {
  const Scalar few[] = {Scalar(1.0), Scalar(2.0)};
  EXPECT_NE(message_of([&] { kernel_(std::span<const Scalar>(few)); }), "");
}

TEST(Misuses, options_that_there_are_not_are_refused) {
  const Function f = two_arguments();
  for (const unsigned vectors : {3u, 5u, 8u, ~0u}) {
    EXPECT_EQ(message_of([&] { compile(f, {.row_vectors = vectors}); }),
              "[compile] " + std::to_string(vectors) +
                  " row vectors a pass: there are 1, 2, 4, or 0 for as many as suit");
  }
  EXPECT_EQ(message_of([&] { compile(f, {.backend = static_cast<Backend>(77)}); }),
            "[compile] there is no backend number 77");
  EXPECT_EQ(message_of([&] { compile(f, {.arithmetic = static_cast<Arithmetic>(2)}); }),
            "[optimise] there is no arithmetic number 2");
  EXPECT_EQ(message_of([&] { compile(f, {.lanes = static_cast<Precision>(2)}); }),
            "[compile] there is no precision number 2");
  using Summation = CompileOptions::Summation;
  EXPECT_EQ(message_of([&] { compile(f, {.summation = static_cast<Summation>(255)}); }),
            "[compile] there is no summation number 255");
  EXPECT_FALSE(is_available(static_cast<Backend>(77)));
  for (const Backend backend : {Backend::avx512, Backend::avx2}) {
    if (is_available(backend)) continue;
    EXPECT_EQ(message_of([&] { compile(f, {.backend = backend}); }),
              "[compile] this processor or build has no " + std::string(name_of(backend)));
  }
  EXPECT_EQ(message_of([&] { compile(f).dump("x"); }),
            "[dump] there is no letter 'x': t is the trace, o the optimised one, a the allocation "
            "of registers, m the machine code");
}

TEST(Misuses, a_function_without_its_code_says_that_a_row_took_another_branch) {
  const Function f = record([](Scalar x) { return x < 1.0 ? x * 3.0 : x; }, 0.5);
  const Function alone(f.trace());
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(alone, {.backend = backend});
    std::vector<double> in(50, 0.5), out(50);
    kernel.map({}, in, out);
    EXPECT_EQ(out, std::vector<double>(50, 1.5));
    in[33] = 2;
    EXPECT_THROW(kernel.map({}, in, out), BranchChanged);
    EXPECT_THROW(kernel.sum({}, in), BranchChanged);
    EXPECT_THROW(kernel({2.0}), BranchChanged);
    in[33] = 0.25;
    kernel.map({}, in, out);
    EXPECT_EQ(out[33], 0.75);
  }
}

// ---- small and large ----------------------------------------------------------------------------

TEST(Kernel, functions_of_nothing_give_their_constants) {
  const Function f = record([] { return std::pair(Scalar(3.0), sin(Scalar(1.0))); });
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend});
    EXPECT_EQ(kernel(std::span<const double>())[0], 3.0);
    std::vector<double> out(20), sums(2);
    const Sink sink = Sink::rows(out, 2);
    kernel.run({}, std::span(&sink, 1), 10);
    for (std::size_t r = 0; r < 10; ++r) EXPECT_EQ(out[2 * r], 3.0);
    const Sink sum = Sink::sum(sums);
    kernel.run({}, std::span(&sum, 1), 10);
    EXPECT_EQ(sums[0], 30.0);
  }
}

TEST(Kernel, outputs_may_be_inputs_constants_and_one_another) {
  const Function f = record(
      [](Scalar x, Scalar, Scalar y) {
        const Scalar z = x * y;
        return std::vector<Scalar>{z, x, 2.5, z, y, x, -0.0, z};
      },
      1., 1., 1.);
  for (const Backend backend : backends()) {
    for (const unsigned vectors : {1u, 2u, 4u}) {
      const Kernel kernel = compile(f, {.backend = backend, .row_vectors = vectors});
      std::vector<double> in, out(8 * 37), shared{3.0};
      for (std::size_t r = 0; r < 37; ++r) in.insert(in.end(), {3.0, 0.0, 0.5 * double(r)});
      const auto expect = [&] {
        for (std::size_t r = 0; r < 37; ++r) {
          const double y = 0.5 * static_cast<double>(r), z = 3 * y;
          const double expected[] = {z, 3, 2.5, z, y, 3, -0.0, z};
          for (std::size_t k = 0; k < 8; ++k) EXPECT_TRUE(same(out[8 * r + k], expected[k])) << k;
        }
      };
      kernel.map({}, in, out);
      expect();
      std::vector<double> rest;
      for (std::size_t r = 0; r < 37; ++r) rest.insert(rest.end(), {0.0, 0.5 * double(r)});
      std::ranges::fill(out, 99.0);
      kernel.map(shared, rest, out);
      expect();
      const std::vector<double> sums = kernel.sum(shared, rest);
      EXPECT_EQ(sums[0], 3 * 0.5 * 36 * 37 / 2);
      EXPECT_EQ(sums[0], sums[7]);
      EXPECT_EQ(sums[1], 3.0 * 37);
      EXPECT_EQ(sums[2], 2.5 * 37);
    }
  }
}

Function chain(std::size_t steps) {
  return record(
      [steps](Scalar x, Scalar y) {
        Scalar z = x;
        for (std::size_t k = 0; k < steps / 2; ++k) z = z * y + 0.25;
        return z;
      },
      0.5, 0.5);
}

#ifdef NDEBUG
constexpr std::size_t kLong = 1'000'000;
#else
constexpr std::size_t kLong = 100'000;
#endif

TEST(Kernel, a_long_chain_compiles_and_runs_on_a_small_stack) {
  for (const Backend backend : backends()) {
    on_a_small_stack([&] {
      const Function f = chain(kLong);
      const Kernel kernel = compile(f, {.backend = backend, .arithmetic = Arithmetic::strict});
      EXPECT_EQ(kernel({0.75, 0.125}), f(0.75, 0.125));
      std::vector<double> out(9);
      kernel.map(std::vector{0.75}, std::vector<double>(9, 0.125), out);
      EXPECT_EQ(out, std::vector<double>(9, f(0.75, 0.125)[0]));
    });
  }
}

// As many values live at once as there are nodes: they are spilled.
TEST(Kernel, a_wide_function_compiles_and_runs) {
  constexpr std::size_t kWide = 20'000;
  const Function f = record(
      [](const std::vector<Scalar>& x) {
        std::vector<Scalar> parts;
        for (std::size_t k = 0; k < kWide; ++k) {
          parts.push_back(x[k % 4] * static_cast<double>(k) + x[(k + 1) % 4]);
        }
        Scalar sum = 0.0;
        for (std::size_t k = kWide; k-- > 0;) sum = sum * 0.5 + parts[k];
        return sum;
      },
      shape(4));
  const std::vector<double> in{0.5, -1.5, 2.0, 0.25};
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend, .arithmetic = Arithmetic::strict});
    EXPECT_EQ(kernel(in), f(in));
  }
}

}  // namespace
}  // namespace chainrule
