// Columns that the code reads and writes where they stand: the same bits as rows that are packed,
// whatever the count of rows, and nothing written beside them.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <random>

#include "chainrule/chainrule.hpp"
#include "chainrule/emit/kernel.hpp"
#include "chainrule/transform/loop.hpp"
#include "tests/emit/kernels.hpp"

namespace chainrule {
namespace {

using namespace test;

class Columns : public testing::TestWithParam<Backend> {
 protected:
  CompileOptions strict() const {
    return {.backend = GetParam(), .arithmetic = Arithmetic::strict};
  }
};
INSTANTIATE_TEST_SUITE_P(Every, Columns, testing::ValuesIn(backends()),
                         [](const auto& which) { return std::string(name_of(which.param)); });

std::vector<double> numbers(std::size_t n, unsigned seed) {
  std::mt19937 bits(seed);
  std::uniform_real_distribution<double> uniform(-2, 2);
  std::vector<double> all(n);
  for (double& x : all) x = uniform(bits);
  return all;
}

// Number k of row r at k · step + r, for rows at a distance `step` apart from the count of rows.
Source columns(const std::vector<double>& all, std::size_t step) {
  return {all.data(), all.size(), 1, step, {}};
}
Sink columns(std::vector<double>& all, std::size_t count, std::size_t step) {
  return {all.data(), all.size(), count, 1, step, {}, Sink::Mode::store};
}

// Three numbers in, of which the first decides; two out.
Function three_to_two() {
  return record(
      [](const std::vector<Scalar>& x, Scalar w) {
        const Scalar y = x[0] > 1.5 ? x[1] * w : x[1] / (1.0 + x[2] * x[2]);
        return std::pair(y, y + x[0] * w);
      },
      shape(3), 1.0);
}

TEST_P(Columns, give_the_bits_of_the_function_for_every_count_of_rows) {
  const Function f = three_to_two();
  const Kernel kernel = compile(f, strict());
  for (const std::size_t rows : {1u, 3u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 64u, 65u, 130u}) {
    const std::size_t step = rows + 3;
    const std::vector<double> in = numbers(3 * step, static_cast<unsigned>(rows)), w = {0.75};
    std::vector<double> out(2 * step, 99.0);
    const Source sources[] = {columns(in, step), Source::shared(w)};
    const Sink sink = columns(out, 2, step);
    kernel.run(sources, std::span(&sink, 1), rows);
    for (std::size_t r = 0; r < step; ++r) {
      if (r >= rows) {
        EXPECT_EQ(out[r], 99.0) << rows;
        EXPECT_EQ(out[step + r], 99.0) << rows;
        continue;
      }
      const auto expected = f(std::vector<double>{in[r], in[step + r], in[2 * step + r]}, 0.75);
      EXPECT_EQ(out[r], expected[0]) << r << " of " << rows;
      EXPECT_EQ(out[step + r], expected[1]) << r << " of " << rows;
    }
  }
}

TEST_P(Columns, are_added_up_once_each_though_the_last_block_begins_earlier) {
  const Function f = three_to_two();
  const Kernel kernel = compile(f, strict());
  for (const unsigned threads : {1u, 3u}) {
    for (const std::size_t rows : {17u, 100u, 1001u}) {
      const std::vector<double> in = numbers(3 * rows, 5), w = {0.75};
      double sum = 0, expected = 0;
      std::vector<double> out(rows);
      const Source sources[] = {columns(in, rows), Source::shared(w)};
      const Sink sinks[] = {Sink::rows(out, 1), Sink::sum({&sum, 1})};
      kernel.run(sources, sinks, rows, threads);
      for (std::size_t r = 0; r < rows; ++r) {
        const auto row = f(std::vector<double>{in[r], in[rows + r], in[2 * rows + r]}, 0.75);
        EXPECT_EQ(out[r], row[0]);
        expected += row[1];
      }
      EXPECT_NEAR(sum, expected, 1e-11 * static_cast<double>(rows));
    }
  }
}

TEST_P(Columns, may_be_written_over_what_was_read) {
  const Function f = record([](Scalar x, Scalar y) { return std::pair(y, x - y); }, 1.0, 2.0);
  const Kernel kernel = compile(f, strict());
  std::vector<double> x = numbers(77, 1), y = numbers(77, 2);
  const std::vector<double> x0 = x, y0 = y;
  const Source sources[] = {Source::rows(x, 1), Source::rows(y, 1)};
  const Sink sinks[] = {Sink::rows(x, 1), Sink::rows(y, 1)};
  kernel.run(sources, sinks, 77);
  for (std::size_t r = 0; r < 77; ++r) {
    EXPECT_EQ(x[r], y0[r]);
    EXPECT_EQ(y[r], x0[r] - y0[r]);
  }
}

// Each number of a row in a column of its own, updated row for row: what is stored must not be read
// again as an input, whatever the order of outputs, and inputs that are handed on may change
// places.
TEST_P(Columns, may_be_updated_row_for_row) {
  const auto code = [](Scalar p, Scalar g, Scalar m) {
    const Scalar next = 0.5 * m + g;
    return std::vector<Scalar>{p - next * p, next + p, m * p};
  };
  const auto exchange = [](Scalar p, Scalar g, Scalar m) { return std::vector<Scalar>{g, m, p}; };
  for (const Function& f : {record(code, 1.0, 1.0, 1.0), record(exchange, 1.0, 1.0, 1.0)}) {
    const Kernel kernel = compile(f, strict());
    for (const std::size_t rows : {1u, 7u, 8u, 33u, 64u, 65u, 130u, 5000u}) {
      for (const unsigned threads : {1u, 2u}) {
        std::vector<double> all[3], expected[3];
        for (unsigned k = 0; k < 3; ++k) all[k] = expected[k] = numbers(rows, k);
        for (std::size_t r = 0; r < rows; ++r) {
          const auto y = f(all[0][r], all[1][r], all[2][r]);
          for (std::size_t k = 0; k < 3; ++k) expected[k][r] = y[k];
        }
        std::vector<Source> sources;
        std::vector<Sink> sinks;
        for (std::vector<double>& column : all) {
          sources.push_back(columns(column, rows));
          sinks.push_back(columns(column, 1, rows));
        }
        kernel.run(sources, sinks, rows, threads);
        for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(all[k], expected[k]) << rows << " rows";
      }
    }
  }
}

TEST_P(Columns, may_be_windows_that_overlap) {
  const Function f =
      record([](const std::vector<Scalar>& x) { return x[0] - 2.0 * x[1] + x[2]; }, shape(3));
  const Kernel kernel = compile(f, strict());
  const std::vector<double> x = numbers(60, 3);
  std::vector<double> out(58);
  const Source source = columns(x, 1);
  const Sink sink = Sink::rows(out, 1);
  kernel.run(std::span(&source, 1), std::span(&sink, 1), 58);
  for (std::size_t r = 0; r < 58; ++r) EXPECT_EQ(out[r], x[r] - 2 * x[r + 1] + x[r + 2]);
}

TEST_P(Columns, are_what_loops_slice_and_stack) {
  const Function f = record(
      [](const std::vector<Scalar>& x) {
        auto ys = scan([](Scalar c, Scalar t) { return std::pair(c + t, c * t); }, 0.5, x).ys;
        ys.push_back(x[0]);
        return ys;
      },
      shape(6));
  const Kernel kernel = compile(f, strict());
  for (const std::size_t rows : {5u, 16u, 21u, 40u}) {
    const std::vector<double> x = numbers(6 * rows, 4);
    std::vector<double> out(7 * rows);
    const Source source = columns(x, rows);
    const Sink sink = columns(out, 7, rows);
    kernel.run(std::span(&source, 1), std::span(&sink, 1), rows);
    for (std::size_t r = 0; r < rows; ++r) {
      std::vector<double> row;
      for (std::size_t k = 0; k < 6; ++k) row.push_back(x[k * rows + r]);
      const auto expected = f(row);
      for (std::size_t k = 0; k < 7; ++k) EXPECT_EQ(out[k * rows + r], expected[k]);
    }
  }
}

TEST_P(Columns, of_more_tables_than_there_are_registers) {
  constexpr std::size_t kTables = 13;
  const auto code = [](const std::array<std::vector<Scalar>, kTables>& x) {
    Scalar y = 0.0;
    for (const auto& one : x) y = y * 0.5 + sum_over([](Scalar t) { return t * t; }, one);
    return y;
  };
  std::array<std::vector<double>, kTables> example;
  example.fill(shape(3));
  const auto flat = [&](const auto&... xs) { return code({xs...}); };
  const Function f = std::apply([&](const auto&... xs) { return record(flat, xs...); }, example);
  const Kernel kernel = compile(f, strict());
  const std::size_t rows = 37;
  std::vector<std::vector<double>> tables;
  std::vector<Source> sources;
  for (unsigned t = 0; t < kTables; ++t) {
    const std::size_t step = rows + t;
    tables.push_back(numbers(3 * step, t));
    sources.push_back({tables.back().data(), tables.back().size(), 1, step, {}});
  }
  std::vector<double> out(rows);
  const Sink sink = Sink::rows(out, 1);
  kernel.run(sources, std::span(&sink, 1), rows);
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<double> row;
    for (unsigned t = 0; t < kTables; ++t) {
      for (std::size_t k = 0; k < 3; ++k) row.push_back(tables[t][k * (rows + t) + r]);
    }
    EXPECT_EQ(out[r], f(std::span<const double>(row))[0]);
  }
}

TEST_P(Columns, of_ever_other_widths_are_right_beyond_what_is_compiled_for_each) {
  const Function f = three_to_two();
  const Kernel kernel = compile(f, strict());
  for (std::size_t step = 20; step < 70; ++step) {
    const std::vector<double> in = numbers(3 * step, 9), w = {0.75};
    std::vector<double> out(40);
    const Source sources[] = {columns(in, step), Source::shared(w)};
    const Sink sink = columns(out, 2, 20);
    kernel.run(sources, std::span(&sink, 1), 20);
    const auto expected = f(std::vector<double>{in[19], in[step + 19], in[2 * step + 19]}, 0.75);
    EXPECT_EQ(out[19], expected[0]);
    EXPECT_EQ(out[39], expected[1]);
  }
}

// ---- what is not in lanes ----------------------------------------------------------------------

class Counting final : public Block {
 public:
  std::string_view name() const override { return "counting"; }
  std::size_t inputs() const override { return 1; }
  std::size_t outputs() const override { return 1; }
  void value(std::span<const double> x, std::span<double> z) const override {
    ++calls;
    if (x[0] < 0) ++forbidden;
    z[0] = 2 * x[0];
  }
  void vjp(std::span<const double>, std::span<const double>, std::span<const double> zbar,
           std::span<double> xbar) const override {
    xbar[0] = 2 * zbar[0];
  }
  mutable std::atomic<int> calls{0}, forbidden{0};
};

TEST_P(Columns, blocks_are_called_for_the_rows_that_reach_them_and_no_others) {
  const auto block = std::make_shared<const Counting>();
  const Function f =
      record([&](Scalar x) { return x >= 0.0 ? call(block, {{x}})[0] : Scalar(-1.0); }, 1.0);
  const Kernel kernel = compile(f, strict());
  const std::vector<double> in = {1, -1, 2, -2};
  std::vector<double> out(4);
  block->calls = block->forbidden = 0;
  kernel.map({}, in, out);
  EXPECT_EQ(out, (std::vector<double>{2, -1, 4, -1}));
  EXPECT_EQ(block->calls, 2);
  EXPECT_EQ(block->forbidden, 0);
  block->calls = 0;
  EXPECT_EQ(kernel({3.0})[0], 6.0);
  EXPECT_EQ(block->calls, 1);
}

TEST_P(Columns, sums_of_no_row_in_lanes_are_the_functions_alone) {
  // Relaxed: the factor 1/s comes after the sum, and is infinite where all rows take the other way.
  const Function f = record(
      [](Scalar s, const std::vector<Scalar>& x) {
        if (s > 0.0) return sum_over([](Scalar t) { return tanh(t); }, x) / s;
        return Scalar(0.0);
      },
      1.0, shape(3));
  const Kernel kernel = compile(f, {.backend = GetParam()});
  const std::vector<double> rows = numbers(3 * 20, 6), zero = {0.0};
  EXPECT_EQ(kernel.sum(zero, rows)[0], 0.0);
}

TEST_P(Columns, sums_that_a_shared_factor_keeps_in_range_are_in_range) {
  // Relaxed: w Σ x² for Σ w x², where Σ x² is beyond the largest number.
  const Function f = record(
      [](Scalar w, const std::vector<Scalar>& x) {
        return w * sum_over([](Scalar a) { return a * a; }, x);
      },
      1.0, shape(4));
  const Kernel kernel = compile(f, {.backend = GetParam()});
  const std::vector<double> rows(4 * 400, 2e153);
  for (const double w : {0.0, 1e-10, 1e-300}) {
    for (const unsigned threads : {1u, 2u}) {
      const double sum = kernel.sum(std::vector{w}, rows, threads)[0];
      EXPECT_NEAR(sum, w * 4e306 * 1600, 1e-12 * std::fabs(sum));
    }
  }
}

TEST_P(Columns, that_overlap_are_written_row_after_row) {
  const Function f = record([](Scalar x) { return std::pair(2.0 * x, 3.0 * x); }, 1.0);
  const Kernel kernel = compile(f, strict());
  for (const std::size_t step : {1u, 2u, 5u, 20u}) {
    for (const std::size_t rows : {9u, 33u, 100u}) {
      std::vector<double> in(rows), out(rows + step), expected(rows + step);
      for (std::size_t r = 0; r < rows; ++r) {
        in[r] = static_cast<double>(r + 1);
        expected[r] = 2 * in[r];
        expected[r + step] = 3 * in[r];
      }
      const Source source = Source::rows(in, 1);
      const Sink sink = columns(out, 2, step);
      kernel.run(std::span(&source, 1), std::span(&sink, 1), rows);
      EXPECT_EQ(out, expected) << step << " apart, " << rows << " rows";
    }
  }
}

}  // namespace
}  // namespace chainrule
