#include "chainrule/emit/rows_internal.hpp"

#include <algorithm>

#include "chainrule/emit/tiles_internal.hpp"

namespace chainrule::emit {
namespace {

template <class From, class To>
void convert(const From* from, std::size_t count, To* to) {
  std::transform(from, from + count, to, [](From x) { return static_cast<To>(x); });
}

// The largest tiles of which there is a whole number in a block; null if there are none.
template <class Number>
const Tiles<Number>* tiles_for(std::size_t rows, std::size_t width) {
  for (const Tiles<Number>& t : tiles<Number>()) {
    if (rows % t.rows == 0 && width >= t.least) return &t;
  }
  return nullptr;
}

}  // namespace

template <class Real, class Lane>
void pack(const BasicSource<Real>& source, std::size_t first, std::size_t count, std::size_t rows,
          std::span<const std::uint32_t> at, Lane* in) {
  constexpr bool kIsSame = std::is_same_v<Real, Lane>;
  const std::size_t width = at.size();
  // A column of consecutive rows is copied as it is.
  if (source.index.empty() && source.stride == 1) {
    for (std::size_t k = 0; k < width; ++k) {
      const Real* const from = source.data + first + k * source.step;
      Lane* const to = in + at[k];
      if (kIsSame && count == rows) {
        copy_registers(from, rows * sizeof(Lane), to);
        continue;
      }
      convert(from, count, to);
      std::fill(to + count, to + rows, to[count - 1]);
    }
    return;
  }
  const auto row = [&](std::size_t i) { return row_of(source, first + std::min(i, count - 1)); };
  if constexpr (kIsSame) {
    const Tiles<Lane>* const t = source.step == 1 ? tiles_for<Lane>(rows, width) : nullptr;
    if (t != nullptr) {
      for (std::size_t i = 0; i < rows; i += t->rows) {
        const Lane* from[kMostRows];
        for (std::size_t j = 0; j < t->rows; ++j) from[j] = row(i + j);
        t->in(from, width, at.data(), in + i);
      }
      return;
    }
  }
  constexpr std::size_t kSome = 4;  // of which a block has a whole number
  for (std::size_t i = 0; i < rows; i += kSome) {
    const Real* from[kSome];
    for (std::size_t j = 0; j < kSome; ++j) from[j] = row(i + j);
    for (std::size_t k = 0; k < width; ++k) {
      for (std::size_t j = 0; j < kSome; ++j) {
        in[at[k] + i + j] = static_cast<Lane>(from[j][k * source.step]);
      }
    }
  }
}

template <class Real, class Lane>
void unpack(const Lane* out, std::span<const std::uint32_t> at, std::size_t first,
            std::size_t count, const BasicSink<Real>& sink) {
  const std::size_t width = at.size();
  const bool stores = sink.mode == SinkMode::store;
  // Where rows share places they are taken one after another: the last one stays.
  if (stores && sink.index.empty() && sink.stride == 1 && (width == 1 || sink.step >= count)) {
    for (std::size_t k = 0; k < width; ++k) {
      convert(out + at[k], count, sink.data + first + k * sink.step);
    }
    return;
  }
  std::size_t i = 0;
  if constexpr (std::is_same_v<Real, Lane>) {
    const bool is_apart = !sink.index.empty() || sink.stride >= width;
    for (const Tiles<Lane>& t : tiles<Lane>()) {
      if (!stores || !is_apart || sink.step != 1 || width < t.least) break;
      for (; i + t.rows <= count; i += t.rows) {
        Real* row[kMostRows];
        for (std::size_t j = 0; j < t.rows; ++j) row[j] = row_of(sink, first + i + j);
        t.out(out + i, at.data(), width, row);
      }
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
