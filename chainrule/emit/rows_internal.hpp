// Rows into blocks and back: a block holds number k of all its rows side by side, a table number
// after number of one row. Transposed in tiles, so that each cache line is touched once.
#pragma once

#include "chainrule/emit/engine_internal.hpp"

namespace chainrule::emit {

/// Where row r of a Source begins.
inline const double* row_of(const Source& source, std::size_t r) {
  const std::size_t at = source.index.empty() ? r : source.index[r];
  return source.data + at * source.stride;
}
inline double* row_of(const Sink& sink, std::size_t r) {
  const std::size_t at = sink.index.empty() ? r : sink.index[r];
  return sink.data + at * sink.stride;
}

/// Numbers 0 … width of rows first … first + count; those that are missing in a block of `rows`
/// repeat the last. Number k of row i goes to in[at[k] + i].
void pack(const Source& source, std::size_t first, std::size_t count, std::size_t rows,
          std::span<const std::uint32_t> at, double* in);

/// The outputs of a Sink, from out[at[k] + i]. Rows are taken one after another, so that those that
/// are added to one place add up.
void unpack(const double* out, std::span<const std::uint32_t> at, std::size_t first,
            std::size_t count, const Sink& sink);

}  // namespace chainrule::emit
