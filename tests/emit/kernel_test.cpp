// Kernels against the Functions that they were compiled from.
#include "chainrule/emit/kernel.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <sstream>

#include "chainrule/emit/factor_internal.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"
#include "chainrule/transform/split.hpp"

namespace chainrule {
namespace {

std::vector<Backend> backends() {
  std::vector<Backend> all;
  for (const Backend backend : {Backend::avx512, Backend::avx2, Backend::interpret}) {
    if (is_available(backend)) all.push_back(backend);
  }
  return all;
}

std::vector<double> random_numbers(std::size_t count, unsigned seed = 1, double low = -2,
                                   double high = 2) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<double> numbers(count);
  for (double& x : numbers) x = uniform(random);
  return numbers;
}

void expect_near(double expected, double got, double relative = 1e-13) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(got)) << got;
    return;
  }
  if (std::isinf(expected)) {
    EXPECT_EQ(expected, got);
    return;
  }
  EXPECT_NEAR(expected, got, relative * (1 + std::fabs(expected)));
}

Function polynomial() {
  return record([](Scalar x, Scalar y) { return x * y + sin(x) / (2.0 + y * y) - exp(y); }, 1.0,
                2.0);
}

TEST(Kernel, one_point_is_what_the_function_gives) {
  const Function f = polynomial();
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend});
    expect_near(f(0.3, -1.2)[0], kernel({0.3, -1.2})[0]);
  }
}

TEST(Kernel, rows_are_what_the_function_gives_row_by_row_for_every_count_of_rows) {
  const Function f = value_and_grad(polynomial(), kEveryArgument);
  for (const Backend backend : backends()) {
    for (const unsigned vectors : {1u, 2u, 4u}) {
      const Kernel kernel = compile(f, {.backend = backend, .row_vectors = vectors});
      for (const std::size_t rows : {0u, 1u, 3u, 7u, 8u, 9u, 31u, 32u, 33u, 100u}) {
        const std::vector<double> in = random_numbers(2 * rows);
        std::vector<double> out(3 * rows, -99);
        kernel.map({}, in, out);
        for (std::size_t r = 0; r < rows; ++r) {
          const auto expected = f(std::span(in).subspan(2 * r, 2));
          for (std::size_t k = 0; k < 3; ++k) expect_near(expected[k], out[3 * r + k]);
        }
      }
    }
  }
}

TEST(Kernel, sums_over_rows_are_the_sums_of_the_rows) {
  const Function f = value_and_grad(polynomial(), kEveryArgument);
  for (const Backend backend : backends()) {
    for (const unsigned vectors : {1u, 2u, 4u}) {
      for (const auto summation :
           {CompileOptions::Summation::plain, CompileOptions::Summation::compensated}) {
        const Kernel kernel =
            compile(f, {.backend = backend, .summation = summation, .row_vectors = vectors});
        for (const std::size_t rows : {1u, 8u, 33u, 100u}) {
          const std::vector<double> in = random_numbers(rows, 2);
          const double shared[] = {0.7};
          std::vector<double> expected(3);
          for (std::size_t r = 0; r < rows; ++r) {
            const auto row = f(0.7, in[r]);
            for (std::size_t k = 0; k < 3; ++k) expected[k] += row[k];
          }
          const std::vector<double> sums = kernel.sum(shared, in);
          for (std::size_t k = 0; k < 3; ++k) expect_near(expected[k], sums[k], 1e-12);
        }
      }
    }
  }
}

TEST(Kernel, loops_are_what_their_steps_give) {
  const Function f = record(
      [](const std::vector<Scalar>& x, const std::vector<Scalar>& w) {
        const auto ys = map([x](Scalar a, Scalar b) { return tanh(a * b) + x[0] * b; }, x, w);
        const Scalar total = sum_over([](Scalar y, Scalar a) { return y * y + a; }, ys, x);
        return fold([](Scalar p, Scalar c) { return 0.5 * p + c; }, total, w);
      },
      shape(5), shape(5));
  for (const Function& g : {f, grad(f, kEveryArgument), hessian(f, 1)}) {
    for (const Backend backend : backends()) {
      for (const unsigned vectors : {1u, 4u}) {
        const Kernel kernel = compile(g, {.backend = backend, .row_vectors = vectors});
        const std::size_t rows = 37;
        const std::vector<double> in = random_numbers(10 * rows);
        std::vector<double> out(g.outputs() * rows);
        kernel.map({}, in, out);
        for (std::size_t r = 0; r < rows; ++r) {
          const auto expected = g(std::span(in).subspan(10 * r, 10));
          for (std::size_t k = 0; k < g.outputs(); ++k) {
            expect_near(expected[k], out[g.outputs() * r + k], 1e-12);
          }
        }
        const std::vector<double> shared = random_numbers(5, 3), rest = random_numbers(5 * rows, 4);
        std::vector<double> expected(g.outputs());
        for (std::size_t r = 0; r < rows; ++r) {
          std::vector<double> row = shared;
          row.insert(row.end(), rest.begin() + static_cast<long>(5 * r),
                     rest.begin() + static_cast<long>(5 * r + 5));
          const auto one = g(std::span<const double>(row));
          for (std::size_t k = 0; k < one.size(); ++k) expected[k] += one[k];
        }
        const std::vector<double> sums = kernel.sum(shared, rest);
        for (std::size_t k = 0; k < sums.size(); ++k) expect_near(expected[k], sums[k], 1e-11);
      }
    }
  }
}

TEST(Kernel, a_row_on_another_branch_is_answered_all_the_same) {
  const Function f = record(
      [](Scalar x) {
        Scalar y = x;
        while (y < 100.0) y = y * 3.0;
        return y;
      },
      5.0);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend});
    std::vector<double> in = random_numbers(100, 5, 0.1, 200), out(100);
    kernel.map({}, in, out);
    double total = 0;
    for (std::size_t r = 0; r < in.size(); ++r) {
      double y = in[r];
      while (y < 100.0) y = y * 3.0;
      total += y;
      EXPECT_EQ(y, out[r]);
    }
    expect_near(total, kernel.sum({}, in)[0]);
  }
}

TEST(Kernel, many_live_values_are_spilled_and_found_again) {
  const Function f = record(
      [](const std::vector<Scalar>& x) {
        std::vector<Scalar> parts;
        for (std::size_t i = 0; i < 100; ++i) {
          parts.push_back(sin(x[i]) * x[(i + 1) % 100] + x[(i * 7) % 100]);
        }
        Scalar sum = 0.0;
        for (std::size_t i = 0; i < 100; ++i) sum += parts[i] * parts[(i * 13 + 5) % 100];
        return sum;
      },
      shape(100));
  const Function g = grad(f);
  const std::vector<double> in = random_numbers(1700);
  for (const Backend backend : backends()) {
    for (const unsigned vectors : {1u, 2u, 4u}) {
      const Kernel kernel = compile(g, {.backend = backend, .row_vectors = vectors});
      std::vector<double> out(1700);
      kernel.map({}, in, out);
      for (std::size_t r = 0; r < 17; ++r) {
        const auto expected = g(std::span(in).subspan(100 * r, 100));
        for (std::size_t k = 0; k < 100; ++k) expect_near(expected[k], out[100 * r + k], 1e-12);
      }
    }
  }
}

// Whether sums over rows of f, whose first argument all share, take a factor out.
bool is_factored(const Function& f) {
  const std::optional<Trace> kept = keep_steps(f.trace());
  const Trace trace = optimise(kept ? *kept : f.trace(), {.arithmetic = Arithmetic::relaxed});
  emit::Layout layout{std::vector<bool>(f.inputs()), std::vector<bool>(f.outputs(), true)};
  std::fill_n(layout.is_shared.begin(), f.arguments()[0].example.size(), true);
  return factor_sums(trace, layout).has_value();
}

// d/dl Σ (log s(x) exp(l)) has a factor that all rows share: what is summed is divided by it.
TEST(Kernel, what_all_rows_share_is_multiplied_after_the_sum) {
  constexpr std::size_t kSteps = 6, kWide = 3;
  const Function f = record(
      [](const std::vector<Scalar>& l, const std::vector<Scalar>& x) {
        std::vector<std::vector<Scalar>> rows(kSteps);
        Scalar total = 0.0;
        for (std::size_t t = 0; t < kSteps; ++t) {
          for (std::size_t i = 0; i < kWide; ++i) {
            rows[t].push_back(exp(l[t * kWide + i]));
            total += l[t * kWide + i] * x[0];
          }
        }
        const auto ys = map(
            [x](const std::vector<Scalar>& row) {
              Scalar sum = 0.0;
              for (std::size_t i = 0; i < kWide; ++i) sum += row[i] * x[i] * row[i];
              return sin(sum);
            },
            rows);
        for (const Scalar& y : ys) total += y * y;
        return -total;
      },
      shape(kSteps * kWide), shape(kWide));
  for (const Function& g : {value_and_grad(f, 0), value_and_grad(f, kEveryArgument)}) {
    EXPECT_TRUE(is_factored(g));
    const std::vector<double> shared = random_numbers(kSteps * kWide, 1, -1, 1);
    const std::vector<double> xs = random_numbers(kWide * 53, 2);
    std::vector<double> expected(g.outputs());
    for (std::size_t r = 0; r < 53; ++r) {
      std::vector<double> in = shared;
      in.insert(in.end(), xs.begin() + static_cast<long>(kWide * r),
                xs.begin() + static_cast<long>(kWide * (r + 1)));
      const auto row = g(std::span<const double>(in));
      for (std::size_t k = 0; k < row.size(); ++k) expected[k] += row[k];
    }
    for (const Backend backend : backends()) {
      for (const unsigned threads : {1u, 2u}) {
        const std::vector<double> sums = compile(g, {.backend = backend}).sum(shared, xs, threads);
        for (std::size_t k = 0; k < sums.size(); ++k) expect_near(expected[k], sums[k], 1e-12);
      }
    }
  }
}

// More sums than are kept lane by lane, in a loop and beside it, in counts that fill no group.
TEST(Kernel, thousands_of_sums_are_right_each) {
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
  const std::vector<double> shared = random_numbers(kSteps * kWide + 37),
                            xs = random_numbers(45, 2);
  double first = 0, second = 0;
  for (const double x : xs) first += x, second += x * x;
  for (const Backend backend : backends()) {
    for (const unsigned vectors : {1u, 2u, 4u}) {
      const Kernel kernel = compile(g, {.backend = backend, .row_vectors = vectors});
      const std::vector<double> sums = kernel.sum(shared, xs);
      for (std::size_t k = 0; k < shared.size(); ++k) {
        const double slope = 2 * shared[k] * (k < kSteps * kWide ? first : second);
        expect_near(slope, sums[1 + k], 1e-12);
      }
    }
  }
}

// A slot of the frame that a loop reads last, and twice in one instruction, is given back once: or
// two of the values after the loop would share it.
TEST(Kernel, what_a_loop_squares_last_is_spilled_apart_from_what_comes_after) {
  const Function f = record(
      [](const std::vector<Scalar>& x) {
        std::vector<Scalar> parts;
        for (std::size_t i = 0; i < 40; ++i) parts.push_back(x[i] * x[(i + 3) % 40]);
        const Scalar looped = sum_over(
            [parts](Scalar a) {
              Scalar sum = a;
              for (const Scalar& part : parts) sum += part * part;
              return sum;
            },
            std::vector<Scalar>{x[0], x[1], x[2]});
        std::vector<Scalar> later;
        for (std::size_t i = 0; i < 40; ++i) later.push_back(x[i] + looped);
        Scalar sum = looped;  // all of them twice: they are all there at once
        for (int pass = 0; pass < 2; ++pass) {
          for (const Scalar& y : later) sum = sum * 0.5 + y;
        }
        return sum;
      },
      shape(40));
  const std::vector<double> in = random_numbers(40 * 9);
  for (const Backend backend : backends()) {
    for (const unsigned vectors : {1u, 2u, 4u}) {
      const Kernel kernel = compile(
          f, {.backend = backend, .arithmetic = Arithmetic::strict, .row_vectors = vectors});
      std::vector<double> out(9);
      kernel.map({}, in, out);
      for (std::size_t r = 0; r < 9; ++r) {
        EXPECT_EQ(f(std::span<const double>(in).subspan(40 * r, 40))[0], out[r]);
      }
    }
  }
}

// u Σa takes u as it is, and an output u is summed over the rows.
TEST(Kernel, what_rows_share_may_be_summed_beside_what_it_is_a_factor_of) {
  const Function f = record(
      [](Scalar u, const std::vector<Scalar>& x) {
        const std::vector<Scalar> a = map([](Scalar s) { return exp(sin(s)); }, x);
        const Scalar v = u + 1.0, b = x[0] * x[0];
        return std::vector<Scalar>{u * a[0], v * (a[1] + a[2]), a[3] / u, a[4], u, v, b, u * b};
      },
      1.0, shape(5));
  ASSERT_TRUE(is_factored(f));
  const std::vector<double> rows = random_numbers(5 * 21);
  for (const double u : {3.0, 0.0, -2.0, std::numeric_limits<double>::infinity()}) {
    SCOPED_TRACE(u);
    std::vector<double> expected(f.outputs());
    for (std::size_t r = 0; r < 21; ++r) {
      std::vector<double> in = {u};
      in.insert(in.end(), rows.begin() + static_cast<long>(5 * r),
                rows.begin() + static_cast<long>(5 * (r + 1)));
      const std::vector<double> row = f(std::span<const double>(in));
      for (std::size_t k = 0; k < row.size(); ++k) expected[k] += row[k];
    }
    for (const Backend backend : backends()) {
      const std::vector<double> sums = compile(f, {.backend = backend}).sum({{u}}, rows);
      for (std::size_t k = 0; k < sums.size(); ++k) expect_near(expected[k], sums[k]);
    }
  }
}

// ---- dumps --------------------------------------------------------------------------------------

// The traces of a dump, by their titles.
std::vector<std::pair<std::string, std::string>> titled_parts(const std::string& dump) {
  std::vector<std::pair<std::string, std::string>> parts;
  std::istringstream lines(dump);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("; ")) {
      parts.push_back({line.substr(2), ""});
    } else if (!parts.empty()) {
      parts.back().second += line + "\n";
    }
  }
  return parts;
}

TEST(Kernel, a_dump_shows_the_bodies_of_loops_and_of_loops_in_them) {
  const Function f = record(
      [](const std::vector<Scalar>& x, Scalar y) {
        return fold(
            3,
            [x, y](Scalar p) {
              return p * y + sum_over([y](Scalar a) { return sin(a * y) + sin(a * y); }, x);
            },
            0.5);
      },
      shape(4), 1.0);
  for (const Backend backend : backends()) {
    const Kernel kernel = compile(f, {.backend = backend});
    for (const char* letter : {"t", "o"}) {
      const auto parts = titled_parts(kernel.dump(letter));
      ASSERT_EQ(parts.size(), 3u) << kernel.dump(letter);
      const std::string name = *letter == 't' ? "trace" : "optimised";
      EXPECT_EQ(parts[0].first, name);
      EXPECT_TRUE(parts[1].first.starts_with(name + ", body of the loop %")) << parts[1].first;
      EXPECT_TRUE(parts[1].first.ends_with(": 3 steps")) << parts[1].first;
      EXPECT_TRUE(parts[2].first.starts_with(parts[1].first + ", body of the loop %"));
      EXPECT_TRUE(parts[2].first.ends_with(": 4 steps")) << parts[2].first;
      // The sine is computed once where the body is optimised.
      const Function body(parse_trace(parts[2].second));
      EXPECT_EQ(body(3.0, 0.25)[0], 2 * std::sin(0.75));
      const bool is_optimised = *letter == 'o' && backend != Backend::interpret;
      const auto is_sine = [](const GraphNode& node) {
        return node.kind == VertexKind::operation && node.op == Op::sin;
      };
      const auto nodes = body.trace().graph.nodes();
      EXPECT_EQ(std::count_if(nodes.begin(), nodes.end(), is_sine), is_optimised ? 1 : 2)
          << parts[2].second;
    }
  }
}

}  // namespace
}  // namespace chainrule
