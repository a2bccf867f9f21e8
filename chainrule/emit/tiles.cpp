#include "chainrule/emit/tiles_internal.hpp"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
// g++ 12 takes what these headers leave undefined on purpose for a mistake (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

namespace chainrule::emit {

#if defined(__x86_64__)

namespace {

bool has_avx2() {
  static const bool found = __builtin_cpu_supports("avx2") != 0;
  return found;
}
bool has_avx512() {
  static const bool found = __builtin_cpu_supports("avx512f") != 0;
  return found;
}

// ---- AVX2: four rows of doubles, or eight of floats ---------------------------------------------

[[gnu::target("avx2")]] inline __m256d side_by_side(const double* a, const double* b) {
  return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(a)), _mm_loadu_pd(b), 1);
}
[[gnu::target("avx2")]] inline __m256 side_by_side(const float* a, const float* b) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
}

[[gnu::target("avx2")]] void in_avx2(const double* const* row, std::size_t width,
                                     const std::uint32_t* at, double* in) {
  for (std::size_t next = 0; next < width; next += 2) {
    const std::size_t k = std::min(next, width - 2);
    const __m256d even = side_by_side(row[0] + k, row[2] + k),
                  odd = side_by_side(row[1] + k, row[3] + k);
    _mm256_storeu_pd(in + at[k], _mm256_unpacklo_pd(even, odd));
    _mm256_storeu_pd(in + at[k + 1], _mm256_unpackhi_pd(even, odd));
  }
}

[[gnu::target("avx2")]] void out_avx2(const double* out, const std::uint32_t* at, std::size_t width,
                                      double* const* row) {
  const auto column = [&](std::size_t k) { return out + at[k]; };
  if (width < 4) {
    for (std::size_t next = 0; next < width; next += 2) {
      const std::size_t k = std::min(next, width - 2);
      const __m256d a = _mm256_loadu_pd(column(k)), b = _mm256_loadu_pd(column(k + 1));
      const __m256d even = _mm256_unpacklo_pd(a, b), odd = _mm256_unpackhi_pd(a, b);
      _mm_storeu_pd(row[0] + k, _mm256_castpd256_pd128(even));
      _mm_storeu_pd(row[1] + k, _mm256_castpd256_pd128(odd));
      _mm_storeu_pd(row[2] + k, _mm256_extractf128_pd(even, 1));
      _mm_storeu_pd(row[3] + k, _mm256_extractf128_pd(odd, 1));
    }
    return;
  }
  for (std::size_t next = 0; next < width; next += 4) {
    const std::size_t k = std::min(next, width - 4);
    const __m256d a = _mm256_loadu_pd(column(k)), b = _mm256_loadu_pd(column(k + 1)),
                  c = _mm256_loadu_pd(column(k + 2)), d = _mm256_loadu_pd(column(k + 3));
    const __m256d even_ab = _mm256_unpacklo_pd(a, b), even_cd = _mm256_unpacklo_pd(c, d);
    const __m256d odd_ab = _mm256_unpackhi_pd(a, b), odd_cd = _mm256_unpackhi_pd(c, d);
    _mm256_storeu_pd(row[0] + k, _mm256_permute2f128_pd(even_ab, even_cd, 0x20));
    _mm256_storeu_pd(row[1] + k, _mm256_permute2f128_pd(odd_ab, odd_cd, 0x20));
    _mm256_storeu_pd(row[2] + k, _mm256_permute2f128_pd(even_ab, even_cd, 0x31));
    _mm256_storeu_pd(row[3] + k, _mm256_permute2f128_pd(odd_ab, odd_cd, 0x31));
  }
}

// Four by four in each 128 bits.
[[gnu::target("avx2")]] inline void transpose(__m256 (&x)[4]) {
  const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(x[0], x[1])),
                b = _mm256_castps_pd(_mm256_unpackhi_ps(x[0], x[1])),
                c = _mm256_castps_pd(_mm256_unpacklo_ps(x[2], x[3])),
                d = _mm256_castps_pd(_mm256_unpackhi_ps(x[2], x[3]));
  x[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, c));
  x[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, c));
  x[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(b, d));
  x[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(b, d));
}

[[gnu::target("avx2")]] void in_avx2(const float* const* row, std::size_t width,
                                     const std::uint32_t* at, float* in) {
  for (std::size_t next = 0; next < width; next += 4) {
    const std::size_t k = std::min(next, width - 4);
    __m256 x[4];
    for (std::size_t j = 0; j < 4; ++j) x[j] = side_by_side(row[j] + k, row[j + 4] + k);
    transpose(x);
    for (std::size_t j = 0; j < 4; ++j) _mm256_storeu_ps(in + at[k + j], x[j]);
  }
}

[[gnu::target("avx2")]] void out_avx2(const float* out, const std::uint32_t* at, std::size_t width,
                                      float* const* row) {
  for (std::size_t next = 0; next < width; next += 4) {
    const std::size_t k = std::min(next, width - 4);
    __m256 x[4];
    for (std::size_t j = 0; j < 4; ++j) x[j] = _mm256_loadu_ps(out + at[k + j]);
    transpose(x);
    for (std::size_t j = 0; j < 4; ++j) _mm_storeu_ps(row[j] + k, _mm256_castps256_ps128(x[j]));
    for (std::size_t j = 0; j < 4; ++j) {
      _mm_storeu_ps(row[j + 4] + k, _mm256_extractf128_ps(x[j], 1));
    }
  }
}

// ---- AVX-512: eight rows of doubles, or sixteen of floats ---------------------------------------

// Rows 0, step, 2 step, 3 step.
[[gnu::target("avx512f")]] inline __m512 four(const float* const* row, std::size_t step,
                                              std::size_t k) {
  __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(row[0] + k));
  x = _mm512_insertf32x4(x, _mm_loadu_ps(row[step] + k), 1);
  x = _mm512_insertf32x4(x, _mm_loadu_ps(row[2 * step] + k), 2);
  return _mm512_insertf32x4(x, _mm_loadu_ps(row[3 * step] + k), 3);
}
[[gnu::target("avx512f")]] inline __m512d four(const double* const* row, std::size_t step,
                                               std::size_t k) {
  const auto pair = [&](std::size_t r) {
    return reinterpret_cast<const float*>(row[r * step] + k);
  };
  const float* const pairs[] = {pair(0), pair(1), pair(2), pair(3)};
  return _mm512_castps_pd(four(pairs, 1, 0));
}

[[gnu::target("avx512f")]] void in_avx512(const double* const* row, std::size_t width,
                                          const std::uint32_t* at, double* in) {
  for (std::size_t next = 0; next < width; next += 2) {
    const std::size_t k = std::min(next, width - 2);
    const __m512d even = four(row, 2, k), odd = four(row + 1, 2, k);
    _mm512_storeu_pd(in + at[k], _mm512_unpacklo_pd(even, odd));
    _mm512_storeu_pd(in + at[k + 1], _mm512_unpackhi_pd(even, odd));
  }
}

[[gnu::target("avx512f")]] void out_avx512(const double* out, const std::uint32_t* at,
                                           std::size_t width, double* const* row) {
  if (width < 4) {
    double* const more[] = {row[4], row[5], row[6], row[7]};
    out_avx2(out, at, width, row);
    return out_avx2(out + 4, at, width, more);
  }
  // 128 bits of a, of b, of a, of b: two rows.
  const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                last = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  for (std::size_t next = 0; next < width; next += 4) {
    const std::size_t k = std::min(next, width - 4);
    const __m512d a = _mm512_loadu_pd(out + at[k]), b = _mm512_loadu_pd(out + at[k + 1]),
                  c = _mm512_loadu_pd(out + at[k + 2]), d = _mm512_loadu_pd(out + at[k + 3]);
    const __m512d even_ab = _mm512_unpacklo_pd(a, b), even_cd = _mm512_unpacklo_pd(c, d);
    const __m512d odd_ab = _mm512_unpackhi_pd(a, b), odd_cd = _mm512_unpackhi_pd(c, d);
    const __m512d x[] = {_mm512_permutex2var_pd(even_ab, first, even_cd),
                         _mm512_permutex2var_pd(odd_ab, first, odd_cd),
                         _mm512_permutex2var_pd(even_ab, last, even_cd),
                         _mm512_permutex2var_pd(odd_ab, last, odd_cd)};
    for (std::size_t j = 0; j < 4; j += 2) {
      double* const* const to = row + 2 * j;
      _mm256_storeu_pd(to[0] + k, _mm512_castpd512_pd256(x[j]));
      _mm256_storeu_pd(to[1] + k, _mm512_castpd512_pd256(x[j + 1]));
      _mm256_storeu_pd(to[2] + k, _mm512_extractf64x4_pd(x[j], 1));
      _mm256_storeu_pd(to[3] + k, _mm512_extractf64x4_pd(x[j + 1], 1));
    }
  }
}

[[gnu::target("avx512f")]] inline void transpose(__m512 (&x)[4]) {
  const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(x[0], x[1])),
                b = _mm512_castps_pd(_mm512_unpackhi_ps(x[0], x[1])),
                c = _mm512_castps_pd(_mm512_unpacklo_ps(x[2], x[3])),
                d = _mm512_castps_pd(_mm512_unpackhi_ps(x[2], x[3]));
  x[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
  x[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
  x[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
  x[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
}

[[gnu::target("avx512f")]] void in_avx512(const float* const* row, std::size_t width,
                                          const std::uint32_t* at, float* in) {
  for (std::size_t next = 0; next < width; next += 4) {
    const std::size_t k = std::min(next, width - 4);
    __m512 x[4];
    for (std::size_t j = 0; j < 4; ++j) x[j] = four(row + j, 4, k);
    transpose(x);
    for (std::size_t j = 0; j < 4; ++j) _mm512_storeu_ps(in + at[k + j], x[j]);
  }
}

[[gnu::target("avx512f")]] void out_avx512(const float* out, const std::uint32_t* at,
                                           std::size_t width, float* const* row) {
  for (std::size_t next = 0; next < width; next += 4) {
    const std::size_t k = std::min(next, width - 4);
    __m512 x[4];
    for (std::size_t j = 0; j < 4; ++j) x[j] = _mm512_loadu_ps(out + at[k + j]);
    transpose(x);
    for (std::size_t j = 0; j < 4; ++j) _mm_storeu_ps(row[j] + k, _mm512_castps512_ps128(x[j]));
    for (std::size_t j = 0; j < 4; ++j) {
      _mm_storeu_ps(row[j + 4] + k, _mm512_extractf32x4_ps(x[j], 1));
    }
    for (std::size_t j = 0; j < 4; ++j) {
      _mm_storeu_ps(row[j + 8] + k, _mm512_extractf32x4_ps(x[j], 2));
    }
    for (std::size_t j = 0; j < 4; ++j) {
      _mm_storeu_ps(row[j + 12] + k, _mm512_extractf32x4_ps(x[j], 3));
    }
  }
}

[[gnu::target("avx2")]] void copy_avx2(const char* from, std::size_t bytes, char* to) {
  for (std::size_t k = 0; k < bytes; k += 32) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + k),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + k)));
  }
}
[[gnu::target("avx512f")]] void copy_avx512(const char* from, std::size_t bytes, char* to) {
  for (std::size_t k = 0; k < bytes; k += 64) {
    _mm512_storeu_si512(to + k, _mm512_loadu_si512(from + k));
  }
}

template <class Number>
std::span<const Tiles<Number>> available(const Tiles<Number> (&all)[2]) {
  return has_avx512() ? std::span(all)
         : has_avx2() ? std::span(all).last(1)
                      : std::span(all).last(0);
}

}  // namespace

template <>
std::span<const Tiles<double>> tiles<double>() {
  static constexpr Tiles<double> kAll[] = {{8, 2, in_avx512, out_avx512},
                                           {4, 2, in_avx2, out_avx2}};
  return available(kAll);
}
template <>
std::span<const Tiles<float>> tiles<float>() {
  static constexpr Tiles<float> kAll[] = {{16, 4, in_avx512, out_avx512},
                                          {8, 4, in_avx2, out_avx2}};
  return available(kAll);
}

void copy_registers(const void* from, std::size_t bytes, void* to) {
  const auto* const source = static_cast<const char*>(from);
  auto* const target = static_cast<char*>(to);
  if (has_avx512() && bytes % 64 == 0) return copy_avx512(source, bytes, target);
  if (has_avx2() && bytes % 32 == 0) return copy_avx2(source, bytes, target);
  std::memcpy(to, from, bytes);
}

#else

template <>
std::span<const Tiles<double>> tiles<double>() {
  return {};
}
template <>
std::span<const Tiles<float>> tiles<float>() {
  return {};
}
void copy_registers(const void* from, std::size_t bytes, void* to) { std::memcpy(to, from, bytes); }

#endif

}  // namespace chainrule::emit
