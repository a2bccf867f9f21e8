// Random: Philox's known answers, golden numbers that were computed apart, moments, independence.
//
// The golden numbers come from a program that writes Philox, Box-Muller and the shuffle down from
// their definitions with Python's integers and math.
#include "chainrule/tensor/random.hpp"

#include <array>
#include <numeric>
#include <set>

namespace chainrule {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Random123 1.14, tests/kat_vectors: counter, key, words.
TEST(Blocks, are_the_known_answers_of_philox) {
  EXPECT_EQ(Random(0).block(), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint64_t ones = ~std::uint64_t{0};
  EXPECT_EQ(Random({ones, ones, ones}).block(),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // The digits of pi: counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0.
  EXPECT_EQ(Random({0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88}).block(),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Blocks, depend_on_all_of_seed_stream_and_position) {
  Random random({(1ULL << 40) + 3, (1ULL << 33) + 7, (1ULL << 32) + 5});
  EXPECT_EQ(random.block(), (Words{0x209a7098, 0x46503894, 0x0207ac96, 0x09e3ece2}));
  std::set<Words> seen;
  for (const unsigned bit : {0U, 1U, 31U, 32U, 63U}) {
    seen.insert(Random({1ULL << bit, 0, 0}).block());
    seen.insert(Random({0, 1ULL << bit, 0}).block());
    seen.insert(Random({0, 0, 1ULL << bit}).block());
  }
  EXPECT_EQ(seen.size(), 15U);
}

TEST(Uniform, are_the_upper_24_bits_of_each_word) {
  Random random(42);
  const std::array<double, 8> expected = {10283760, 7861577, 1228624, 5718707,
                                          16571169, 5487212, 8621914, 7622150};
  const Tensor u = rand({2, 4}, random, f32);
  ASSERT_EQ(u.element(), f32);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(u.values()[i], expected[i] * 0x1p-24);
}

TEST(Uniform, are_the_upper_53_bits_of_two_words) {
  Random random(42);
  const std::array<double, 4> expected = {4220652138765662, 3070207893592042, 2945925043428196,
                                          4092111149363691};
  const Tensor u = rand({4}, random);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(u.values()[i], expected[i] * 0x1p-53);
}

TEST(Uniform, stay_below_the_upper_end_whatever_is_rounded) {
  Random random(1);
  const double next = std::nextafter(1.0f, 2.0f);
  for (const double x : random.uniform({1000}, 1.0, next, f32).values()) EXPECT_EQ(x, 1.0);
  for (const double x : random.uniform({1000}, -3.0, 5.0).values()) {
    EXPECT_GE(x, -3.0);
    EXPECT_LT(x, 5.0);
  }
  for (const double x : random.uniform({10}, 2.5, 2.5).values()) EXPECT_EQ(x, 2.5);
}

TEST(Normal, are_pairs_of_box_and_muller) {
  Random random(42);
  const std::array<double, 8> floats = {
      -0.9701897896896211,  0.1940189560319242,  -1.235620741535049,  1.9239267500724069,
      -0.07318150799478833, 0.13913749569344222, -1.1066650306386376, 0.3266829606029509};
  const Tensor a = randn({8}, random, f32);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(a.values()[i], static_cast<float>(floats[i])) << i;
  random = Random(42);
  const std::array<double, 6> doubles = {-0.6653748678073486, 1.036023808655465,
                                         -1.4338891806537384, 0.4232781812444527,
                                         0.13500793462831734, -0.9043863850666349};
  const Tensor b = randn({6}, random);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(b.values()[i], doubles[i], 1e-15) << i;
}

// The library's own logarithm, sine and cosine beside those of the C library, over many draws.
TEST(Normal, agree_with_the_functions_of_the_c_library) {
  Random random(7), again(7);
  const std::vector<double> z = random.normal({100'000}, 1.0, 2.0).values();
  for (std::size_t i = 0; i < z.size(); i += 2) {
    const Words w = again.block();
    const auto upper = [&](std::size_t k) {
      return static_cast<double>((w[k] | std::uint64_t{w[k + 1]} << 32) >> 11);
    };
    const double radius = std::sqrt(-2.0 * std::log((upper(0) + 1) * 0x1p-53));
    const double angle = 2.0 * M_PI * (upper(2) * 0x1p-53);
    ASSERT_NEAR(z[i], 1.0 + 2.0 * radius * std::cos(angle), 1e-14);
    ASSERT_NEAR(z[i + 1], 1.0 + 2.0 * radius * std::sin(angle), 1e-14);
  }
}

struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};

Moments moments(const std::vector<double>& x) {
  const double n = static_cast<double>(x.size());
  Moments m;
  m.mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  double third = 0, fourth = 0;
  for (const double v : x) {
    const double d = v - m.mean;
    m.variance += d * d / n;
    third += d * d * d / n;
    fourth += d * d * d * d / n;
  }
  m.skewness = third / std::pow(m.variance, 1.5);
  m.kurtosis = fourth / (m.variance * m.variance);
  return m;
}

// Within five standard errors: 1/√(12 n) for the mean of uniform numbers, √(1/n), √(2/n), √(6/n),
// √(24/n) for the moments of normal ones.
TEST(Moments, are_those_of_the_distributions) {
  const double n = 400'000, error = 5 / std::sqrt(n);
  for (const Precision element : {f32, f64}) {
    Random random(2024);
    const Moments u = moments(random.uniform({400'000}, 0, 1, element).values());
    EXPECT_NEAR(u.mean, 0.5, error * std::sqrt(1 / 12.0));
    EXPECT_NEAR(u.variance, 1 / 12.0, error * std::sqrt(1 / 180.0));
    EXPECT_NEAR(u.kurtosis, 1.8, error * 3);
    const Moments z = moments(random.normal({400'000}, 3, 2, element).values());
    EXPECT_NEAR(z.mean, 3, 2 * error);
    EXPECT_NEAR(z.variance, 4, 4 * error * std::sqrt(2.0));
    EXPECT_NEAR(z.skewness, 0, error * std::sqrt(6.0));
    EXPECT_NEAR(z.kurtosis, 3, error * std::sqrt(24.0));
  }
}

// χ² of 256 bins of upper and of lower digits: 255 degrees of freedom, deviation √510 = 22.6.
TEST(Moments, of_all_digits_are_flat) {
  Random random(11);
  std::array<double, 256> upper = {}, lower = {};
  const int n = 1 << 18;
  for (int i = 0; i < n; ++i) {
    const std::uint64_t bits = random.bits();
    ++upper[bits >> 56];
    ++lower[bits & 255];
  }
  for (const auto& bins : {upper, lower}) {
    double chi = 0;
    for (const double count : bins) chi += (count - n / 256.0) * (count - n / 256.0) / (n / 256.0);
    EXPECT_NEAR(chi, 255, 5 * 22.6);
  }
}

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum / static_cast<double>(x.size());
}

TEST(Streams, are_independent) {
  const double error = 5 / std::sqrt(100'000.0);
  Random zero(5), one(5, 1), far(5, 1ULL << 40), other_seed(6);
  const std::vector<double> x = randn({100'000}, zero).values();
  EXPECT_NEAR(correlation(x, randn({100'000}, one).values()), 0, error);
  EXPECT_NEAR(correlation(x, randn({100'000}, far).values()), 0, error);
  EXPECT_NEAR(correlation(x, randn({100'000}, other_seed).values()), 0, error);
  EXPECT_NEAR(correlation(x, randn({100'000}, zero).values()), 0, error);
}

TEST(Permutation, is_fisher_and_yates_by_the_stated_words) {
  EXPECT_EQ(Random(42).permutation(10), (std::vector<std::int64_t>{0, 9, 1, 7, 5, 6, 8, 2, 3, 4}));
  EXPECT_EQ(Random(42).permutation(1), std::vector<std::int64_t>{0});
  EXPECT_TRUE(Random(42).permutation(0).empty());
}

// 24 orders of four, 24,000 times: χ² with 23 degrees of freedom, deviation √46 = 6.8.
TEST(Permutation, gives_each_order_as_often) {
  Random random(3);
  std::array<double, 256> counts = {};
  for (int i = 0; i < 24'000; ++i) {
    std::size_t code = 0;
    for (const std::int64_t k : random.permutation(4))
      code = code * 4 + static_cast<std::size_t>(k);
    ++counts[code];
  }
  double chi = 0;
  int orders = 0;
  for (const double count : counts) {
    if (count == 0) continue;
    ++orders;
    chi += (count - 1000) * (count - 1000) / 1000;
  }
  EXPECT_EQ(orders, 24);
  EXPECT_NEAR(chi, 23, 5 * 6.8);
}

TEST(States, are_kept_and_taken_up_again) {
  Random random(9, 4);
  randn({7}, random, f32);  // two blocks
  rand({3}, random);        // two blocks
  random.permutation(4);    // three steps: two blocks
  random.bits();            // one
  const Random::State kept = random.state();
  EXPECT_EQ(kept, (Random::State{9, 4, 7}));
  const std::vector<double> on = randn({100}, random).values();
  Random again(kept);
  EXPECT_EQ(randn({100}, again).values(), on);
  EXPECT_EQ(again.state(), random.state());
}

TEST(Refusals, name_the_numbers) {
  const auto message = [](auto&& draw) {
    try {
      draw();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  Random random(0);
  EXPECT_EQ(message([&] { random.uniform({2}, 3, 1); }),
            "[uniform] from 3 to 1: two finite numbers are expected, the smaller first, not too "
            "far apart");
  EXPECT_EQ(message([&] { random.uniform({2}, -1e308, 1e308); }).substr(0, 32),
            "[uniform] from -1e+308 to 1e+308");
  EXPECT_EQ(
      message([&] { random.normal({2}, 0, -1); }),
      "[normal] mean 0, deviation -1: finite numbers are expected, the deviation not below 0");
  EXPECT_EQ(message([&] { random.permutation(-1); }), "[permutation] of -1 things");
  EXPECT_EQ(random.state().position, 0U);
}

}  // namespace
}  // namespace chainrule
