// Traces in files: save(), load(), and the same in memory.
//
// A file whose name ends in .crt holds the text of graph/text.hpp. Every other (.crb by custom) is
// binary: a header of 24 bytes (magic, version, size and CRC-32 of what follows), then the trace in
// little-endian numbers and LEB128 integers, operations by their names, so that a table with more
// rows reads older files. Whatever is cut off, changed or of a newer version is refused.
#pragma once

#include "chainrule/graph/trace.hpp"

namespace chainrule {

/// Writes a Trace, whole or not at all. Throws Error where verify() finds fault, for a block of
/// user code, and where the system refuses.
void save(const Trace& trace, const std::string& path);

/// Reads a file of either form, told apart by its first bytes. Throws Error.
Trace load(const std::string& path);

/// The binary form. Throws Error where verify() finds fault, and for a block of user code.
std::string to_bytes(const Trace& trace);

/// Reads the binary form. Throws Error "[load] origin: byte 12: expected …, found …".
Trace from_bytes(std::string_view bytes, std::string_view origin = {});

}  // namespace chainrule
