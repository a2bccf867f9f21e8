// What running promises beside its numbers: no allocation, no page both writable and executable,
// threads, and what blocks throw.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "chainrule/block/custom.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"
#include "tests/emit/kernels.hpp"
#include "tests/support/allocations.hpp"

namespace chainrule {
namespace {

using namespace test;

std::vector<double> counted_up(std::size_t count, double step = 0.01) {
  std::vector<double> numbers(count);
  for (std::size_t k = 0; k < count; ++k) numbers[k] = 0.1 + step * static_cast<double>(k);
  return numbers;
}

// ---- memory -------------------------------------------------------------------------------------

TEST(Running, allocates_nothing_after_the_first_call) {
  const auto twice = custom(
      "twice", [](double x) { return 2 * x; }, [](auto, auto, auto zbar) { return 2.0 * zbar; });
  const Function f = value_and_grad(record(
                                        [twice](Scalar x, Scalar y) {
                                          Scalar z = x;
                                          while (z < 1.0) z = z + y;
                                          return select(z > 2.0, z * y, exp(x)) + twice(y);
                                        },
                                        0.5, 2.0),
                                    kEveryArgument);
  f.keep_variants(64);
  const std::vector<double> in = counted_up(200), table = counted_up(200), shared{0.7};
  std::vector<std::uint32_t> index(50);
  for (std::uint32_t k = 0; k < 50; ++k) index[k] = (7 * k) % 50;
  std::vector<double> out(300), sums(3);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend});
    const auto round = [&] {
      kernel.evaluate(std::span(in).first(2), std::span(out).first(3));
      kernel.map({}, in, out);
      kernel.map(shared, std::span(in).first(100), out);
      const Source sources[] = {Source::gathered(table, 1, index), Source::columns(in, 50)};
      const Sink sinks[] = {Sink::added(out, 2, index), Sink::sum(std::span(sums).first(1))};
      kernel.run(sources, sinks, 50);
    };
    round();
    round();
    const std::size_t before = allocations();
    for (int k = 0; k < 20; ++k) round();
    EXPECT_EQ(allocations(), before) << name_of(backend);
  }
}

TEST(Running, loops_in_machine_code_allocate_nothing) {
  const Function f = grad(record(
      [](const std::vector<Scalar>& x) { return sum_over([](Scalar a) { return a * exp(a); }, x); },
      shape(5)));
  const std::vector<double> in = counted_up(500);
  std::vector<double> out(500);
  for (const Backend backend : backends()) {
    if (backend == Backend::interpret) continue;  // Loop::value() has its body's numbers in vectors
    const Kernel kernel = compile(f, {.backend = backend});
    kernel.map({}, in, out);
    const std::size_t before = allocations();
    for (int k = 0; k < 20; ++k) kernel.map({}, in, out);
    EXPECT_EQ(allocations(), before) << name_of(backend);
  }
}

struct Mapping {
  std::string rights, path;
};

std::vector<Mapping> process_map() {
  std::vector<Mapping> map;
  std::ifstream file("/proc/self/maps");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string range, rights, offset, device, inode, path;
    words >> range >> rights >> offset >> device >> inode >> path;
    map.push_back({rights, path});
  }
  return map;
}

TEST(Running, has_no_page_that_is_both_writable_and_executable) {
  std::vector<Kernel> kernels;
  for (const Backend backend : backends()) {
    for (int k = 1; k < 20; ++k) {
      kernels.push_back(
          compile(record([k](Scalar x) { return sin(x) * k; }, 1.0), {.backend = backend}));
      EXPECT_NEAR(kernels.back()({0.5})[0], std::sin(0.5) * k, 1e-14);
    }
  }
  std::size_t code = 0;
  for (const Mapping& mapping : process_map()) {
    EXPECT_FALSE(mapping.rights[1] == 'w' && mapping.rights[2] == 'x') << mapping.path;
    // The pages of kernels are of no file that can be opened.
    const bool is_of_a_file = mapping.path.starts_with('/') && !mapping.path.starts_with("/memfd");
    if (mapping.rights[2] == 'x' && !is_of_a_file && mapping.path != "[vdso]" &&
        mapping.path != "[vsyscall]") {
      ++code;
    }
  }
  if (backends().front() != Backend::interpret) {
    EXPECT_GT(code, 0u);
  }
}

// ---- threads ------------------------------------------------------------------------------------

constexpr std::size_t kThreads = 4;

template <class Work>
void on_threads(const Work& work) {
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) threads.emplace_back([&work, t] { work(t); });
  for (std::thread& thread : threads) thread.join();
}

TEST(Running, by_many_threads_at_once_gives_each_its_own_rows) {
  const Function f = value_and_grad(record(
                                        [](Scalar x, Scalar y) {
                                          Scalar z = x * y;
                                          while (z < 0.5) z = z + exp(y);
                                          return sin(z) * y;
                                        },
                                        1.0, 2.0),
                                    kEveryArgument);
  f.keep_variants(8);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend, .arithmetic = Arithmetic::strict});
    std::atomic<int> wrong{0};
    // The first calls race for the engines of three divisions into shared numbers and rows.
    on_threads([&](std::size_t t) {
      for (int round = 0; round < 20; ++round) {
        const std::size_t rows = 30 + 7 * t;
        const std::vector<double> in = counted_up(2 * rows, 0.01 + 0.01 * static_cast<double>(t));
        std::vector<double> out(3 * rows), shared{in[0]};
        const bool is_shared = (round + static_cast<int>(t)) % 2 == 0;
        if (is_shared) {
          kernel.map(shared, std::span(in).first(rows), out);
        } else {
          kernel.map({}, in, out);
        }
        for (std::size_t r = 0; r < rows; ++r) {
          const double x = is_shared ? in[0] : in[2 * r], y = is_shared ? in[r] : in[2 * r + 1];
          const std::vector<double> expected = f(x, y), one = kernel({x, y});
          for (std::size_t k = 0; k < 3; ++k) {
            if (!same(expected[k], out[3 * r + k]) || !same(expected[k], one[k])) ++wrong;
          }
        }
        const std::vector<double> sums = kernel.sum({}, in), again = kernel.sum({}, in, 2);
        for (std::size_t k = 0; k < 3; ++k) {
          if (!(std::fabs(sums[k] - again[k]) < 1e-11 * (1 + std::fabs(sums[k])))) ++wrong;
        }
      }
    });
    EXPECT_EQ(wrong, 0) << name_of(backend);
  }
}

TEST(Running, on_threads_of_its_own_gives_the_same_rows_and_sums_and_adds_into_tables) {
  const Function f =
      record([](Scalar x, Scalar y) { return std::pair(x * y, exp(x) - y); }, 1., 1.);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend, .arithmetic = Arithmetic::strict});
    for (const std::size_t rows : {1u, 63u, 64u, 65u, 1000u}) {
      const std::vector<double> in = counted_up(2 * rows);
      std::vector<double> one(2 * rows), many(2 * rows);
      kernel.map({}, in, one, 1);
      std::vector<std::uint32_t> index(rows);
      for (std::size_t r = 0; r < rows; ++r) index[r] = static_cast<std::uint32_t>(r * r % 5);
      std::vector<double> expected(10);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t k = 0; k < 2; ++k) expected[2 * index[r] + k] += one[2 * r + k];
      }
      for (const unsigned threads : {0u, 2u, 3u, 8u}) {
        kernel.map({}, in, many, threads);
        EXPECT_EQ(one, many) << rows << " rows, " << threads << " threads";
        EXPECT_EQ(kernel.sum({}, in, threads), kernel.sum({}, in, threads));
        std::vector<double> table(10);
        const Source source = Source::rows(in, 2);
        const Source sources[] = {{in.data(), in.size(), 2, 1, {}},
                                  {in.data() + 1, in.size() - 1, 2, 1, {}}};
        const Sink sink = Sink::added(table, 2, index);
        kernel.run(sources, std::span(&sink, 1), rows, threads);
        EXPECT_EQ(table, expected) << rows << " rows, " << threads << " threads";
        (void)source;
      }
    }
  }
}

// Rows that meet in one place without an index are added one after another as well.
TEST(Running, on_threads_adds_all_rows_up_where_they_share_a_place) {
  const Kernel kernel = compile(record([](Scalar x) { return x; }, 1.0));
  const std::vector<double> in(10'000, 1.0);
  for (int round = 0; round < 20; ++round) {
    double total = 0;
    Sink sink = Sink::rows(std::span(&total, 1), 1);
    sink.stride = 0;
    sink.mode = Sink::Mode::add;
    const Source source = Source::rows(in, 1);
    kernel.run(std::span(&source, 1), std::span(&sink, 1), in.size(), 4);
    EXPECT_EQ(total, 10'000.0);
  }
}

// ---- sums ---------------------------------------------------------------------------------------

// 1e16 + 1 − 1e16 …: plain sums lose most of the ones.
TEST(Running, compensated_sums_lose_nothing_whoever_answers_the_rows) {
  constexpr std::size_t kRows = 3000;
  // Every third row takes a branch of its own.
  const Function f = record([](Scalar x) { return x > 1e15 ? x * 1.0 : x + 0.0; }, 1.0);
  const Function smooth = record([](Scalar x) { return x * 1.0; }, 1.0);
  std::vector<double> in;
  for (std::size_t r = 0; r < kRows; ++r) in.push_back(r % 3 == 0 ? 1e16 : r % 3 == 1 ? 1 : -1e16);
  for (const Backend backend : backends()) {
    for (const unsigned vectors : {1u, 2u, 4u}) {
      for (const Function& g : {f, smooth}) {
        const Kernel kernel = compile(g, {.backend = backend,
                                          .summation = CompileOptions::Summation::compensated,
                                          .row_vectors = vectors});
        for (const unsigned threads : {1u, 3u}) {
          EXPECT_EQ(kernel.sum({}, in, threads)[0], kRows / 3) << name_of(backend);
        }
      }
    }
  }
}

TEST(Running, compensated_sums_of_what_is_not_finite_are_as_plain_ones) {
  const Function f = record([](Scalar x) { return exp(x); }, 1.0);
  for (const Backend backend : backends()) {
    const Kernel kernel =
        compile(f, {.backend = backend, .summation = CompileOptions::Summation::compensated});
    std::vector<double> in(50, 1.0);
    in[17] = 1000;
    EXPECT_EQ(kernel.sum({}, in)[0], std::numeric_limits<double>::infinity());
    in[20] = std::nan("");
    EXPECT_TRUE(std::isnan(kernel.sum({}, in)[0]));
  }
}

// ---- what blocks throw --------------------------------------------------------------------------

struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

auto positive_root() {
  return custom(
      "positive_root",
      [](double x) {
        if (x < 0) throw Refused("no root of " + std::to_string(x));
        return std::sqrt(x);
      },
      [](auto, auto z, auto zbar) { return zbar / (2.0 * z); });
}

std::string refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Refused& refused) {
    return refused.what();
  }
  return "";
}

TEST(Running, hands_on_what_a_block_throws) {
  const Function f = record(
      [](Scalar x, Scalar y) {
        const Scalar first = positive_root()(x);
        return first + positive_root()(x + y);
      },
      1.0, 1.0);
  for (const Function& g : {f, value_and_grad(f, kEveryArgument)}) {
    for (const Backend backend : backends()) {
      for (const unsigned vectors : {1u, 4u}) {
        const Kernel kernel = compile(g, {.backend = backend, .row_vectors = vectors});
        std::vector<double> in(100, 1.0), out(50 * g.outputs());
        const std::vector<double> fine{4.0}, bad{-4.0};
        EXPECT_EQ(refusal_of([&] { kernel.map({}, in, out); }), "");
        EXPECT_EQ(refusal_of([&] { kernel({-2.0, 1.0}); }), "no root of -2.000000");
        for (const std::size_t row : {0u, 7u, 31u, 49u}) {
          in.assign(100, 1.0);
          in[2 * row] = -3.0;
          EXPECT_EQ(refusal_of([&] { kernel.map({}, in, out); }), "no root of -3.000000");
          EXPECT_EQ(refusal_of([&] { kernel.sum({}, in); }), "no root of -3.000000");
          EXPECT_EQ(refusal_of([&] { kernel.map({}, in, out, 2); }), "no root of -3.000000");
        }
        // A shared number at which the block throws, and no row's.
        in.assign(50, 10.0);
        EXPECT_EQ(refusal_of([&] { kernel.map(fine, in, out); }), "");
        EXPECT_EQ(refusal_of([&] { kernel.map(bad, in, out); }), "no root of -4.000000")
            << name_of(backend);
        EXPECT_EQ(refusal_of([&] { kernel.sum(bad, in); }), "no root of -4.000000");
        EXPECT_EQ(refusal_of([&] { kernel.map({}, std::vector(100, 1.0), out); }), "")
            << "after it has thrown";
      }
    }
  }
}

TEST(Running, hands_on_what_a_block_in_a_loop_throws) {
  const Function f =
      record([](const std::vector<Scalar>& x,
                Scalar y) { return sum_over([y](Scalar a) { return positive_root()(a) * y; }, x); },
             shape(3), 1.0);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend});
    std::vector<double> out(10), ys(10, 2.0);
    EXPECT_EQ(refusal_of([&] { kernel.map(std::vector{1.0, 4.0, 9.0}, ys, out); }), "");
    EXPECT_EQ(out, std::vector<double>(10, 12.0));
    EXPECT_EQ(refusal_of([&] {
                kernel.map(std::vector{1.0, -4.0, 9.0}, ys, out);
              }),
              "no root of -4.000000");
    std::vector<double> in(40, 1.0);
    EXPECT_EQ(refusal_of([&] { kernel.map({}, in, out); }), "");
    in[4 * 6 + 2] = -1;
    EXPECT_EQ(refusal_of([&] { kernel.map({}, in, out); }), "no root of -1.000000");
  }
}

// A loop with a branch that shared numbers alone decide.
TEST(Running, answers_when_shared_numbers_take_another_branch_in_a_loop) {
  const Function f = record(
      [](const std::vector<Scalar>& x, Scalar y) {
        return y * fold([](Scalar p, Scalar a) { return a > 0.0 ? p + a : p - 2.0 * a; }, 0.0, x);
      },
      std::vector<double>(3, 1.0), 1.0);
  const std::vector<double> ys = counted_up(40);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend});
    for (const std::vector<double>& x :
         {std::vector{1., 2., 3.}, std::vector{1., -2., 3.}, std::vector{-1., -2., -3.}}) {
      double factor = 0, total = 0;
      for (const double a : x) factor += a > 0 ? a : -2 * a;
      std::vector<double> out(ys.size());
      kernel.map(x, ys, out);
      for (std::size_t r = 0; r < ys.size(); ++r) {
        EXPECT_EQ(out[r], ys[r] * factor) << name_of(backend);
        total += out[r];
      }
      EXPECT_NEAR(kernel.sum(x, ys)[0], total, 1e-12 * total) << name_of(backend);
    }
  }
}

TEST(Running, is_nested_where_a_block_runs_a_kernel) {
  for (const Backend backend : backends()) {
    const Kernel inner =
        compile(record([](Scalar x) { return x * x + 1.0; }, 1.0), {.backend = backend});
    const auto call_inner = custom(
        "inner",
        [inner](double x) {
          std::vector<double> in(20, x), out(20);
          inner.map({}, in, out);
          return out[19] + inner({x})[0];
        },
        [](auto x, auto, auto zbar) { return zbar * 4.0 * x; });
    const Function f =
        record([call_inner](Scalar x, Scalar y) { return call_inner(x * y) + y; }, 1.0, 2.0);
    const Kernel kernel = compile(f, {.backend = backend});
    const std::vector<double> in = counted_up(80);
    std::vector<double> out(40);
    kernel.map({}, in, out);
    for (std::size_t r = 0; r < 40; ++r) {
      const double p = in[2 * r] * in[2 * r + 1];
      EXPECT_NEAR(out[r], 2 * (p * p + 1) + in[2 * r + 1], 1e-14);
    }
  }
}

}  // namespace
}  // namespace chainrule
