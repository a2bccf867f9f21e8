// Any bytes are a trace or refused with an Error; and a trace is sound, prints, and comes back.
//
// The first byte chooses: a text; a binary file as it stands; or what follows its header, behind a
// right one, so that the checksum does not keep the fuzzer out.
#include <cstdint>
#include <cstdlib>

#include "chainrule/graph/bytes_internal.hpp"
#include "chainrule/graph/save.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/tape/block.hpp"

namespace {

using namespace chainrule;

// "b" with a digit of inputs and one of outputs.
class Sized final : public Block {
 public:
  explicit Sized(std::string_view words) : words_(words) {}
  std::string_view name() const override { return "b"; }
  std::string words() const override { return words_; }
  std::size_t inputs() const override { return static_cast<std::size_t>(words_[2] - '0'); }
  std::size_t outputs() const override { return static_cast<std::size_t>(words_[3] - '0'); }
  void value(std::span<const double>, std::span<double>) const override {}
  void vjp(std::span<const double>, std::span<const double>, std::span<const double>,
           std::span<double>) const override {}

 private:
  std::string words_;
};

std::shared_ptr<const Block> make_sized(std::string_view words) {
  const auto is_digit = [&](std::size_t k) { return '0' <= words[k] && words[k] <= '9'; };
  if (words.size() != 4 || !is_digit(2) || !is_digit(3)) return nullptr;
  return std::make_shared<Sized>(words);
}

Trace read(std::string_view bytes) {
  const char way = bytes[0];
  bytes.remove_prefix(1);
  if (way == 'b') return from_bytes(bytes, "fuzz");
  if (way == 'p') return from_bytes(detail::sealed(bytes), "fuzz");
  return parse_trace(bytes, "fuzz");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  register_block_maker("b", &make_sized);
  Trace trace;
  try {
    trace = read({reinterpret_cast<const char*>(data), size});
  } catch (const Error& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
    return 0;
  }
  if (!verify(trace).empty()) std::abort();
  const std::string text = print(trace);
  const Trace parsed = parse_trace(text);
  if (!(parsed == trace) || print(parsed) != text) std::abort();
  const Trace loaded = from_bytes(to_bytes(trace));
  if (!(loaded == trace) || print(loaded) != text) std::abort();
  return 0;
}
