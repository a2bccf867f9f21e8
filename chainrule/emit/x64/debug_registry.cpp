// The list that gdb reads: see debug_internal.hpp. A piece of code costs two allocations and a
// place in the list, whatever its length.
#include "chainrule/emit/x64/debug_internal.hpp"

#if defined(__linux__)

#include <atomic>
#include <mutex>

#include "chainrule/graph/words_internal.hpp"

// Weak, as another compiler in the same program may define them as well; then there is one list.
extern "C" {

[[gnu::weak, gnu::used]] jit_descriptor __jit_debug_descriptor = {1, 0, nullptr, nullptr};
// gdb stops here. Weak, so that no call of it is left out.
[[gnu::weak, gnu::noinline, gnu::used]] void __jit_debug_register_code() {
  asm volatile("" ::: "memory");
}
}

namespace chainrule::x64 {
namespace {

enum Action : std::uint32_t { kNone, kRegister, kUnregister };

std::mutex& list_mutex() {
  static std::mutex* const mutex = new std::mutex;  // outlives every Kernel
  return *mutex;
}

void tell(Action action, jit_code_entry* entry) {
  __jit_debug_descriptor.action_flag = action;
  __jit_debug_descriptor.relevant_entry = entry;
  __jit_debug_register_code();
  __jit_debug_descriptor.action_flag = kNone;
  __jit_debug_descriptor.relevant_entry = nullptr;
}

}  // namespace

struct Registered::Entry {
  jit_code_entry listed{};
  std::vector<std::byte> file;
};

Registered::Registered(const CodeFacts& facts) : entry_(std::make_unique<Entry>()) {
  static std::atomic<std::uint64_t> count{0};
  const std::uint64_t index = ++count;
  CodeFacts named = facts;
  named.name = "chainrule:" + detail::shown(facts.name) + "#" + std::to_string(index);
  entry_->file = symbol_file(named);
  jit_code_entry& listed = entry_->listed;
  listed.symfile_addr = reinterpret_cast<const char*>(entry_->file.data());
  listed.symfile_size = entry_->file.size();
  dump_for_perf(named, index);

  const std::lock_guard lock(list_mutex());
  jit_code_entry*& first = __jit_debug_descriptor.first_entry;
  listed.next_entry = first;
  if (first != nullptr) first->prev_entry = &listed;
  first = &listed;
  tell(kRegister, &listed);
}

Registered::~Registered() {
  jit_code_entry& listed = entry_->listed;
  const std::lock_guard lock(list_mutex());
  if (listed.next_entry != nullptr) listed.next_entry->prev_entry = listed.prev_entry;
  jit_code_entry*& before = listed.prev_entry != nullptr ? listed.prev_entry->next_entry
                                                         : __jit_debug_descriptor.first_entry;
  before = listed.next_entry;
  tell(kUnregister, &listed);
}

}  // namespace chainrule::x64

#else

namespace chainrule::x64 {

struct Registered::Entry {};
Registered::Registered(const CodeFacts&) {}
Registered::~Registered() = default;

}  // namespace chainrule::x64

#endif
