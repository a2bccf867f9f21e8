// Where blocks come back from: their makers, by the first of their words.
#include <map>
#include <mutex>
#include <string>

#include "chainrule/graph/text.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

struct Makers {
  std::mutex mutex;
  std::map<std::string, BlockMaker, std::less<>> by_word;
};

// Never destroyed: makers may be asked for until the program has ended.
Makers& makers() {
  static auto* const makers = new Makers;
  return *makers;
}

}  // namespace

void register_block_maker(std::string_view first_word, BlockMaker maker) {
  const std::lock_guard lock(makers().mutex);
  const auto [at, is_new] = makers().by_word.try_emplace(std::string(first_word), maker);
  if (!is_new && at->second != maker) {
    fail("register_block_maker", "'" + detail::shown(first_word) + "' has another maker already");
  }
}

std::shared_ptr<const Block> find_block(std::string_view words) {
  const std::string_view first = words.substr(0, words.find(' '));
  BlockMaker maker = nullptr;
  {
    const std::lock_guard lock(makers().mutex);
    auto at = makers().by_word.find(first);
    if (at == makers().by_word.end()) at = makers().by_word.find(std::string_view());
    if (at != makers().by_word.end()) maker = at->second;
  }
  if (maker == nullptr) {
    fail("find_block", "no block is known by the words '" + detail::shown(words) + "'");
  }
  std::shared_ptr<const Block> block = maker(words);
  if (block == nullptr) {
    fail("find_block", "'" + detail::shown(first) + "' makes nothing of the words '" +
                           detail::shown(words) + "'");
  }
  return block;
}

}  // namespace chainrule
