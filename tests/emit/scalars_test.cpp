// A Kernel on Scalars: a block of the recording, whose derivatives are the Function's own.
#include <gtest/gtest.h>

#include "chainrule/block/checkpoint.hpp"
#include "chainrule/block/custom.hpp"
#include "chainrule/chainrule.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"
#include "tests/emit/kernels.hpp"

namespace chainrule {
namespace {

using namespace test;

void expect_near(const std::vector<double>& expected, const std::vector<double>& got,
                 const std::string& what) {
  ASSERT_EQ(expected.size(), got.size()) << what;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    if (std::isnan(expected[k])) {
      EXPECT_TRUE(std::isnan(got[k])) << what << ", number " << k;
    } else {
      EXPECT_NEAR(expected[k], got[k], 1e-12 * (1 + std::fabs(expected[k])))
          << what << ", number " << k;
    }
  }
}

// Smooth, with a branch, with a choice, with a loop, and with a block.
std::vector<std::pair<std::string, Function>> functions() {
  const auto cube = custom(
      "cube", [](double x) { return x * x * x; },
      [](auto x, auto, auto zbar) { return zbar * (3.0 * x * x); });
  return {
      {"smooth",
       record([](Scalar x, Scalar y) { return sin(x * y) + exp(x) / (2.0 + y * y); }, 1.0, 2.0)},
      {"branch",
       record([](Scalar x, Scalar y) { return x * y > 0.5 ? sin(x) * y : exp(x + y); }, 1.0, 2.0)},
      {"choice",
       record([](Scalar x, Scalar y) { return select(x > y, sqrt(x - y), x * x * y); }, 1.0, 2.0)},
      {"loop",
       record(
           [](Scalar x, Scalar y) {
             return sum_over([x](Scalar a) { return tanh(a * x); }, std::vector<Scalar>{x, y, 0.5});
           },
           1.0, 2.0)},
      {"block", record([cube](Scalar x, Scalar y) { return cube(x - y) * y; }, 1.0, 2.0)},
  };
}

// All inputs as one vector.
template <class F>
std::vector<double> at(const F& f, const std::vector<double>& x) {
  return f(std::span<const double>(x));
}

const std::vector<std::vector<double>> kPoints{
    {0.3, 0.7}, {-1.25, 0.5}, {2.0, 1.0}, {0.5, -2.0}, {1.5, 1.5}};

// What uses the kernel, or the function, as one of its parts.
template <class F>
Function around(const F& f) {
  return record(
      [f](Scalar x, Scalar y) {
        const Scalar in[] = {x * x, x + y};
        return f(std::span<const Scalar>(in))[0] * y + sin(x);
      },
      1.0, 2.0);
}

TEST(KernelOnScalars, differentiates_as_its_function_does) {
  for (const auto& [name, f] : functions()) {
    for (const Backend backend : backends()) {
      const Kernel kernel = compile(f, {.backend = backend});
      const Function with_kernel = around(kernel), with_function = around(f);
      for (const std::vector<double>& x : kPoints) {
        const std::string what = name + ", " + std::string(name_of(backend));
        expect_near(at(with_function, x), at(with_kernel, x), what);
        expect_near(at(grad(with_function, kEveryArgument), x),
                    at(grad(with_kernel, kEveryArgument), x), what + ", gradient");
        expect_near(at(hessian(with_function, 0), x), at(hessian(with_kernel, 0), x),
                    what + ", hessian");
        const std::vector<double> with_direction{x[0], x[1], 0.5};
        expect_near(at(jvp(with_function, 1), with_direction),
                    at(jvp(with_kernel, 1), with_direction), what + ", jvp");
        expect_near(at(hvp(with_function, 1), with_direction),
                    at(hvp(with_kernel, 1), with_direction), what + ", hvp");
      }
    }
  }
}

TEST(KernelOnScalars, differentiates_on_a_tape_of_its_own) {
  for (const auto& [name, f] : functions()) {
    const Kernel kernel = compile(f);
    for (const std::vector<double>& at : kPoints) {
      const Frame frame = Tape::active().frame();
      const std::vector<Scalar> x{variable(at[0]), variable(at[1])};
      const Scalar z = kernel(std::span<const Scalar>(x))[0];
      const Scalar y = f(std::span<const Scalar>(x))[0];
      expect_near(gradient(y, x), gradient(z, x), name);
      expect_near(hessian(y, x), hessian(z, x), name + ", hessian");
      for (std::size_t k = 0; k < 2; ++k) EXPECT_EQ(reach(y, x[k]), reach(z, x[k])) << name;
    }
  }
}

TEST(KernelOnScalars, is_a_part_of_what_is_compiled_again) {
  for (const auto& [name, f] : functions()) {
    for (const Backend backend : backends()) {
      const Kernel kernel = compile(f, {.backend = backend});
      const Function slopes = value_and_grad(around(f), kEveryArgument);
      const Kernel again =
          compile(value_and_grad(around(kernel), kEveryArgument), {.backend = backend});
      std::vector<double> in, out(3 * kPoints.size());
      for (const std::vector<double>& x : kPoints) in.insert(in.end(), x.begin(), x.end());
      again.map({}, in, out);
      for (std::size_t r = 0; r < kPoints.size(); ++r) {
        expect_near(at(slopes, kPoints[r]),
                    {out.begin() + long(3 * r), out.begin() + long(3 * r + 3)},
                    name + ", " + std::string(name_of(backend)));
      }
    }
  }
}

TEST(KernelOnScalars, is_checkpointed) {
  for (const auto& [name, f] : functions()) {
    const Kernel kernel = compile(f);
    const Function g = record(
        [kernel](Scalar x, Scalar y) {
          const auto part = checkpoint([kernel](Scalar a, Scalar b) {
            const Scalar in[] = {a * a, a + b};
            return kernel(std::span<const Scalar>(in))[0] * b;
          });
          return part(x, y) + sin(x);
        },
        1.0, 2.0);
    const Function expected = around(f);
    for (const std::vector<double>& x : kPoints) {
      expect_near(at(value_and_grad(expected, kEveryArgument), x),
                  at(value_and_grad(g, kEveryArgument), x), name);
      expect_near(at(hessian(expected), x), at(hessian(g), x), name);
      const Kernel compiled = compile(value_and_grad(g, kEveryArgument));
      expect_near(at(value_and_grad(expected, kEveryArgument), x), at(compiled, x),
                  name + ", compiled");
    }
  }
}

TEST(KernelOnScalars, in_a_loop_is_a_loop_of_its_function) {
  for (const auto& [name, f] : functions()) {
    const Kernel kernel = compile(f);
    const auto looped = [](const auto& part) {
      return record(
          [part](Scalar x, const std::vector<Scalar>& y) {
            return fold(
                [part](Scalar p, Scalar a) {
                  const Scalar in[] = {p, a};
                  return 0.25 * part(std::span<const Scalar>(in))[0];
                },
                x, y);
          },
          1.0, shape(4));
    };
    const Function with_kernel = value_and_grad(looped(kernel), kEveryArgument);
    const Function with_function = value_and_grad(looped(f), kEveryArgument);
    const std::vector<double> x{0.5, 0.25, -0.5, 1.0, 0.75};
    expect_near(at(with_function, x), at(with_kernel, x), name);
    expect_near(at(with_function, x), at(compile(with_kernel), x), name + ", compiled");
  }
}

// An input that f ignores, or that a choice cuts off, is told from one whose slope is 0.
TEST(KernelOnScalars, tells_what_is_cut_off) {
  const Function f =
      record([](Scalar x, Scalar y, Scalar) { return select(x > 0.0, x, y); }, 1.0, 2.0, 3.0);
  const Kernel kernel = compile(f);
  const std::vector<Scalar> x{variable(1.0), variable(2.0), variable(3.0)};
  const Scalar z = kernel(std::span<const Scalar>(x))[0];
  EXPECT_EQ(reach(z, x[0]), Reach::reached);
  EXPECT_EQ(reach(z, x[1]), Reach::cut);
  EXPECT_EQ(gradient(z, x), (std::vector<double>{1, 0, 0}));
  const std::vector<Scalar> nan{variable(std::nan("")), variable(-1.0), variable(3.0)};
  EXPECT_EQ(gradient(kernel(std::span<const Scalar>(nan))[0], nan), (std::vector<double>{0, 1, 0}));
}

TEST(KernelOnScalars, of_plain_numbers_is_plain_numbers) {
  const Kernel kernel = compile(functions()[0].second);
  const Scalar in[] = {0.3, 0.7};
  const Scalar z = kernel(std::span<const Scalar>(in))[0];
  EXPECT_TRUE(z.is_number());
  EXPECT_EQ(z.value(), kernel({0.3, 0.7})[0]);
}

}  // namespace
}  // namespace chainrule
