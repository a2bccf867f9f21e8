// The way from words to a block.
#include "chainrule/block/linalg.hpp"

#include <charconv>
#include <optional>

#include "chainrule/block/linalg_internal.hpp"
#include "chainrule/block/linalg_words.hpp"
#include "chainrule/graph/text.hpp"

namespace chainrule {

namespace linalg {
namespace {

// A decimal as to_string writes it, from 1 to kMostNumbers.
std::optional<std::size_t> read_size(std::string_view word) {
  std::size_t n = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n);
  const bool is_whole = error == std::errc() && end == word.data() + word.size();
  if (!is_whole || word[0] == '0' || n > kMostNumbers) return std::nullopt;
  return n;
}

}  // namespace

}  // namespace linalg

bool register_linalg_blocks() {
  register_block_maker("", linalg_block);
  return true;
}

std::shared_ptr<const Block> linalg_block(std::string_view words) {
  using namespace linalg;
  const auto next = [&] {
    const std::size_t space = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, space);
    words.remove_prefix(std::min(space + 1, words.size()));
    return word;
  };
  if (words.ends_with(' ')) return nullptr;
  const std::string_view name = next();
  std::vector<std::size_t> sizes;
  while (!words.empty() && sizes.size() < 4) {
    const auto size = read_size(next());
    if (!size) return nullptr;
    sizes.push_back(*size);
  }
  for (const auto find : {find_product, find_system, find_spd, find_eigh, find_svd, find_qr}) {
    if (auto block = find(name, sizes)) return block;
  }
  return nullptr;
}

}  // namespace chainrule
