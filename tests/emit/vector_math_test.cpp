// The vector functions beside the rows they stand for, lane by lane.

#include <gtest/gtest.h>

#include "chainrule/emit/x64/vector_math_internal.hpp"

#if defined(__x86_64__)

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

namespace chainrule::x64 {
namespace {

// ---- calls as machine code makes them
// ------------------------------------------------------------

// z = f(x, y, w) over one register, which is whole at x, y, w and z whatever its lanes are. The
// stack is moved away from what the compiler keeps below it.
void call_avx512(const void* f, const void* x, const void* y, const void* w, void* z) {
  asm volatile(
      "mov %%rsp, %%r12\n\t"
      "sub $256, %%rsp\n\t"
      "and $-64, %%rsp\n\t"
      "vmovupd (%1), %%zmm0\n\t"
      "vmovupd (%2), %%zmm1\n\t"
      "vmovupd (%3), %%zmm2\n\t"
      "call *%0\n\t"
      "vmovupd %%zmm0, (%4)\n\t"
      "vzeroupper\n\t"
      "mov %%r12, %%rsp"
      : "+a"(f), "+D"(x), "+S"(y), "+d"(w)
      : "b"(z)
      : "r12", "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
        "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
        "memory", "cc");
}
void call_avx2(const void* f, const void* x, const void* y, const void* w, void* z) {
  asm volatile(
      "mov %%rsp, %%r12\n\t"
      "sub $256, %%rsp\n\t"
      "and $-64, %%rsp\n\t"
      "vmovupd (%1), %%ymm0\n\t"
      "vmovupd (%2), %%ymm1\n\t"
      "vmovupd (%3), %%ymm2\n\t"
      "call *%0\n\t"
      "vmovupd %%ymm0, (%4)\n\t"
      "vzeroupper\n\t"
      "mov %%r12, %%rsp"
      : "+a"(f), "+D"(x), "+S"(y), "+d"(w)
      : "b"(z)
      : "r12", "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
        "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
        "memory", "cc");
}

template <class Lane>
constexpr Precision kPrecision = std::is_same_v<Lane, double> ? Precision::f64 : Precision::f32;

// Points, operand by operand; a whole number of the widest registers.
template <class Lane>
using Points = std::array<std::vector<Lane>, 3>;
constexpr std::size_t kWidest = 16;

template <class Lane>
std::vector<Lane> run(const OpInfo& row, Isa isa, Arithmetic arithmetic, const Points<Lane>& in) {
  const void* f = vector_function(row.op, isa, kPrecision<Lane>, arithmetic);
  std::vector<Lane> z(in[0].size());
  const auto step = static_cast<std::size_t>(lanes(isa, kPrecision<Lane>));
  for (std::size_t at = 0; at < z.size(); at += step) {
    (isa == Isa::avx512 ? call_avx512 : call_avx2)(f, &in[0][at], &in[1][at], &in[2][at], &z[at]);
  }
  return z;
}

// The row itself: plain::NAME, rounded to the lane.
template <class Lane>
Lane row_at(const OpInfo& row, Lane x, Lane y, Lane w) {
  return visit(row.op, [&]<Op op>(rules::Rule<op> rule) {
    if constexpr (rule.arity == 1) return static_cast<Lane>(rule.template apply<double>(x));
    if constexpr (rule.arity == 2) return static_cast<Lane>(rule.template apply<double>(x, y));
    if constexpr (rule.arity == 3) return static_cast<Lane>(rule.template apply<double>(x, y, w));
  });
}

// ---- where the functions are asked --------------------------------------------------------------

template <class Lane>
using Bits = std::conditional_t<std::is_same_v<Lane, double>, std::uint64_t, std::uint32_t>;

// Zeros, ends of the formats, units, poles, and the places where SLEEF's functions change their
// ways or the vector functions stop trusting them: each with its neighbours and both signs.
template <class Lane>
std::vector<Lane> hard_numbers() {
  using Limits = std::numeric_limits<Lane>;
  std::vector<Lane> numbers = {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()};
  const auto add = [&](double size) {
    const auto bits = std::bit_cast<Bits<Lane>>(static_cast<Lane>(size));
    for (const Bits<Lane> near : {bits - 2, bits - 1, bits, bits + 1, bits + 2}) {
      const Lane x = std::bit_cast<Lane>(near);
      if (x >= 0 && x <= Limits::max()) numbers.push_back(x), numbers.push_back(-x);
    }
  };
  for (const double size : {double{Limits::min()}, double{Limits::max()}, 0.0, 0.5, 1.0, 1.5, 2.0,
                            2.457, 3.0, 10.0, 22.0, 64.0, 1e5, 4503599627370497.0})
    add(size);
  for (const double size : {709.0,
                            709.78,
                            709.782711149557,
                            709.782712893384,
                            710.475860073944,
                            745.133219101941,
                            1024.0,
                            1074.0,
                            1e307,
                            1e154,
                            0x1p512,
                            170.0,
                            171.6,
                            171.624376956303,
                            26.5432,
                            27.2260,
                            2e305,
                            1e150,
                            1e-150,
                            1e14,
                            15.0})
    add(size);
  for (const double size : {88.0, 88.7228, 89.4159, 103.97, 128.0, 149.0, 1e38, 1e19, 0x1p64, 33.0,
                            35.0, 4e36, 9.19, 10.05, 1e18, 1e-18, 125.0, 39000.0})
    add(size);
  return numbers;
}

// Of each kind a part: any bits at all, any size, ordinary numbers, hard ones beside the others.
template <class Lane>
class Sampler {
 public:
  explicit Sampler(std::uint64_t seed) : random_(seed) {}
  Lane number() {
    switch (random_() % 4) {
      case 0: return any_bits();
      case 1: return sign() * static_cast<Lane>(std::exp2(uniform(-40, 40)));
      case 2: return static_cast<Lane>(uniform(-60, 60));
      default: return hard_[random_() % hard_.size()];
    }
  }

 private:
  // A signalling NaN would be a quiet one after the first operation.
  Lane any_bits() { return std::bit_cast<Lane>(static_cast<Bits<Lane>>(random_())) + Lane{0}; }
  Lane sign() { return random_() % 2 == 0 ? Lane{1} : Lane{-1}; }
  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
  }
  std::mt19937_64 random_;
  std::vector<Lane> hard_ = hard_numbers<Lane>();
};

// Every hard number, or of pairs of them one in seven; then `count` points of all kinds.
template <class Lane>
Points<Lane> samples(const OpInfo& row, std::size_t count) {
  Points<Lane> points;
  Sampler<Lane> sampler(20 + static_cast<std::uint64_t>(row.op));
  const auto add = [&](Lane x, Lane y, Lane w) {
    points[0].push_back(x), points[1].push_back(y), points[2].push_back(w);
  };
  const std::vector<Lane> hard = hard_numbers<Lane>();
  const std::size_t pairs = row.arity == 2 && has_vector_math(row.op) ? hard.size() : 0;
  for (std::size_t i = 0; i < hard.size(); ++i) {
    if (row.arity == 1) add(hard[i], 1, 1);
    for (std::size_t k = i % 7; k < pairs; k += 7) add(hard[i], hard[k], 1);
  }
  for (std::size_t i = 0; i < count || points[0].size() % kWidest != 0; ++i)
    add(sampler.number(), sampler.number(), sampler.number());
  return points;
}

// Numbers of the format from a to b, which have the same sign.
template <class Lane>
double distance(Lane a, Lane b) {
  const auto p = static_cast<std::int64_t>(std::bit_cast<Bits<Lane>>(std::abs(a)));
  const auto q = static_cast<std::int64_t>(std::bit_cast<Bits<Lane>>(std::abs(b)));
  return std::abs(static_cast<double>(p - q));
}

template <class Lane>
bool is_same(Lane a, Lane b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<Bits<Lane>>(a) == std::bit_cast<Bits<Lane>>(b);
}

// Equal in sign (of zero as well), in being a NaN, and to `ulps`.
template <class Lane>
bool is_within(double ulps, Lane a, Lane b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::signbit(a) == std::signbit(b) && distance(a, b) <= ulps;
}

constexpr Isa kIsas[] = {Isa::avx2, Isa::avx512};

// Calls check(row, isa, Lane{}) for all there is on this processor.
template <class Check>
void for_all(Check&& check) {
  if (!is_supported(Isa::avx2)) GTEST_SKIP() << "this build or processor has no vector functions";
  for (const Isa isa : kIsas) {
    if (!is_supported(isa)) continue;
    for (const OpInfo& row : kOps) {
      check(row, isa, double{});
      check(row, isa, float{});
    }
  }
}

template <class Lane>
std::string place_of(const OpInfo& row, Isa isa, const Points<Lane>& in, std::size_t i) {
  std::ostringstream text;
  text.precision(std::numeric_limits<Lane>::max_digits10);
  text << row.name << '(' << in[0][i] << ", " << in[1][i] << ", " << in[2][i] << ") "
       << (isa == Isa::avx512 ? "avx512" : "avx2") << (sizeof(Lane) == 8 ? " f64" : " f32");
  return text.str();
}

// Boost's functions take their time; what goes lane by lane is the same code for every row.
std::size_t sample_count(const OpInfo& row) { return has_vector_math(row.op) ? 100'000 : 256; }

TEST(VectorMath, every_lane_of_strict_arithmetic_is_the_row_bit_for_bit) {
  for_all([]<class Lane>(const OpInfo& row, Isa isa, Lane) {
    const Points<Lane> in = samples<Lane>(row, 256);
    const std::vector<Lane> z = run(row, isa, Arithmetic::strict, in);
    for (std::size_t i = 0; i < z.size(); ++i) {
      const Lane expected = row_at(row, in[0][i], in[1][i], in[2][i]);
      ASSERT_TRUE(is_same(z[i], expected))
          << place_of(row, isa, in, i) << " = " << z[i] << ", not " << expected;
    }
  });
}

TEST(VectorMath, every_lane_of_relaxed_arithmetic_is_the_row_to_its_ulps) {
  for_all([]<class Lane>(const OpInfo& row, Isa isa, Lane) {
    const double ulps = std::is_same_v<Lane, double> ? row.ulps.value + 1.5 : 2;
    const Points<Lane> in = samples<Lane>(row, sample_count(row));
    const std::vector<Lane> z = run(row, isa, Arithmetic::relaxed, in);
    for (std::size_t i = 0; i < z.size(); ++i) {
      const Lane expected = row_at(row, in[0][i], in[1][i], in[2][i]);
      ASSERT_TRUE(is_within(ulps, z[i], expected))
          << place_of(row, isa, in, i) << " = " << z[i] << ", not " << expected;
    }
  });
}

TEST(VectorMath, a_lane_does_not_depend_on_its_neighbours) {
  for_all([]<class Lane>(const OpInfo& row, Isa isa, Lane) {
    const Points<Lane> in = samples<Lane>(row, has_vector_math(row.op) ? 20'000 : 64);
    const std::vector<Lane> z = run(row, isa, Arithmetic::relaxed, in);
    // In another order every lane has other neighbours, and is another lane.
    std::vector<std::size_t> order(z.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937_64(3));
    Points<Lane> shuffled = in;
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t i = 0; i < order.size(); ++i) shuffled[k][i] = in[k][order[i]];
    }
    const std::vector<Lane> moved = run(row, isa, Arithmetic::relaxed, shuffled);
    for (std::size_t i = 0; i < order.size(); ++i) {
      ASSERT_TRUE(is_same(moved[i], z[order[i]]))
          << place_of(row, isa, shuffled, i) << " = " << moved[i] << " or " << z[order[i]];
    }
  });
}

TEST(VectorMath, both_instruction_sets_give_the_same_bits) {
  if (!is_supported(Isa::avx2) || !is_supported(Isa::avx512)) GTEST_SKIP();
  for_all([]<class Lane>(const OpInfo& row, Isa isa, Lane) {
    if (isa != Isa::avx512) return;
    const Points<Lane> in = samples<Lane>(row, has_vector_math(row.op) ? 20'000 : 64);
    const std::vector<Lane> wide = run(row, Isa::avx512, Arithmetic::relaxed, in);
    const std::vector<Lane> narrow = run(row, Isa::avx2, Arithmetic::relaxed, in);
    for (std::size_t i = 0; i < wide.size(); ++i) {
      ASSERT_TRUE(is_same(wide[i], narrow[i]))
          << place_of(row, isa, in, i) << " = " << wide[i] << " or " << narrow[i];
    }
  });
}

}  // namespace
}  // namespace chainrule::x64

#endif
