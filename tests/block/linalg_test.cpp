// Every block of linear algebra, by the same laws, at many sizes: its derivatives of first and
// second order in every mode against differences, and against each other.
#include <gtest/gtest.h>

#include <random>

#include "chainrule/block/linalg_words.hpp"
#include "chainrule/chainrule.hpp"

namespace chainrule {
namespace {

using Numbers = std::vector<double>;

enum class Kind { general, spd };

// A block, how its inputs are drawn, and how many of its results are seen (the others are factors).
struct Case {
  std::string words;
  Kind kind;
  std::size_t seen;
  std::size_t n;  // of the triangle that goes in first, if any

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.words; }
};

Case general(const std::string& name, std::vector<std::size_t> sizes, std::size_t seen) {
  Case c{name, Kind::general, seen, 0};
  for (const std::size_t n : sizes) c.words += " " + std::to_string(n);
  return c;
}
Case spd(const std::string& name, std::vector<std::size_t> sizes, std::size_t seen) {
  Case c = general(name, sizes, seen);
  c.kind = Kind::spd;
  c.n = sizes[0];
  return c;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::size_t n : {1, 2, 3, 8, 30}) {
    const std::size_t k = n > 8 ? 2 : 3;
    all.push_back(general("matmul", {n, k, 2}, n * 2));
    all.push_back(general("dot", {n}, 1));
    all.push_back(general("norm", {n}, 1));
    all.push_back(general("solve", {n, 1}, n));
    all.push_back(general("solve", {n, k}, n * k));
    all.push_back(general("inverse", {n}, n * n));
    all.push_back(general("logdet", {n}, 1));
    all.push_back(spd("solve_lower", {n, k}, n * k));
    all.push_back(spd("solve_upper", {n, k}, n * k));
    all.push_back(spd("cholesky", {n}, n * (n + 1) / 2));
    all.push_back(spd("solve_spd", {n, k}, n * k));
    all.push_back(spd("logdet_spd", {n}, 1));
    all.push_back(spd("eigh", {n}, n + n * n));
    all.push_back(general("svd", {n, n}, 2 * n * n + n));
    all.push_back(general("svd", {n + 2, n}, (2 * n + 2) * n + n));
    all.push_back(general("svd", {n, n + 3}, (2 * n + 3) * n + n));
    all.push_back(general("qr", {n, n}, n * n + n * (n + 1) / 2));
    all.push_back(general("qr", {n + 2, n}, (n + 2) * n + n * (n + 1) / 2));
  }
  return all;
}

Numbers random_numbers(std::size_t count, unsigned seed) {
  std::mt19937 bits(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Numbers x(count);
  for (double& entry : x) entry = uniform(bits);
  return x;
}

// Entries between −1 and 1, with a diagonal that keeps eigenvalues and singular values apart, or
// makes the triangle positive definite.
Numbers point_of(const Case& c, const Block& block) {
  Numbers x = random_numbers(block.inputs(), 7);
  if (c.kind == Kind::spd) {
    for (std::size_t i = 0, k = 0; i < c.n; ++i) {
      for (std::size_t j = 0; j <= i; ++j, ++k) {
        x[k] = i == j ? 4.0 + 0.7 * static_cast<double>(i) : 0.3 * x[k];
      }
    }
  } else if (!c.words.starts_with("dot") && !c.words.starts_with("norm")) {
    std::size_t columns = 0;
    std::vector<std::size_t> sizes;
    std::istringstream in(c.words.substr(c.words.find(' ')));
    for (std::size_t n = 0; in >> n;) sizes.push_back(n);
    const bool is_wide = c.words.starts_with("svd") || c.words.starts_with("qr");
    columns = is_wide ? sizes[1] : sizes[0];
    for (std::size_t i = 0; i < std::min(sizes[0], columns); ++i) {
      if (c.words.starts_with("matmul")) break;
      x[i * columns + i] += 3.0 + 0.6 * static_cast<double>(i);
    }
  }
  return x;
}

Numbers value(const Block& block, const Numbers& x) {
  Numbers z(block.outputs());
  block.value(x, z);
  return z;
}

double inner(const Numbers& a, const Numbers& b) {
  double total = 0;
  for (std::size_t k = 0; k < a.size(); ++k) total += a[k] * b[k];
  return total;
}

double length(const Numbers& a) { return std::sqrt(inner(a, a)); }

Numbers moved(Numbers x, const Numbers& by, double h) {
  for (std::size_t k = 0; k < x.size(); ++k) x[k] += h * by[k];
  return x;
}

// d f(x + h u) / dh at 0 by central differences of sixth order.
template <class F>
Numbers slope(F f, const Numbers& x, const Numbers& u) {
  constexpr double h = 2e-4;
  Numbers s;
  for (const auto& [step, weight] : {std::pair(1, 45.0), std::pair(2, -9.0), std::pair(3, 1.0)}) {
    const Numbers up = f(moved(x, u, step * h)), down = f(moved(x, u, -step * h));
    s.resize(up.size());
    for (std::size_t k = 0; k < s.size(); ++k) s[k] += weight * (up[k] - down[k]) / (60 * h);
  }
  return s;
}
constexpr double kDifferenceError = 1e-8;
constexpr double kRoundingError = 1e-11;

void expect_close(const Numbers& got, const Numbers& want, double relative) {
  ASSERT_EQ(got.size(), want.size());
  const double scale = 1 + length(want);
  for (std::size_t k = 0; k < got.size(); ++k) {
    EXPECT_NEAR(got[k], want[k], relative * scale) << "entry " << k;
  }
}

Numbers numbers_of(const std::vector<Scalar>& scalars) {
  Numbers numbers;
  for (const Scalar& s : scalars) numbers.push_back(s.value());
  return numbers;
}

std::vector<Scalar> variables(const Numbers& x) {
  std::vector<Scalar> leaves;
  for (const double v : x) leaves.push_back(variable(v));
  return leaves;
}

class Linalg : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
  const std::shared_ptr<const Block> block = linalg_block(c.words);
  const Numbers x = point_of(c, *block);
  const Numbers z = value(*block, x);
  const Numbers u = random_numbers(x.size(), 11);

  Numbers seed() const {
    Numbers zbar = random_numbers(z.size(), 13);
    std::fill(zbar.begin() + static_cast<std::ptrdiff_t>(c.seen), zbar.end(), 0.0);
    return zbar;
  }
  Numbers seen(Numbers results) const {
    results.resize(c.seen);
    return results;
  }
  Numbers vjp(const Numbers& at, const Numbers& zbar) const {
    Numbers xbar(x.size(), -0.0);
    block->vjp(at, value(*block, at), zbar, xbar);
    return xbar;
  }
  Numbers jvp(const Numbers& xdot) const {
    Numbers zdot(z.size());
    block->jvp(x, z, xdot, zdot);
    return zdot;
  }

  // Σ wⱼ zⱼ + ½ Σ zⱼ² over what is seen: its gradient's adjoints depend on the point, too.
  Scalar curved(const std::vector<Scalar>& xs) const {
    const std::vector<Scalar> zs = call(block, xs);
    const Numbers w = seed();
    Scalar y = 0.0;
    for (std::size_t j = 0; j < c.seen; ++j) y += zs[j] * w[j] + 0.5 * zs[j] * zs[j];
    return y;
  }
  Numbers curved_gradient(const Numbers& at) const {
    Numbers zbar = seed();
    const Numbers results = value(*block, at);
    for (std::size_t j = 0; j < c.seen; ++j) zbar[j] += results[j];
    return vjp(at, zbar);
  }
};

TEST_P(Linalg, its_words_make_it_again) {
  EXPECT_EQ(block->words(), c.words);
  EXPECT_EQ(block->name(), c.words.substr(0, c.words.find(' ')));
}

TEST_P(Linalg, jvp_is_a_central_difference) {
  expect_close(seen(jvp(u)),
               seen(slope([&](const Numbers& at) { return value(*block, at); }, x, u)),
               kDifferenceError);
}

TEST_P(Linalg, vjp_is_the_transpose_of_jvp) {
  const Numbers zbar = seed();
  const double forward = inner(zbar, jvp(u)), reverse = inner(vjp(x, zbar), u);
  EXPECT_NEAR(forward, reverse, kRoundingError * (1 + length(zbar) * length(jvp(u))));
}

TEST_P(Linalg, vjp_is_that_of_a_central_difference_in_each_input) {
  if (x.size() > 200) return;
  const Numbers zbar = seed(), xbar = vjp(x, zbar);
  for (std::size_t k = 0; k < x.size(); ++k) {
    Numbers e(x.size());
    e[k] = 1;
    const Numbers s = slope([&](const Numbers& at) { return value(*block, at); }, x, e);
    EXPECT_NEAR(xbar[k], inner(zbar, s), kDifferenceError * (1 + length(xbar))) << k;
  }
}

TEST_P(Linalg, recorded_derivatives_are_the_plain_ones) {
  const Frame frame = Tape::active().frame();
  const std::vector<Scalar> xs = variables(x);
  const std::vector<Scalar> zs = call(block, xs);
  expect_close(seen(numbers_of(zs)), seen(z), 0);
  const Numbers zbar = seed();
  std::vector<Scalar> zbars(zbar.begin(), zbar.end()), us(u.begin(), u.end());
  std::vector<Scalar> xbars(x.size()), zdots(z.size());
  block->recorded_vjp(xs, zs, zbars, xbars);
  expect_close(numbers_of(xbars), vjp(x, zbar), kRoundingError);
  block->recorded_jvp(xs, zs, us, zdots);
  expect_close(seen(numbers_of(zdots)), seen(jvp(u)), kRoundingError);
}

// −0.0 would say that an operand is cut off.
TEST_P(Linalg, an_adjoint_that_is_zero_is_pushed) {
  const auto is_cut = [](double entry) { return entry == 0 && std::signbit(entry); };
  const Numbers nothing(z.size());
  Numbers at(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) at[k] = std::abs(x[k]);
  for (const double entry : vjp(at, nothing)) EXPECT_FALSE(is_cut(entry));
  const Frame frame = Tape::active().frame();
  const std::vector<Scalar> xs = variables(at), zs = call(block, xs);
  const std::vector<Scalar> zbars(nothing.begin(), nothing.end());
  std::vector<Scalar> xbars(x.size());
  block->recorded_vjp(xs, zs, zbars, xbars);
  for (const Scalar& entry : xbars) EXPECT_FALSE(entry.is_number() && is_cut(entry.value()));
}

TEST_P(Linalg, the_gradient_of_a_gradient_is_a_difference_of_gradients) {
  const Frame frame = Tape::active().frame();
  const std::vector<Scalar> xs = variables(x);
  const std::vector<Scalar> g = recorded_gradient(curved(xs), xs);
  expect_close(numbers_of(g), curved_gradient(x), kRoundingError);
  Scalar along = 0.0;
  for (std::size_t k = 0; k < x.size(); ++k) along += u[k] * g[k];
  const Numbers want = slope([&](const Numbers& at) { return curved_gradient(at); }, x, u);
  expect_close(gradient(along, xs), want, 10 * kDifferenceError);
}

TEST_P(Linalg, the_gradient_of_a_tangent_is_a_difference_of_gradients) {
  if (x.size() > 400) return;
  const Frame frame = Tape::active().frame();
  const std::vector<Scalar> xs = variables(x);
  const Scalar y = curved(xs);
  const std::vector<Scalar> us(u.begin(), u.end());
  const Scalar tangent = recorded_jvp({&y, 1}, xs, us)[0];
  const Numbers want = slope([&](const Numbers& at) { return curved_gradient(at); }, x, u);
  expect_close(gradient(tangent, xs), want, 10 * kDifferenceError);
}

TEST_P(Linalg, hessians_are_symmetric) {
  if (x.size() > 40) return;
  const Frame frame = Tape::active().frame();
  const std::vector<Scalar> xs = variables(x);
  const Numbers h = hessian(curved(xs), xs);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NEAR(h[i * x.size() + j], h[j * x.size() + i], kRoundingError * (1 + length(h)));
    }
  }
}

TEST_P(Linalg, plain_numbers_record_nothing) {
  const std::size_t before = Tape::active().size();
  const std::vector<Scalar> plain(x.begin(), x.end());
  for (const Scalar& result : call(block, plain)) EXPECT_TRUE(result.is_number());
  EXPECT_EQ(Tape::active().size(), before);
}

TEST_P(Linalg, what_is_not_finite_ends_and_is_not_hidden) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Numbers at = x;
    at[0] = bad;
    const Numbers results = value(*block, at);
    EXPECT_FALSE(std::isfinite(results[0]) && std::isfinite(results[c.seen - 1]));
    vjp(at, seed());
  }
}

INSTANTIATE_TEST_SUITE_P(, Linalg, testing::ValuesIn(cases()), [](const auto& one) {
  std::string name = one.param.words;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

TEST(LinalgWords, a_recorded_adjoint_that_is_a_plain_zero_is_pushed) {
  const auto block = linalg_block("solve 2 1");
  const std::vector<Scalar> xs = {1.0, 0.0, 0.0, -1.0, 2.0, 3.0}, zs = call(block, xs);
  const std::vector<Scalar> zbars = {1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  std::vector<Scalar> xbars(6);
  block->recorded_vjp(xs, zs, zbars, xbars);
  for (const Scalar& entry : xbars) {
    EXPECT_FALSE(entry.value() == 0 && std::signbit(entry.value()));
  }
}

TEST(LinalgWords, other_words_are_no_block) {
  for (const char* words : {"",
                            " ",
                            "solve",
                            "solve 3",
                            "solve 3 1 1",
                            "solve 0 1",
                            "solve 3 0",
                            "solve 3 -1",
                            "solve 3 01",
                            "solve  3 1",
                            "solve 3 1 ",
                            " solve 3 1",
                            "solve 3 1x",
                            "solve 3.0 1",
                            "solve +3 1",
                            "solve 99999999999999999999 1",
                            "solve 100000 1",
                            "matmul 1000000 1 1000000",
                            "matmul 67108864 67108864 67108864",
                            "qr 2 3",
                            "elves 3 1",
                            "Solve 3 1",
                            "svd 3 3 3 3 3 3",
                            "norm 67108865",
                            "eigh 3\n"}) {
    EXPECT_EQ(linalg_block(words), nullptr) << words;
  }
}

}  // namespace
}  // namespace chainrule
