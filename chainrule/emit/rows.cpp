#include "chainrule/emit/rows_internal.hpp"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace chainrule::emit {
namespace {

constexpr std::size_t kTile = 4;

#if defined(__x86_64__)

bool has_avx2() {
  static const bool found = __builtin_cpu_supports("avx2") != 0;
  return found;
}

struct Columns {
  __m256d c[4];
};

// Rows r of four numbers each as columns.
__attribute__((target("avx2"))) inline Columns transposed(__m256d r0, __m256d r1, __m256d r2,
                                                          __m256d r3) {
  const __m256d low01 = _mm256_unpacklo_pd(r0, r1), high01 = _mm256_unpackhi_pd(r0, r1);
  const __m256d low23 = _mm256_unpacklo_pd(r2, r3), high23 = _mm256_unpackhi_pd(r2, r3);
  return {{_mm256_permute2f128_pd(low01, low23, 0x20), _mm256_permute2f128_pd(high01, high23, 0x20),
           _mm256_permute2f128_pd(low01, low23, 0x31),
           _mm256_permute2f128_pd(high01, high23, 0x31)}};
}

// Four rows of `width` numbers, at least four, into columns. The last tile may overlap the one
// before.
__attribute__((target("avx2"))) void tiles_in(const double* const* row, std::size_t width,
                                              const std::uint32_t* at, double* in) {
  for (std::size_t next = 0; next < width; next += kTile) {
    const std::size_t k = std::min(next, width - kTile);
    const Columns columns = transposed(_mm256_loadu_pd(row[0] + k), _mm256_loadu_pd(row[1] + k),
                                       _mm256_loadu_pd(row[2] + k), _mm256_loadu_pd(row[3] + k));
    for (std::size_t j = 0; j < kTile; ++j) _mm256_storeu_pd(in + at[k + j], columns.c[j]);
  }
}

__attribute__((target("avx2"))) void tiles_out(const double* out, const std::uint32_t* at,
                                               std::size_t width, double* const* row) {
  for (std::size_t next = 0; next < width; next += kTile) {
    const std::size_t k = std::min(next, width - kTile);
    const Columns rows =
        transposed(_mm256_loadu_pd(out + at[k]), _mm256_loadu_pd(out + at[k + 1]),
                   _mm256_loadu_pd(out + at[k + 2]), _mm256_loadu_pd(out + at[k + 3]));
    for (std::size_t j = 0; j < kTile; ++j) _mm256_storeu_pd(row[j] + k, rows.c[j]);
  }
}

#else

bool has_avx2() { return false; }
void tiles_in(const double* const*, std::size_t, const std::uint32_t*, double*) {}
void tiles_out(const double*, const std::uint32_t*, std::size_t, double* const*) {}

#endif

}  // namespace

void pack(const Source& source, std::size_t first, std::size_t count, std::size_t rows,
          std::span<const std::uint32_t> at, double* in) {
  const std::size_t width = at.size();
  // A column of consecutive rows is copied as it is.
  if (source.index.empty() && source.stride == 1) {
    for (std::size_t k = 0; k < width; ++k) {
      const double* const from = source.data + first + k * source.step;
      double* const to = in + at[k];
      std::copy_n(from, count, to);
      std::fill(to + count, to + rows, from[count - 1]);
    }
    return;
  }
  const bool by_tiles = source.step == 1 && width >= kTile && has_avx2();
  for (std::size_t i = 0; i < rows; i += kTile) {
    const double* row[kTile];
    for (std::size_t j = 0; j < kTile; ++j) {
      row[j] = row_of(source, first + std::min(i + j, count - 1));
    }
    if (by_tiles) {
      tiles_in(row, width, at.data(), in + i);
      continue;
    }
    for (std::size_t k = 0; k < width; ++k) {
      for (std::size_t j = 0; j < kTile; ++j) in[at[k] + i + j] = row[j][k * source.step];
    }
  }
}

void unpack(const double* out, std::span<const std::uint32_t> at, std::size_t first,
            std::size_t count, const Sink& sink) {
  const std::size_t width = at.size();
  const bool stores = sink.mode == Sink::Mode::store;
  if (stores && sink.index.empty() && sink.stride == 1) {
    for (std::size_t k = 0; k < width; ++k) {
      std::copy_n(out + at[k], count, sink.data + first + k * sink.step);
    }
    return;
  }
  const bool by_tiles = stores && sink.step == 1 && width >= kTile && has_avx2();
  std::size_t i = 0;
  for (; by_tiles && i + kTile <= count; i += kTile) {
    double* row[kTile];
    for (std::size_t j = 0; j < kTile; ++j) row[j] = row_of(sink, first + i + j);
    tiles_out(out + i, at.data(), width, row);
  }
  for (; i < count; ++i) {
    double* const row = row_of(sink, first + i);
    for (std::size_t k = 0; k < width; ++k) {
      double& to = row[k * sink.step];
      to = stores ? out[at[k] + i] : to + out[at[k] + i];
    }
  }
}

}  // namespace chainrule::emit
