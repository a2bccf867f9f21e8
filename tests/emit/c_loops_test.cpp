// emit_c of Functions with loops: the digits of the Function, and text that does not grow with the
// steps.
#include <bit>

#include "chainrule/emit/c/emit_c.hpp"
#include "chainrule/tape/block.hpp"
#include "tests/emit/c_library.hpp"
#include "tests/emit/kernels.hpp"
#include "tests/transform/random_loops.hpp"

namespace chainrule {
namespace {

using test::CLibrary;
using test::LoopProgram;
using test::random_numbers;
using test::same;
using test::Scalars;
using Values = std::vector<double>;

constexpr double kUnwritten = 1e99;

EmitCOptions strict(std::string name, std::vector<CPart> parts) {
  return {.name = std::move(name), .parts = std::move(parts), .arithmetic = Arithmetic::strict};
}

void expect_same_bits(std::span<const double> got, std::span<const double> expected,
                      const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    EXPECT_TRUE(same(got[k], expected[k]))
        << what << ", number " << k << ": " << got[k] << " for " << expected[k];
  }
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::vector<CPart> parts_of(const Function& f) {
  if (f.outputs() != 1) return {CPart::value, CPart::jacobian};
  return {CPart::value, CPart::gradient, CPart::jacobian, CPart::hessian};
}

/// Functions as C against what they and their derivatives give.
class Compared {
 public:
  void add(const std::string& name, const Function& f) { add(name, f, parts_of(f)); }
  void add(const std::string& name, const Function& f, std::vector<CPart> parts) {
    sources_.push_back(emit_c(f, strict(name, parts)).source);
    library_.add(sources_.back());
    all_.push_back({name, f, std::move(parts)});
  }
  const std::string& source(std::size_t k) const { return sources_[k]; }
  void compile(const std::string& optimisation = "-O1") { library_.compile(optimisation); }

  // How many parts gave an answer; a guard may stand in the way.
  std::size_t compare(const Values& x, std::size_t k) {
    const One& one = all_[k];
    return static_cast<std::size_t>(std::count_if(
        one.parts.begin(), one.parts.end(), [&](CPart part) { return is_answered(one, part, x); }));
  }
  void expect_all(const Values& x, std::size_t k) {
    EXPECT_EQ(compare(x, k), all_[k].parts.size()) << all_[k].name;
  }
  const Function& function(std::size_t k) const { return all_[k].f; }
  std::size_t size() const { return all_.size(); }

 private:
  struct One {
    std::string name;
    Function f;
    std::vector<CPart> parts;
  };

  bool is_answered(const One& one, CPart part, const Values& x) {
    const auto& [name, f, parts] = one;
    const std::span<const double> in(x);
    Values y(f.outputs(), kUnwritten), g(x.size()), j(f.outputs() * x.size()),
        h(x.size() * x.size());
    int guard = 0;
    switch (part) {
      case CPart::value: guard = library_.call(name + "_value", x, {y}); break;
      case CPart::gradient: guard = library_.call(name + "_gradient", x, {y, g}); break;
      case CPart::jacobian: guard = library_.call(name + "_jacobian", x, {y, j}); break;
      case CPart::hessian: guard = library_.call(name + "_hessian", x, {y, g, h}); break;
    }
    if (guard != 0) {
      for (const double number : y) EXPECT_EQ(number, kUnwritten) << name << ": written";
      return false;
    }
    expect_same_bits(y, f(in), name + ", value");
    if (part == CPart::gradient) {
      expect_same_bits(g, grad(f, kEveryArgument)(in), name + ", gradient");
    }
    if (part == CPart::jacobian) {
      expect_same_bits(j, jacobian(f, kEveryArgument)(in), name + ", jacobian");
    }
    if (part == CPart::hessian) {
      // Second derivatives may be added up in another order than those of hessian(f).
      const Values expected = hessian(f, kEveryArgument)(in);
      double size = 1;
      for (const double number : expected) size = std::max(size, std::abs(number));
      for (std::size_t i = 0; i < h.size(); ++i) {
        EXPECT_TRUE(same(h[i], expected[i]) || std::abs(h[i] - expected[i]) < 1e-12 * size)
            << name << ", hessian " << i << ": " << h[i] << " for " << expected[i];
      }
    }
    return true;
  }

  std::vector<One> all_;
  std::vector<std::string> sources_;
  CLibrary library_;
};

TEST(EmitCLoops, give_the_digits_of_the_function) {
  Compared all;
  all.add("mapped",
          record([](const Scalars& xs,
                    Scalar w) { return map([w](Scalar x) { return tanh(w * x) / x; }, xs); },
                 shape(7), 2.0));
  all.add("summed", record(
                        [](const Scalars& xs, const Scalars& ys) {
                          return sum_over([](Scalar x, Scalar y) { return exp(x * y); }, xs, ys);
                        },
                        shape(6), shape(6)));
  all.add("folded", record(
                        [](const Scalars& cs, Scalar x) {
                          return fold([x](Scalar p, Scalar c) { return sin(p * x + c); }, x, cs);
                        },
                        shape(9), 0.5));
  all.add("scanned", record(
                         [](const Scalars& xs, Scalar w) {
                           const auto [last, ys] = scan(
                               [w](const std::array<Scalar, 2>& c, Scalar x) {
                                 const Scalar next = c[0] * x - w * c[1];
                                 return std::pair(std::array<Scalar, 2>{c[1], next}, next * next);
                               },
                               std::array<Scalar, 2>{w, 1.0}, xs);
                           Scalars out = ys;
                           out.push_back(last[0] + last[1]);
                           return out;
                         },
                         shape(5), 0.75));
  all.add("counted", record(
                         [](Scalar x) {
                           return fold(
                               12, [x](Scalar p, Scalar t) { return p * x + t * sqrt(x); }, 0.0);
                         },
                         0.5));
  ASSERT_NO_FATAL_FAILURE(all.compile());
  for (unsigned seed = 1; seed < 20; ++seed) {
    for (std::size_t k = 0; k < all.size(); ++k) {
      Values x = random_numbers(all.function(k).inputs(), seed);
      if (k == 4) x[0] = std::abs(x[0]);
      all.expect_all(x, k);
    }
  }
}

// What a loop reads lies where it lies: of rows of a matrix, backwards, the same for all steps,
// numbers, computed before.
TEST(EmitCLoops, read_slices_of_every_kind) {
  Compared all;
  const auto rows_of = [](const Scalars& a) {
    std::vector<Scalars> rows;
    for (std::size_t r = 0; r < 4; ++r) {
      rows.emplace_back(a.begin() + static_cast<std::ptrdiff_t>(3 * r),
                        a.begin() + static_cast<std::ptrdiff_t>(3 * r + 3));
    }
    return rows;
  };
  all.add("product", record(
                         [rows_of](const Scalars& a, const Scalars& b) {
                           return map(
                               [b](const Scalars& row) {
                                 return sum_over([](Scalar x, Scalar y) { return x * y; }, row, b);
                               },
                               rows_of(a));
                         },
                         shape(12), shape(3)));
  all.add("reversed", record(
                          [](const Scalars& a) {
                            Scalars back(a.rbegin(), a.rend());
                            return fold([](Scalar p, Scalar x, Scalar y) { return p * x - y; }, 1.0,
                                        a, back);
                          },
                          shape(8)));
  all.add("mixed",
          record(
              [](const Scalars& a) {
                const Scalars numbers = {0.5, -1.5, 2.0, INFINITY, -0.0};
                const Scalars computed = {sin(a[0]), a[1] * a[2], a[3], 2.5, a[0] + a[4]};
                const Scalars alike(5, a[1] * a[1]), irregular = {a[0], a[2], a[1], a[4], a[3]};
                return sum_over([](Scalar x, Scalar c, Scalar d, Scalar i,
                                   Scalar j) { return x * d + select(c > 1.0, d, i * j) - j; },
                                a, numbers, computed, alike, irregular);
              },
              shape(5)));
  ASSERT_NO_FATAL_FAILURE(all.compile());
  for (unsigned seed = 1; seed < 10; ++seed) {
    for (std::size_t k = 0; k < all.size(); ++k) {
      all.expect_all(random_numbers(all.function(k).inputs(), seed), k);
    }
  }
}

// Carries, results and numbers of loops in loops, and of what is around them.
TEST(EmitCLoops, stand_in_loops_with_carries_and_sums) {
  Compared all;
  all.add("nested", record(
                        [](const Scalars& a, Scalar w) {
                          return fold(
                              3,
                              [a, w](const std::array<Scalar, 2>& c, Scalar t) {
                                const Scalar s =
                                    sum_over([c, t](Scalar x) { return x * c[0] + c[1] * t; }, a);
                                const Scalar q = fold(
                                    [w, t](Scalar p, Scalar x) {
                                      return p +
                                             fold(
                                                 2, [x, t](Scalar z) { return sin(z * x) + t; }, w);
                                    },
                                    c[1], a);
                                return std::array<Scalar, 2>{tanh(s), q * 0.5};
                              },
                              std::array<Scalar, 2>{w, 1.0})[1];
                        },
                        shape(3), 0.5));
  ASSERT_NO_FATAL_FAILURE(all.compile());
  for (unsigned seed = 1; seed < 10; ++seed) {
    all.expect_all(random_numbers(all.function(0).inputs(), seed), 0);
  }
}

Function with_a_long_body(std::size_t lines) {
  return record(
      [lines](const Scalars& a, Scalar w) {
        return fold(
            [w, lines](const std::array<Scalar, 2>& c, Scalar x) {
              Scalar y = c[0], z = c[1];
              for (std::size_t k = 0; k < lines; ++k) {
                y = sin(y * x + z * (0.01 * static_cast<double>(k)));
                z = z + y * w;
              }
              return std::array<Scalar, 2>{y, z};
            },
            std::array<Scalar, 2>{0.5, 1.0}, a)[1];
      },
      shape(4), 0.25);
}

TEST(EmitCLoops, of_a_long_body_are_written_in_parts) {
  Compared all;
  all.add("long", with_a_long_body(300), {CPart::value, CPart::gradient});
  EXPECT_NE(all.source(0).find("long_value_loop1_part3("), std::string::npos);
  ASSERT_NO_FATAL_FAILURE(all.compile("-O0"));
  const Values x = random_numbers(5, 3);
  all.expect_all(x, 0);
}

TEST(EmitCLoops, do_not_grow_with_their_steps) {
  const auto folded = [](int steps) {
    return record(
        [steps](Scalar x) {
          return fold(
              steps, [x](Scalar p) { return p * x + sin(p); }, 1.0);
        },
        0.5);
  };
  const auto summed = [](std::size_t steps) {
    return record([](const Scalars& xs,
                     Scalar w) { return sum_over([w](Scalar x) { return exp(w * x); }, xs); },
                  shape(steps), 0.5);
  };
  const auto lines = [](const Function& f, std::vector<CPart> parts) {
    return lines_of(emit_c(f, strict("f", std::move(parts))).source);
  };
  const std::vector<CPart> all = {CPart::value, CPart::gradient, CPart::hessian};
  EXPECT_EQ(lines(folded(10'000), all), lines(folded(100'000), all));
  EXPECT_EQ(lines(summed(10), {CPart::value}), lines(summed(9000), {CPart::value}));
  EXPECT_EQ(lines(summed(5000), {CPart::gradient}), lines(summed(9000), {CPart::gradient}));
}

TEST(EmitCLoops, are_run_once_for_value_and_gradient) {
  const Function f = record(
      [](Scalar x) {
        return fold(
            9, [x](Scalar p) { return p * x + sin(p); }, 1.0);
      },
      0.5);
  const std::string source = emit_c(f, strict("once", {CPart::gradient})).source;
  EXPECT_NE(source.find("once_gradient_loop2("), std::string::npos) << "the adjoint's";
  EXPECT_EQ(source.find("once_gradient_loop3("), std::string::npos) << source;
}

TEST(EmitCLoops, of_many_numbers_keep_them_off_the_stack) {
  const Function f = record(
      [](Scalar x) {
        return fold(
            20'000, [x](Scalar p) { return p + sin(p * x); }, 1.0);
      },
      0.5);
  const CSource c = emit_c(f, strict("far", {CPart::gradient}));
  EXPECT_NE(c.source.find("malloc"), std::string::npos);
  CLibrary library;
  library.add(c.source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  Values y(1), g(1);
  ASSERT_EQ(library.call("far_gradient", {{0.75}}, {y, g}), 0);
  const Values expected = value_and_grad(f)(0.75);
  expect_same_bits({{y[0], g[0]}}, expected, "far");
}

TEST(EmitCLoops, of_no_steps_hand_on_their_carry) {
  const Function body = record(
      [](Scalar c, Scalar x, Scalar w) {
        return std::vector<Scalar>{c * x, c + w, w};
      },
      1.0, 2.0, 3.0);
  const auto loop = std::make_shared<const Loop>(body, Loop::Shape{0, 1, 1, 1, 1, 1});
  const Function f = record(
      [&](Scalar c, Scalar w) {
        const Scalars z = call(loop, {{c, w}});
        return std::vector<Scalar>{z[0] * 2.0, z[1] + c};
      },
      1.0, 2.0);
  CLibrary library;
  library.add(emit_c(f, strict("none", {CPart::value})).source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  Values y(2);
  ASSERT_EQ(library.call("none_value", {{3.0, 4.0}}, {y}), 0);
  EXPECT_EQ(y, (Values{6, 3}));
}

// ---- guards -----------------------------------------------------------------------------------

TEST(EmitCLoops, give_the_number_of_a_guard_that_does_not_hold_in_a_step) {
  const Function f = record(
      [](const Scalars& a, Scalar w) {
        const Scalar first = w > 0.0 ? w * 2.0 : w;
        return first + fold([](Scalar p, Scalar x) { return x < 1.0 ? p + x : p * x; }, 0.0, a);
      },
      Values(4, 0.5), 1.0);
  const CSource c = emit_c(f, strict("guarded", {CPart::value, CPart::gradient}));
  EXPECT_NE(c.header.find("guarded_value has 2 guards:"), std::string::npos) << c.header;
  EXPECT_NE(c.header.find("     2  "), std::string::npos) << c.header;
  EXPECT_NE(c.header.find(", in a loop\n"), std::string::npos) << c.header;
  CLibrary library;
  library.add(c.source);
  ASSERT_NO_FATAL_FAILURE(library.compile());
  const auto guard = [&](Values x) {
    Values y = {kUnwritten}, g(5, kUnwritten);
    const int found = library.call("guarded_value", x, {y});
    EXPECT_EQ(y[0] == kUnwritten, found != 0);
    EXPECT_EQ(library.call("guarded_gradient", x, {y, g}) != 0, found != 0);
    EXPECT_EQ(g[0] == kUnwritten, found != 0);
    return found;
  };
  EXPECT_EQ(guard({0.5, 0.25, -1, 0, 1}), 0);
  EXPECT_EQ(guard({0.5, 0.25, -1, 0, -1}), 1);
  EXPECT_EQ(guard({0.5, 0.25, -1, 2, 1}), 2);
  EXPECT_EQ(guard({1, 0.25, -1, 0, 1}), 2);
}

// ---- random bodies ------------------------------------------------------------------------------

TEST(EmitCLoops, of_random_bodies_give_the_digits_of_the_function_or_a_guard) {
  constexpr int kPrograms = 60;
  std::mt19937 bits(20240522);
  const double special[] = {0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -0.0, 3.0};
  const auto any = [&] {
    Values x(10);
    for (double& number : x) number = special[bits() % 8];
    return x;
  };
  Compared all;
  for (int k = 0; k < kPrograms; ++k) {
    const LoopProgram program(bits);
    all.add("r" + std::to_string(k),
            record([program](const Scalars& v) { return test::looped(program, v); }, any()));
  }
  ASSERT_NO_FATAL_FAILURE(all.compile());
  std::size_t answered = 0;
  for (std::size_t k = 0; k < all.size(); ++k) {
    for (int round = 0; round < 12; ++round) answered += all.compare(any(), k);
    answered += all.compare(random_numbers(10, static_cast<unsigned>(k)), k);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(answered, 500u);
}

TEST(EmitCLoops, with_what_c_lacks_in_their_body_are_refused) {
  const Function f =
      record([](const Scalars& a) { return sum_over([](Scalar x) { return digamma(x); }, a); },
             Values(3, 1.0));
  try {
    emit_c(f);
    FAIL() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "[emit_c] C99 has no function for the operation 'digamma' (derivative of lgamma)");
  }
}

}  // namespace
}  // namespace chainrule
