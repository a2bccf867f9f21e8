#include "chainrule/emit/rows_internal.hpp"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace chainrule::emit {
namespace {

// Rows that are transposed at once, and numbers of each: a register's. A block has a whole number
// of them.
template <class Number>
constexpr std::size_t kTile = 32 / sizeof(Number);

#if defined(__x86_64__)

bool has_avx2() {
  static const bool found = __builtin_cpu_supports("avx2") != 0;
  return found;
}

// Rows of four numbers each become columns.
__attribute__((target("avx2"))) inline void transpose(const double* const (&row)[4],
                                                      double* const (&column)[4]) {
  const __m256d r0 = _mm256_loadu_pd(row[0]), r1 = _mm256_loadu_pd(row[1]),
                r2 = _mm256_loadu_pd(row[2]), r3 = _mm256_loadu_pd(row[3]);
  const __m256d low01 = _mm256_unpacklo_pd(r0, r1), high01 = _mm256_unpackhi_pd(r0, r1);
  const __m256d low23 = _mm256_unpacklo_pd(r2, r3), high23 = _mm256_unpackhi_pd(r2, r3);
  _mm256_storeu_pd(column[0], _mm256_permute2f128_pd(low01, low23, 0x20));
  _mm256_storeu_pd(column[1], _mm256_permute2f128_pd(high01, high23, 0x20));
  _mm256_storeu_pd(column[2], _mm256_permute2f128_pd(low01, low23, 0x31));
  _mm256_storeu_pd(column[3], _mm256_permute2f128_pd(high01, high23, 0x31));
}

// Rows of eight: first of two rows, then of four, then all.
__attribute__((target("avx2"))) inline void transpose(const float* const (&row)[8],
                                                      float* const (&column)[8]) {
  __m256 four[8];
  for (int half = 0; half < 8; half += 4) {
    const __m256 r0 = _mm256_loadu_ps(row[half]), r1 = _mm256_loadu_ps(row[half + 1]),
                 r2 = _mm256_loadu_ps(row[half + 2]), r3 = _mm256_loadu_ps(row[half + 3]);
    const __m256d low01 = _mm256_castps_pd(_mm256_unpacklo_ps(r0, r1)),
                  high01 = _mm256_castps_pd(_mm256_unpackhi_ps(r0, r1)),
                  low23 = _mm256_castps_pd(_mm256_unpacklo_ps(r2, r3)),
                  high23 = _mm256_castps_pd(_mm256_unpackhi_ps(r2, r3));
    four[half] = _mm256_castpd_ps(_mm256_unpacklo_pd(low01, low23));
    four[half + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low01, low23));
    four[half + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high01, high23));
    four[half + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high01, high23));
  }
  for (int k = 0; k < 4; ++k) {
    _mm256_storeu_ps(column[k], _mm256_permute2f128_ps(four[k], four[k + 4], 0x20));
    _mm256_storeu_ps(column[k + 4], _mm256_permute2f128_ps(four[k], four[k + 4], 0x31));
  }
}

// A tile of rows of `width` numbers, at least as many, into columns. The last tile may overlap the
// one before.
template <class Number>
__attribute__((target("avx2"))) void tiles_in(const Number* const* row, std::size_t width,
                                              const std::uint32_t* at, Number* in) {
  constexpr std::size_t kSize = kTile<Number>;
  for (std::size_t next = 0; next < width; next += kSize) {
    const std::size_t k = std::min(next, width - kSize);
    const Number* from[kSize];
    Number* to[kSize];
    for (std::size_t j = 0; j < kSize; ++j) from[j] = row[j] + k, to[j] = in + at[k + j];
    transpose(from, to);
  }
}

template <class Number>
__attribute__((target("avx2"))) void tiles_out(const Number* out, const std::uint32_t* at,
                                               std::size_t width, Number* const* row) {
  constexpr std::size_t kSize = kTile<Number>;
  for (std::size_t next = 0; next < width; next += kSize) {
    const std::size_t k = std::min(next, width - kSize);
    const Number* from[kSize];
    Number* to[kSize];
    for (std::size_t j = 0; j < kSize; ++j) from[j] = out + at[k + j], to[j] = row[j] + k;
    transpose(from, to);
  }
}

#else

bool has_avx2() { return false; }
template <class Number>
void tiles_in(const Number* const*, std::size_t, const std::uint32_t*, Number*) {}
template <class Number>
void tiles_out(const Number*, const std::uint32_t*, std::size_t, Number* const*) {}

#endif

template <class From, class To>
void convert(const From* from, std::size_t count, To* to) {
  std::transform(from, from + count, to, [](From x) { return static_cast<To>(x); });
}

}  // namespace

template <class Real, class Lane>
void pack(const BasicSource<Real>& source, std::size_t first, std::size_t count, std::size_t rows,
          std::span<const std::uint32_t> at, Lane* in) {
  constexpr std::size_t kSize = kTile<Lane>;
  const std::size_t width = at.size();
  // A column of consecutive rows is copied as it is.
  if (source.index.empty() && source.stride == 1) {
    for (std::size_t k = 0; k < width; ++k) {
      const Real* const from = source.data + first + k * source.step;
      Lane* const to = in + at[k];
      convert(from, count, to);
      std::fill(to + count, to + rows, to[count - 1]);
    }
    return;
  }
  const bool by_tiles =
      std::is_same_v<Real, Lane> && source.step == 1 && width >= kSize && has_avx2();
  for (std::size_t i = 0; i < rows; i += kSize) {
    const Real* row[kSize];
    for (std::size_t j = 0; j < kSize; ++j) {
      row[j] = row_of(source, first + std::min(i + j, count - 1));
    }
    if constexpr (std::is_same_v<Real, Lane>) {
      if (by_tiles) {
        tiles_in(row, width, at.data(), in + i);
        continue;
      }
    }
    for (std::size_t k = 0; k < width; ++k) {
      for (std::size_t j = 0; j < kSize; ++j) {
        in[at[k] + i + j] = static_cast<Lane>(row[j][k * source.step]);
      }
    }
  }
}

template <class Real, class Lane>
void unpack(const Lane* out, std::span<const std::uint32_t> at, std::size_t first,
            std::size_t count, const BasicSink<Real>& sink) {
  constexpr std::size_t kSize = kTile<Lane>;
  const std::size_t width = at.size();
  const bool stores = sink.mode == SinkMode::store;
  if (stores && sink.index.empty() && sink.stride == 1) {
    for (std::size_t k = 0; k < width; ++k) {
      convert(out + at[k], count, sink.data + first + k * sink.step);
    }
    return;
  }
  std::size_t i = 0;
  if constexpr (std::is_same_v<Real, Lane>) {
    const bool by_tiles = stores && sink.step == 1 && width >= kSize && has_avx2();
    for (; by_tiles && i + kSize <= count; i += kSize) {
      Real* row[kSize];
      for (std::size_t j = 0; j < kSize; ++j) row[j] = row_of(sink, first + i + j);
      tiles_out(out + i, at.data(), width, row);
    }
  }
  for (; i < count; ++i) {
    Real* const row = row_of(sink, first + i);
    for (std::size_t k = 0; k < width; ++k) {
      Real& to = row[k * sink.step];
      to = static_cast<Real>(stores ? out[at[k] + i] : to + out[at[k] + i]);
    }
  }
}

template void pack(const BasicSource<double>&, std::size_t, std::size_t, std::size_t,
                   std::span<const std::uint32_t>, double*);
template void pack(const BasicSource<double>&, std::size_t, std::size_t, std::size_t,
                   std::span<const std::uint32_t>, float*);
template void pack(const BasicSource<float>&, std::size_t, std::size_t, std::size_t,
                   std::span<const std::uint32_t>, double*);
template void pack(const BasicSource<float>&, std::size_t, std::size_t, std::size_t,
                   std::span<const std::uint32_t>, float*);
template void unpack(const double*, std::span<const std::uint32_t>, std::size_t, std::size_t,
                     const BasicSink<double>&);
template void unpack(const float*, std::span<const std::uint32_t>, std::size_t, std::size_t,
                     const BasicSink<double>&);
template void unpack(const double*, std::span<const std::uint32_t>, std::size_t, std::size_t,
                     const BasicSink<float>&);
template void unpack(const float*, std::span<const std::uint32_t>, std::size_t, std::size_t,
                     const BasicSink<float>&);

}  // namespace chainrule::emit
