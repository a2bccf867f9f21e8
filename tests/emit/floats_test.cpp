// Kernels in lanes of floats beside their meaning (in_floats.hpp), in strict arithmetic bit for
// bit: random traces, loops, guards, blocks, tables of either kind, sums.
#include <gtest/gtest.h>

#include <random>

#include "chainrule/block/custom.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"
#include "tests/emit/kernels.hpp"
#include "tests/graph/traces.hpp"
#include "tests/optimise/wild.hpp"
#include "tests/support/in_floats.hpp"

namespace chainrule {
namespace {

using namespace test;

constexpr double kUlp = std::numeric_limits<float>::epsilon();

std::vector<float> random_floats(std::size_t count, unsigned seed = 1, float low = -2,
                                 float high = 2) {
  std::mt19937 random(seed);
  std::vector<float> numbers(count);
  for (float& x : numbers) x = std::uniform_real_distribution<float>(low, high)(random);
  return numbers;
}

std::vector<double> as_doubles(std::span<const float> numbers) {
  return {numbers.begin(), numbers.end()};
}

CompileOptions strict_floats(Backend backend, unsigned row_vectors = 0) {
  return {.backend = backend,
          .arithmetic = Arithmetic::strict,
          .lanes = Precision::f32,
          .row_vectors = row_vectors};
}

// Row after row, as it is meant.
std::vector<double> meaning(const Function& f, std::span<const float> in) {
  std::vector<double> all;
  for (std::size_t r = 0; r * f.inputs() < in.size(); ++r) {
    const auto x = as_doubles(in.subspan(r * f.inputs(), f.inputs()));
    const auto row = value_in_floats(f, x);
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

// map() of every back end, on tables of floats and of doubles, and points.
void expect_meaning(const Function& f, std::span<const float> in) {
  const std::vector<double> expected = meaning(f, in), wide_in = as_doubles(in);
  std::vector<float> out(expected.size());
  std::vector<double> wide(expected.size()), one(f.outputs());
  for (const Backend backend : backends()) {
    for (const unsigned row_vectors : {1u, 2u, 4u}) {
      const Kernel kernel = compile(f, strict_floats(backend, row_vectors));
      kernel.map({}, in, out);
      kernel.map({}, wide_in, wide);
      for (std::size_t k = 0; k < out.size(); ++k) {
        ASSERT_TRUE(same(expected[k], out[k]) && same(expected[k], wide[k]))
            << name_of(backend) << ", " << row_vectors << " row vectors, number " << k << ": "
            << testing::PrintToString(out[k]) << " or " << testing::PrintToString(wide[k])
            << " for " << testing::PrintToString(expected[k]);
      }
      for (std::size_t r = 0; r * f.inputs() < in.size(); r += 5) {
        kernel.evaluate(std::span(wide_in).subspan(r * f.inputs(), f.inputs()), one);
        for (std::size_t k = 0; k < one.size(); ++k) {
          ASSERT_TRUE(same(expected[r * f.outputs() + k], one[k])) << name_of(backend);
        }
      }
    }
  }
}

// ---- one row after another ----------------------------------------------------------------------

TEST(Floats, random_traces_are_what_they_mean) {
  register_sums();
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    Wild wild = wild_trace(random, 4 + static_cast<std::uint32_t>(random() % 40),
                           round % 16 == 0 ? Rows::all : Rows::quick);
    // A guard that a rounding turns is one that the point no longer passes.
    if (!in_floats(wild.trace, wild.point).guards_hold) wild.trace.guards.clear();
    std::vector<float> in;
    const std::size_t rows = 1 + random() % 40;
    for (std::size_t k = 0; k < rows * wild.trace.inputs.size(); ++k) {
      const bool stays = !wild.trace.guards.empty();
      in.push_back(
          static_cast<float>(stays ? wild.point[k % wild.point.size()] : wild_number(random)));
    }
    const std::string text = print(wild.trace);
    expect_meaning(Function(std::move(wild.trace)), in);
    if (HasFatalFailure()) FAIL() << "round " << round << "\n" << text;
  }
}

TEST(Floats, loops_are_what_their_steps_give) {
  const Function f = record(
      [](const std::vector<Scalar>& x, const std::vector<Scalar>& w) {
        const auto ys = map([x](Scalar a, Scalar b) { return tanh(a * b) + x[0] * b; }, x, w);
        const Scalar total = sum_over([](Scalar y, Scalar a) { return y * y + 0.1 * a; }, ys, x);
        return fold([](Scalar p, Scalar c) { return 0.3 * p + c; }, total, w);
      },
      shape(5), shape(5));
  for (const Function& g : {f, grad(f, kEveryArgument), hessian(f, 1)}) {
    expect_meaning(g, random_floats(10 * 37));
    if (HasFatalFailure()) return;
  }
}

TEST(Floats, rows_on_another_branch_are_answered_by_the_function_and_rounded) {
  const Function f = record(
      [](Scalar x, Scalar y) {
        Scalar z = x;
        while (z < 10.0) z = z * 3.1;
        return std::pair(z + y, sin(z * y));
      },
      2.0, 1.0);
  f.keep_variants(16);
  const std::vector<float> in = random_floats(200, 3, 0.1F, 12);
  std::size_t away = 0;
  for (std::size_t r = 0; r < 100; ++r) {
    away += in_floats(f.trace(), as_doubles(std::span(in).subspan(2 * r, 2))).guards_hold ? 0 : 1;
  }
  EXPECT_TRUE(20 < away && away < 90) << away;
  expect_meaning(f, in);
}

TEST(Floats, rows_that_leave_their_branch_in_a_loop_are_answered_by_the_function) {
  const Function f = record(
      [](const std::vector<Scalar>& x, Scalar y) {
        return y * fold([](Scalar p, Scalar a) { return a > 0.1 ? p + a : p - 2.1 * a; }, 0.0, x);
      },
      std::vector<double>(3, 1.0), 1.0);
  std::vector<float> in = random_floats(4 * 90, 5, 0.2F, 2);
  for (std::size_t r = 0; r < 90; r += 7) in[4 * r + r % 3] = r % 2 == 0 ? -0.3F : 0.1F;
  expect_meaning(f, in);
  expect_meaning(grad(f, kEveryArgument), in);
}

// 16777217 is no float; 0.1 is another one as a float, and 0.1F is not below it.
TEST(Floats, what_a_guard_compares_with_is_rounded) {
  const Function f = record(
      [](Scalar x) {
        Scalar y = x < 0.1 ? x * 2.0 : x * 3.0;
        return y + static_cast<double>(floor(x + 16777217.0));
      },
      0.2);
  expect_meaning(f, std::vector<float>{0.1F, 0.2F, 0.3F, 0.0999F, 0.1F, 0.25F});
  const Kernel kernel = compile(f, strict_floats(Backend::best));
  std::vector<float> out(1);
  kernel.map({}, std::vector<float>{0.1F}, out);
  EXPECT_EQ(out[0], 0.1F * 3.0F + 16777216.0F);
}

TEST(Floats, blocks_are_called_in_doubles_and_their_results_are_rounded) {
  const auto third = custom(
      "third", [](double x) { return x / 3 + 1e-12; },
      [](auto, auto, auto zbar) { return zbar / 3.0; });
  const Function f = value_and_grad(
      record([third](Scalar x, Scalar y) { return third(x * y) + third(y); }, 1., 1.),
      kEveryArgument);
  expect_meaning(f, random_floats(2 * 41));
  const auto [x, y] = std::pair(0.7F, 0.3F);
  const float z = static_cast<float>(double{x * y} / 3 + 1e-12);
  EXPECT_EQ((compile(f, strict_floats(Backend::best))({x, y})[0]),
            z + static_cast<float>(double{y} / 3 + 1e-12));
}

TEST(Floats, long_traces_in_segments_and_spilled_values_are_what_they_mean) {
  const Function f = record(
      [](const std::vector<Scalar>& x) {
        std::vector<Scalar> parts;
        for (std::size_t i = 0; i < 60; ++i) {
          parts.push_back(x[i] * x[(i + 1) % 60] + x[(i * 7) % 60]);
        }
        Scalar sum = 0.0;
        for (int pass = 0; pass < 20; ++pass) {
          for (std::size_t i = 0; i < 60; ++i) {
            sum = 0.9 * sum + parts[i] * parts[(i * 13 + 5) % 60];
          }
        }
        return sum;
      },
      shape(60));
  expect_meaning(grad(f), random_floats(60 * 150, 1, -1, 1));
}

TEST(Floats, what_rows_share_is_computed_once_and_rounded_as_well) {
  const Function f =
      record([](const std::vector<Scalar>& w,
                Scalar x) { return std::pair(exp(w[0] * 0.1) * x, sinc(w[1]) + w[0] / w[1]); },
             shape(2), 0.5);
  const std::vector<float> w = {0.3F, 1.7F}, x = random_floats(45);
  std::vector<float> all;
  for (const float number : x) all.insert(all.end(), {w[0], w[1], number});
  const std::vector<double> expected = meaning(f, all);
  for (const Backend backend : backends()) {
    std::vector<float> out(90);
    compile(f, strict_floats(backend)).map(w, x, out);
    EXPECT_EQ(as_doubles(out), expected) << name_of(backend);
  }
}

// ---- tables -------------------------------------------------------------------------------------

// Every kind of source and sink, tables of Real; arguments of one, nine and three numbers.
template <class Real>
void expect_tables(Precision lanes) {
  const Function f = record(
      [](Scalar a, const std::vector<Scalar>& b, const std::vector<Scalar>& c) {
        std::vector<Scalar> out;
        for (const Scalar& x : b) out.push_back(a * x + c[0]);
        for (const Scalar& x : c) out.push_back(x / (a * a + 1.0));
        return out;
      },
      0.5, shape(9), shape(3));
  constexpr std::size_t kRows = 53;
  const auto numbers = [](std::size_t count, unsigned seed) {
    const std::vector<float> from = random_floats(count, seed);
    return std::vector<Real>(from.begin(), from.end());
  };
  const std::vector<Real> a = numbers(kRows, 1), b = numbers(9 * kRows, 2),
                          c = numbers(3 * kRows, 3);
  std::vector<std::uint32_t> index, few;
  for (std::uint32_t r = 0; r < kRows; ++r) index.push_back(r * 7 % kRows), few.push_back(r % 4);
  for (const Backend backend : backends()) {
    const Kernel kernel =
        compile(f, {.backend = backend, .arithmetic = Arithmetic::strict, .lanes = lanes});
    std::vector<Real> rows(4 * kRows, 9), columns(3 * kRows), scattered(2 * kRows, 9), added(8);
    const BasicSource<Real> sources[] = {BasicSource<Real>::columns(a, kRows),
                                         BasicSource<Real>::gathered(b, 9, index),
                                         BasicSource<Real>::columns(c, kRows)};
    const BasicSink<Real> sinks[] = {
        BasicSink<Real>::rows(rows, 4), BasicSink<Real>::columns(columns, kRows),
        BasicSink<Real>::scattered(scattered, 2, index), BasicSink<Real>::added(added, 2, few)};
    // One output is left.
    std::vector<Real> last(1);
    std::vector<BasicSink<Real>> all(std::begin(sinks), std::end(sinks));
    all.push_back(BasicSink<Real>::sum(last));
    kernel.run(sources, all, kRows);

    std::vector<Real> wanted(8);
    double total = 0, size = 0;
    for (std::size_t r = 0; r < kRows; ++r) {
      std::vector<double> x = {a[r]};
      for (std::size_t k = 0; k < 9; ++k) x.push_back(b[9 * index[r] + k]);
      for (std::size_t k = 0; k < 3; ++k) x.push_back(c[k * kRows + r]);
      const std::vector<double> z =
          lanes == Precision::f32 ? value_in_floats(f, x) : f(std::span<const double>(x));
      const auto real = [&](std::size_t k) { return static_cast<Real>(z[k]); };
      for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(rows[4 * r + k], real(k));
      for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(columns[k * kRows + r], real(4 + k));
      for (std::size_t k = 0; k < 2; ++k) {
        EXPECT_EQ(scattered[2 * index[r] + k], real(7 + k));
        Real& sum = wanted[2 * few[r] + k];
        sum = static_cast<Real>(sum + z[9 + k]);
      }
      total += z[11], size += std::fabs(z[11]);
    }
    EXPECT_EQ(added, wanted) << name_of(backend);
    EXPECT_NEAR(last[0], total, 8 * kUlp * size) << name_of(backend);
  }
}

TEST(Floats, tables_of_floats_and_of_doubles_go_with_lanes_of_either) {
  expect_tables<float>(Precision::f32);
  expect_tables<double>(Precision::f32);
  expect_tables<float>(Precision::f64);
  expect_tables<double>(Precision::f64);
}

template <class Real>
void expect_every_width(Precision lanes) {
  for (std::size_t width = 1; width <= 21; ++width) {
    const Function f = record([](const std::vector<Scalar>& x) { return x; }, shape(width));
    for (const Backend backend : backends()) {
      for (const unsigned row_vectors : {1u, 4u}) {
        const Kernel kernel =
            compile(f, {.backend = backend, .lanes = lanes, .row_vectors = row_vectors});
        for (const std::size_t rows : {3u, 16u, 61u, 64u, 150u}) {
          const std::vector<float> numbers = random_floats(width * rows);
          const std::vector<Real> in(numbers.begin(), numbers.end());
          std::vector<Real> out(in.size());
          kernel.map({}, in, out);
          ASSERT_EQ(in, out) << name_of(backend) << ", " << rows << " rows of " << width;
        }
      }
    }
  }
}

TEST(Floats, rows_of_every_width_come_through_as_they_are) {
  expect_every_width<float>(Precision::f32);
  expect_every_width<double>(Precision::f64);
}

template <class Real>
void expect_the_last_to_stay(Precision lanes) {
  for (const std::size_t width : {1u, 2u, 3u, 4u, 7u, 16u}) {
    const Kernel kernel = compile(
        record([](const std::vector<Scalar>& x) { return x; }, shape(width)), {.lanes = lanes});
    const std::vector<float> numbers = random_floats(width * 130);
    const std::vector<Real> in(numbers.begin(), numbers.end());
    for (const std::uint32_t places : {1u, 2u, 3u, 5u}) {
      std::vector<std::uint32_t> index;
      for (std::uint32_t r = 0; r < 130; ++r) index.push_back(r * r % places);
      std::vector<Real> table(width * places, 9), expected = table;
      for (std::size_t r = 0; r < 130; ++r) {
        std::copy_n(in.begin() + static_cast<long>(width * r), width,
                    expected.begin() + static_cast<long>(width * index[r]));
      }
      const auto source = BasicSource<Real>::rows(in, width);
      const auto sink = BasicSink<Real>::scattered(table, width, index);
      kernel.run(std::span(&source, 1), std::span(&sink, 1), 130);
      EXPECT_EQ(table, expected) << width << " numbers, " << places << " places";
    }
  }
}

TEST(Floats, of_rows_that_are_scattered_to_one_place_the_last_stays) {
  expect_the_last_to_stay<float>(Precision::f32);
  expect_the_last_to_stay<double>(Precision::f64);
}

TEST(Floats, numbers_of_a_table_of_doubles_are_rounded_before_they_are_used) {
  const Function f = record([](Scalar x) { return x - 0.1; }, 1.0);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, strict_floats(backend));
    EXPECT_EQ(kernel({0.1})[0], 0.0);
    EXPECT_EQ(kernel({0.1 + 1e-9})[0], 0.0);
    std::vector<double> out(3);
    kernel.map({}, std::vector{0.1, 0.1 + 1e-9, 0.2}, out);
    EXPECT_EQ(out, (std::vector<double>{0, 0, 0.2F - 0.1F}));
  }
}

TEST(Floats, a_table_of_floats_that_is_too_short_is_refused) {
  const Kernel kernel = compile(record([](Scalar x) { return x; }, 1.0), {.lanes = Precision::f32});
  const std::vector<float> in(4);
  std::vector<float> out(3);
  EXPECT_THROW(kernel.map({}, in, out), Error);
  const FloatSource source = FloatSource::rows(in, 1);
  const FloatSink sink = FloatSink::rows(out, 1);
  EXPECT_THROW(kernel.run(std::span(&source, 1), std::span(&sink, 1), 4), Error);
}

TEST(Floats, threads_give_the_same_rows) {
  const Function f = grad(record([](Scalar x, Scalar y) { return exp(x) * sin(y); }, 1., 1.));
  const std::vector<float> in = random_floats(2 * 200'001);
  for (const Backend backend : backends()) {
    if (backend == Backend::interpret) continue;  // no other code, and slow
    const Kernel kernel = compile(f, {.backend = backend, .lanes = Precision::f32});
    std::vector<float> one(200'001), many(one.size());
    kernel.map({}, in, one);
    kernel.map({}, in, many, 3);
    EXPECT_EQ(one, many);
    EXPECT_EQ(kernel.sum({}, in, 3), kernel.sum({}, in, 3));
  }
}

// ---- sums ---------------------------------------------------------------------------------------

// A million terms of one sign: added up as floats one after another they lose three digits.
TEST(Floats, sums_keep_their_digits_however_many_rows_there_are) {
  const Function f = record([](Scalar x) { return std::pair(x * 1.0, x * x); }, 1.0);
  const std::vector<float> in = random_floats(1'000'003, 1, 0.1F, 0.7F);
  double first = 0, second = 0;
  for (const float x : in) first += x, second += double{x * x};
  for (const Backend backend : backends()) {
    for (const unsigned row_vectors : {1u, 4u}) {
      CompileOptions options = strict_floats(backend, row_vectors);
      const std::vector<double> plain = compile(f, options).sum({}, in);
      EXPECT_NEAR(plain[0] / first, 1, 2e-7) << name_of(backend);
      EXPECT_NEAR(plain[1] / second, 1, 2e-7) << name_of(backend);
      options.summation = CompileOptions::Summation::compensated;
      const std::vector<double> exact = compile(f, options).sum({}, in, 2);
      EXPECT_NEAR(exact[0] / first, 1, 1e-12) << name_of(backend);
      EXPECT_NEAR(exact[1] / second, 1, 1e-12) << name_of(backend);
    }
  }
}

// The worst of terms: all the same, so that all roundings of a sum fall on one side.
TEST(Floats, sums_lose_at_most_what_is_stated) {
  const Function f = record([](Scalar x) { return x * 1.0; }, 1.0);
  for (const float term : {0.1F, 0.7F, 1.0F / 3}) {
    const std::vector<float> in(300'000, term);
    for (const Backend backend : backends()) {
      for (const unsigned row_vectors : {1u, 4u}) {
        const double sum = compile(f, strict_floats(backend, row_vectors)).sum({}, in)[0];
        EXPECT_NEAR(sum / (300'000 * double{term}), 1, 0x1p-19) << name_of(backend);
      }
    }
  }
}

TEST(Floats, thousands_of_sums_are_right_each) {
  constexpr std::size_t kSteps = 31, kWide = 173;
  const Function f = record(
      [](const std::vector<Scalar>& a, const std::vector<Scalar>& b, Scalar x) {
        std::vector<std::vector<Scalar>> rows(kSteps);
        for (std::size_t t = 0; t < kSteps; ++t) {
          rows[t].assign(a.begin() + static_cast<long>(t * kWide),
                         a.begin() + static_cast<long>((t + 1) * kWide));
        }
        const Scalar inside = sum_over(
            [x](const std::vector<Scalar>& row) {
              Scalar sum = 0.0;
              for (const Scalar& r : row) sum += r * r * x;
              return sum;
            },
            rows);
        Scalar beside = 0.0;
        for (const Scalar& y : b) beside += y * y * x * x;
        return inside + beside;
      },
      shape(kSteps * kWide), shape(37), 0.5);
  const Function g = value_and_grad(f, kEveryArgument);
  const std::vector<float> shared = random_floats(kSteps * kWide + 37),
                           xs = random_floats(2045, 2, 0, 1);
  double first = 0, second = 0;
  for (const float x : xs) first += x, second += double{x} * x;
  for (const Backend backend : backends()) {
    if (backend == Backend::interpret) continue;  // it has no sums of its own
    for (const unsigned row_vectors : {1u, 2u, 4u}) {
      const Kernel kernel =
          compile(g, {.backend = backend, .lanes = Precision::f32, .row_vectors = row_vectors});
      const std::vector<double> sums = kernel.sum(shared, xs);
      for (std::size_t k = 0; k < shared.size(); ++k) {
        const double slope = 2 * double{shared[k]} * (k < kSteps * kWide ? first : second);
        ASSERT_NEAR(sums[1 + k], slope, 8 * kUlp * std::fabs(slope)) << k;
      }
    }
  }
}

TEST(Floats, rows_whose_guards_fail_are_left_out_of_lanes_that_are_summed) {
  const Function f = record([](Scalar x) { return x < 0.5 ? x * 1.0 : x * 1000.0; }, 0.1);
  const std::vector<float> in = random_floats(5000, 4, 0, 1);
  double expected = 0;
  for (const float x : in) expected += x < 0.5F ? x : double{x * 1000.0F};
  for (const Backend backend : backends()) {
    for (const unsigned row_vectors : {1u, 2u, 4u}) {
      const double sum = compile(f, strict_floats(backend, row_vectors)).sum({}, in)[0];
      EXPECT_NEAR(sum, expected, 8 * kUlp * expected) << name_of(backend);
    }
  }
}

// ---- what else a kernel is asked ----------------------------------------------------------------

TEST(Floats, a_kernel_on_scalars_has_its_values_and_slopes_in_floats) {
  const Function f = record([](Scalar x, Scalar y) { return x * exp(y) + 0.1; }, 1.0, 2.0);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, strict_floats(backend));
    const Scalar x = variable(0.3, "x"), y = variable(0.7, "y");
    const Scalar z = kernel(x, y)[0];
    const float a = 0.3F, e = static_cast<float>(std::exp(double{0.7F}));
    EXPECT_EQ(z.value(), double{a * e + 0.1F});
    EXPECT_EQ(gradient(z, {x, y}), (std::vector<double>{e, a * e}));
  }
}

TEST(Floats, a_report_counts_twice_the_lanes_and_a_dump_shows_their_instructions) {
  const Function f = record([](Scalar x, Scalar y) { return x / (y + 0.1); }, 1.0, 2.0);
  for (const Backend backend : backends()) {
    const Kernel doubles = compile(f, {.backend = backend});
    const Kernel floats = compile(f, {.backend = backend, .lanes = Precision::f32});
    EXPECT_EQ(floats.report().precision, Precision::f32);
    EXPECT_NE(floats.dump("o").find("0.10000000149011612"), std::string::npos);
    if (backend == Backend::interpret) continue;
    EXPECT_EQ(floats.report().lanes, 2 * doubles.report().lanes);
    EXPECT_NE(floats.dump("m").find("vdivps"), std::string::npos);
    EXPECT_EQ(floats.dump("m").find("pd "), std::string::npos);
  }
}

}  // namespace
}  // namespace chainrule
