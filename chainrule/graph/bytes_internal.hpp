// The header of the binary form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chainrule/graph/trace.hpp"

namespace chainrule::detail {

// As PNG's: a byte above 0x7F and line ends of both kinds, so that a file that was taken for text
// on its way is refused at once.
inline constexpr std::string_view kMagic =
    "\x89"
    "CRB\r\n\x1a\n";
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kHeader = 24;  ///< magic 8, version 4, size 8, CRC-32 4

/// The payload behind its header.
std::string sealed(std::string_view payload, std::uint32_t version = kVersion);
/// The payload. Throws Error unless the header is right for it.
std::string_view unsealed(std::string_view bytes, std::string_view origin);

/// Throws Error for a block without words.
void require_no_user_code(const Trace& trace);

/// Throws Error "[load] origin: facts".
[[noreturn]] void fail_load(std::string_view origin, const std::string& facts);

}  // namespace chainrule::detail
