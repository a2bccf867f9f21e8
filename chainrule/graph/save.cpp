#include "chainrule/graph/save.hpp"

#include <boost/crc.hpp>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/graph/bytes_internal.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace detail {
namespace {

std::uint32_t crc_of(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

void append_little_endian(std::string& out, std::uint64_t n, int bytes) {
  for (; bytes > 0; --bytes, n >>= 8) out += static_cast<char>(n);
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t n = 0;
  for (std::size_t k = bytes.size(); k-- > 0;) n = n << 8 | static_cast<unsigned char>(bytes[k]);
  return n;
}

}  // namespace

void fail_load(std::string_view origin, const std::string& facts) {
  fail("load", (origin.empty() ? "" : std::string(origin) + ": ") + facts);
}

std::string sealed(std::string_view payload, std::uint32_t version) {
  std::string bytes(kMagic);
  append_little_endian(bytes, version, 4);
  append_little_endian(bytes, payload.size(), 8);
  append_little_endian(bytes, crc_of(payload), 4);
  return bytes.append(payload);
}

std::string_view unsealed(std::string_view bytes, std::string_view origin) {
  if (!bytes.starts_with(kMagic)) fail_load(origin, "not a trace: it does not begin as one");
  if (bytes.size() < kHeader) {
    fail_load(origin, "cut off: expected a header of " + std::to_string(kHeader) +
                          " bytes, found " + std::to_string(bytes.size()));
  }
  const std::uint64_t version = little_endian(bytes.substr(8, 4));
  if (version != kVersion) {
    fail_load(origin, "of version " + std::to_string(version) +
                          ", but this library reads version " + std::to_string(kVersion) +
                          (version > kVersion ? ": a newer chainrule wrote it" : ""));
  }
  const std::uint64_t size = little_endian(bytes.substr(12, 8));
  const std::string_view payload = bytes.substr(kHeader);
  if (size != payload.size()) {
    fail_load(origin, std::string(payload.size() < size ? "cut off" : "too long") + ": expected " +
                          std::to_string(size) + " bytes after the header, found " +
                          std::to_string(payload.size()));
  }
  const std::uint64_t written = little_endian(bytes.substr(20, 4));
  const std::uint32_t found = crc_of(payload);
  if (written != found) {
    fail_load(origin, "damaged: expected the CRC-32 " + std::to_string(written) + ", found " +
                          std::to_string(found));
  }
  return payload;
}

void require_no_user_code(const Trace& trace) {
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    const GraphNode& node = trace.graph.nodes()[v];
    if (node.kind != VertexKind::block) continue;
    const Block& block = *trace.graph.calls()[node.operand[0]].block;
    if (block.words().empty()) {
      fail("save", "node " + std::to_string(v) + ": block '" + shown(block.name()) +
                       "' is user code, which cannot be written to a file");
    }
  }
}

}  // namespace detail

namespace {

std::string whole_file(const std::string& path) {
  const auto refuse = [&] {
    detail::fail_load(path, "cannot be read: " + std::generic_category().message(errno));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (file == nullptr) refuse();
  std::string bytes;
  char part[1 << 16];
  while (const std::size_t count = std::fread(part, 1, sizeof part, file.get())) {
    bytes.append(part, count);
  }
  if (std::ferror(file.get()) != 0) refuse();
  return bytes;
}

}  // namespace

void save(const Trace& trace, const std::string& path) {
  if (!path.ends_with(".crt")) return write_whole_file(path, to_bytes(trace));
  const std::string text = print(trace);
  detail::require_no_user_code(trace);
  write_whole_file(path, text);
}

Trace load(const std::string& path) {
  const std::string bytes = whole_file(path);
  const bool is_text = bytes.starts_with("chainrule") || bytes.starts_with("\xEF\xBB\xBF");
  return is_text ? parse_trace(bytes, path) : from_bytes(bytes, path);
}

}  // namespace chainrule
