// Machine code as debuggers and profilers know it: by a name, and for gdb with the rules by which
// its frames are unwound.
//
// gdb reads a list of symbol files in memory (GDB manual, "JIT Compilation Interface"), which gets
// an ELF file of some 700 bytes for each piece of code. perf reads a file of what was compiled when
// (jitdump-specification.txt of its documentation), which is written where CHAINRULE_JITDUMP names
// a folder for it. The simpler /tmp/perf-PID.map will not do: perf asks it about anonymous memory
// alone, and code lies in a memfd, which can be mapped twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace chainrule::x64 {

/// From `at` on, in bytes from the code's beginning, the stack holds `pushed` bytes more than when
/// it was called; where `saves` is a register, its value then is the last 8 of them.
struct StackChange {
  static constexpr int kNothing = -1;
  std::uint32_t at, pushed;
  int saves = kNothing;  ///< as instructions number registers
};

/// A function of machine code.
struct CodeFacts {
  const void* begin = nullptr;
  std::size_t bytes = 0;
  std::string name;
  std::span<const StackChange> stack;  ///< in the order of `at`
};

/// An ELF file with one symbol, that function, and a .debug_frame. The code is not in it.
std::vector<std::byte> symbol_file(const CodeFacts& facts);

/// Appends the code, which has a number of its own, to jit-PID.dump in the folder that
/// CHAINRULE_JITDUMP named when the first code was made. What cannot be written is not profiled.
void dump_for_perf(const CodeFacts& facts, std::uint64_t number);

/// Tells gdb and perf of code, and gdb when it ends. Any thread may.
class Registered {
 public:
  /// The code is called chainrule:NAME#n, n counting the pieces of code of this process.
  explicit Registered(const CodeFacts& facts);
  ~Registered();
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

 private:
  struct Entry;
  std::unique_ptr<Entry> entry_;
};

}  // namespace chainrule::x64

// What gdb looks for, by these names and in this layout.
extern "C" {

struct jit_code_entry {
  jit_code_entry* next_entry;
  jit_code_entry* prev_entry;
  const char* symfile_addr;
  std::uint64_t symfile_size;
};

struct jit_descriptor {
  std::uint32_t version;
  std::uint32_t action_flag;  ///< 0, or of relevant_entry: 1 it has come, 2 it goes
  jit_code_entry* relevant_entry;
  jit_code_entry* first_entry;
};

extern jit_descriptor __jit_debug_descriptor;
void __jit_debug_register_code();
}
