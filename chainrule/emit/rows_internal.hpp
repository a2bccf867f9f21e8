// Rows into blocks and back: a block holds number k of all its rows side by side, a table number
// after number of one row. Transposed in tiles, so that each cache line is touched once. Tables and
// blocks of doubles and of floats go together as they like.
#pragma once

#include "chainrule/emit/engine_internal.hpp"

namespace chainrule::emit {

/// Where row r of a Source begins.
template <class Real>
const Real* row_of(const BasicSource<Real>& source, std::size_t r) {
  const std::size_t at = source.index.empty() ? r : source.index[r];
  return source.data + at * source.stride;
}
template <class Real>
Real* row_of(const BasicSink<Real>& sink, std::size_t r) {
  const std::size_t at = sink.index.empty() ? r : sink.index[r];
  return sink.data + at * sink.stride;
}

/// Numbers 0 … width of rows first … first + count; those that are missing in a block of `rows`
/// repeat the last. Number k of row i goes to in[at[k] + i].
template <class Real, class Lane>
void pack(const BasicSource<Real>& source, std::size_t first, std::size_t count, std::size_t rows,
          std::span<const std::uint32_t> at, Lane* in);

/// The outputs of a Sink, from out[at[k] + i]. Rows are taken one after another, so that those that
/// are added to one place add up.
template <class Real, class Lane>
void unpack(const Lane* out, std::span<const std::uint32_t> at, std::size_t first,
            std::size_t count, const BasicSink<Real>& sink);

}  // namespace chainrule::emit
