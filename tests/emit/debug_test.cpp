// Code as gdb and perf see it: the list, the symbol files, the map, and a backtrace.
#include "chainrule/emit/x64/debug_internal.hpp"

#include <gtest/gtest.h>

#include "chainrule/emit/x64/code_internal.hpp"
#include "tests/emit/kernels.hpp"

#if defined(__linux__)

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

namespace chainrule {
namespace {

using x64::CodeFacts;
using x64::StackChange;

struct Listed {
  std::string name;
  std::uint64_t begin, bytes;
};

template <class T>
T read(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// The one function of a symbol file, found as a linker would find it.
Listed function_of(const char* file) {
  const auto header = read<Elf64_Ehdr>(file);
  const auto section = [&](std::size_t k) {
    return read<Elf64_Shdr>(file + header.e_shoff + k * header.e_shentsize);
  };
  for (std::size_t k = 0; k < header.e_shnum; ++k) {
    const Elf64_Shdr symbols = section(k);
    if (symbols.sh_type != SHT_SYMTAB) continue;
    const auto symbol = read<Elf64_Sym>(file + symbols.sh_offset + sizeof(Elf64_Sym));
    const char* const names = file + section(symbols.sh_link).sh_offset;
    return {names + symbol.st_name, section(symbol.st_shndx).sh_addr + symbol.st_value,
            symbol.st_size};
  }
  return {};
}

std::vector<Listed> listed() {
  std::vector<Listed> all;
  const jit_code_entry* before = nullptr;
  for (auto* at = __jit_debug_descriptor.first_entry; at != nullptr; at = at->next_entry) {
    EXPECT_EQ(at->prev_entry, before);
    before = at;
    all.push_back(function_of(at->symfile_addr));
  }
  return all;
}

std::size_t listed_as(const std::string& beginning) {
  return static_cast<std::size_t>(std::ranges::count_if(
      listed(), [&](const Listed& one) { return one.name.starts_with(beginning); }));
}

Function named(const std::string& name) {
  Trace trace = record([](Scalar x, Scalar y) { return x * y + exp(x); }, 0.5, 0.25).trace();
  trace.name = name;
  return Function(std::move(trace));
}

// The output of a command, errors too.
std::string output_of(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  std::string text;
  char part[4096];
  while (const std::size_t count = fread(part, 1, sizeof part, pipe)) text.append(part, count);
  pclose(pipe);
  return text;
}

class Debug : public testing::Test {
 protected:
  void SetUp() override {
    if (compile(named("any")).backend() == Backend::interpret) {
      GTEST_SKIP() << "kernels are interpreted here: there is no machine code";
    }
  }
};

TEST_F(Debug, code_is_listed_while_a_kernel_holds_it) {
  EXPECT_EQ(listed_as("chainrule:short-lived#"), 0u);
  {
    const Kernel kernel = compile(named("short-lived"));
    const Kernel copy = kernel;
    EXPECT_EQ(listed_as("chainrule:short-lived#"), 1u);
    // Another division into shared numbers and rows is other code.
    const std::vector<double> shared = {1}, rows(100, 0.5);
    copy.sum(shared, rows);
    EXPECT_GT(listed_as("chainrule:short-lived#"), 1u);
  }
  EXPECT_EQ(listed_as("chainrule:short-lived#"), 0u);
}

TEST_F(Debug, no_two_pieces_of_code_have_one_name_or_one_address) {
  std::vector<Kernel> kernels;
  for (int k = 0; k < 20; ++k) kernels.push_back(compile(named("twin")));
  kernels.erase(kernels.begin() + 3, kernels.begin() + 9);
  std::set<std::string> names;
  std::set<std::uint64_t> places;
  for (const Listed& one : listed()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_TRUE(places.insert(one.begin).second) << one.name;
    EXPECT_GT(one.bytes, 0u);
  }
  EXPECT_EQ(listed_as("chainrule:twin#"), kernels.size());
}

TEST_F(Debug, threads_that_compile_at_once_leave_a_whole_list) {
  const std::size_t before = listed().size();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int k = 0; k < 20; ++k) compile(named("passing"));
      });
    }
  }
  EXPECT_EQ(listed().size(), before);
  EXPECT_EQ(__jit_debug_descriptor.version, 1u);
  EXPECT_EQ(__jit_debug_descriptor.action_flag, 0u);
}

TEST_F(Debug, names_are_shown_short_and_without_controls) {
  const Kernel kernel = compile(named("a\nb\x01" + std::string(1000, 'c')));
  std::size_t found = 0;
  for (const Listed& one : listed()) {
    if (!one.name.starts_with("chainrule:a?b?ccc")) continue;
    EXPECT_LT(one.name.size(), 90u);
    ++found;
  }
  EXPECT_EQ(found, 1u);
}

// ---- the symbol file ----------------------------------------------------------------------------

// readelf (binutils) reads it as its own: what it complains of it calls a warning or an error.
TEST(DebugFile, readelf_reads_the_symbol_and_how_frames_are_unwound) {
  if (!output_of("readelf --version").starts_with("GNU readelf")) {
    GTEST_SKIP() << "there is no readelf";
  }
  // push rbx; sub rsp, 24; …; add rsp, 24; pop rbx; ret
  const StackChange stack[] = {{1, 8, 3}, {5, 32}, {0x12348, 8}, {0x12349, 0}};
  const CodeFacts facts{reinterpret_cast<const void*>(0x7f0012345000), 0x1234a, "chainrule:f#7",
                        stack};
  const std::vector<std::byte> file = x64::symbol_file(facts);
  char path[] = "/tmp/chainrule-elf-XXXXXX";
  const int made = mkstemp(path);
  ASSERT_EQ(write(made, file.data(), file.size()), static_cast<ssize_t>(file.size()));
  close(made);
  const std::string text =
      output_of("LC_ALL=C readelf -W -h -S -s --debug-dump=frames-interp " + std::string(path));
  unlink(path);
  const auto expect = [&](const std::string& pattern) {
    EXPECT_TRUE(std::regex_search(text, std::regex(pattern))) << pattern << " in\n" << text;
  };
  expect("Machine: +Advanced Micro Devices X86-64");
  expect("\\.text +NOBITS +00007f0012345000 [0-9a-f]+ 01234a 00 +AX");
  expect("0000000000000000 74570 FUNC +GLOBAL DEFAULT +1 chainrule:f#7");
  expect("FDE cie=0+ pc=00007f0012345000\\.\\.00007f001235734a");
  expect("00007f0012345000 rsp\\+8 +u +c-8");
  expect("00007f0012345001 rsp\\+16 +c-16 +c-8");
  expect("00007f0012345005 rsp\\+40 +c-16 +c-8");
  expect("00007f0012357348 rsp\\+16 +c-16 +c-8");
  expect("00007f0012357349 rsp\\+8 +c-16 +c-8");
  EXPECT_EQ(text.find("arning"), text.npos) << text;
  EXPECT_EQ(text.find("rror"), text.npos) << text;
}

// ---- perf ---------------------------------------------------------------------------------------

// As perf's jitdump-specification.txt has it: a header of 40 bytes, and records that begin with
// what they are, how long, and when.
struct Dumped {
  std::string name;
  std::uint64_t begin, bytes, number, nanoseconds;
  std::string code;
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<Dumped> dumped(const std::string& file) {
  std::vector<Dumped> all;
  EXPECT_EQ(read<std::uint32_t>(file.data()), 0x4A695444u);
  EXPECT_EQ(read<std::uint32_t>(file.data() + 12), EM_X86_64 + 0u);
  EXPECT_EQ(read<std::uint32_t>(file.data() + 20), static_cast<std::uint32_t>(getpid()));
  std::size_t at = read<std::uint32_t>(file.data() + 8);
  while (at < file.size()) {
    const char* const record = file.data() + at;
    EXPECT_EQ(read<std::uint32_t>(record), 0u) << "a JIT_CODE_LOAD";
    const auto bytes = read<std::uint64_t>(record + 40);
    const std::string name(record + 56);
    all.push_back({name, read<std::uint64_t>(record + 24), bytes, read<std::uint64_t>(record + 48),
                   read<std::uint64_t>(record + 8), std::string(record + 57 + name.size(), bytes)});
    EXPECT_EQ(read<std::uint64_t>(record + 32), all.back().begin);
    EXPECT_EQ(read<std::uint32_t>(record + 4), 57 + name.size() + bytes);
    at += 57 + name.size() + bytes;
  }
  EXPECT_EQ(at, file.size());
  return all;
}

// Whether perf, which is told of executable mappings, is told of the file.
bool is_mapped_executable(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(path)) return line.find(" r-xp 00000000 ") != line.npos;
  }
  return false;
}

// Runs in a process of its own, as the variable is read once.
int compile_and_read_dump() {
  char folder[] = "/tmp/chainrule-perf-XXXXXX";
  setenv("CHAINRULE_JITDUMP", mkdtemp(folder), 1);
  const Kernel first = compile(named("first one")), second = compile(named("second"));
  const std::string path = std::string(folder) + "/jit-" + std::to_string(getpid()) + ".dump";
  EXPECT_TRUE(is_mapped_executable(path));
  const std::vector<Dumped> all = dumped(contents(path));
  EXPECT_EQ(all.size(), 2u);
  EXPECT_EQ(listed().size(), 2u);
  std::uint64_t last_number = 0, last_time = 0;
  for (const Dumped& one : all) {
    const auto is_it = [&](const Listed& code) {
      return code.begin == one.begin && code.bytes == one.bytes && code.name == one.name;
    };
    EXPECT_EQ(std::ranges::count_if(listed(), is_it), 1) << one.name;
    EXPECT_EQ(std::memcmp(reinterpret_cast<const void*>(one.begin), one.code.data(), one.bytes), 0);
    EXPECT_GT(one.number, last_number);
    EXPECT_GE(one.nanoseconds, last_time);
    last_number = one.number;
    last_time = one.nanoseconds;
  }
  EXPECT_TRUE(all[0].name.starts_with("chainrule:first one#")) << all[0].name;
  output_of("rm -rf " + std::string(folder));
  return testing::Test::HasFailure();
}

int compile_into_no_folder() {
  setenv("CHAINRULE_JITDUMP", "/there/is/none", 1);
  const Kernel kernel = compile(named("any"), {.backend = Backend::avx2});
  return kernel({0.0, 2.0})[0] == 1 ? 0 : 1;
}

TEST(DebugPerf, the_dump_has_each_piece_of_code_where_a_folder_is_named) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  if (!is_available(Backend::avx2)) GTEST_SKIP() << "there is no machine code";
  EXPECT_EXIT(_exit(compile_and_read_dump()), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(_exit(compile_into_no_folder()), testing::ExitedWithCode(0), "");
}

// ---- gdb ----------------------------------------------------------------------------------------

std::string under_gdb(const std::string& commands) {
  char path[] = "/tmp/chainrule-gdb-XXXXXX";
  close(mkstemp(path));
  std::ofstream(path) << "set pagination off\nset width 0\n" << commands;
  const std::string text =
      output_of("DEBUGINFOD_URLS= LC_ALL=C gdb -nx -batch -x " + std::string(path) +
                " " CHAINRULE_BINARY_DIR "/tests/bin/debugged_program");
  unlink(path);
  return text;
}

// Why there is nothing to be tested.
std::string obstacle() {
  if (CHAINRULE_TEST_SANITIZED) return "sanitizers and gdb do not go together";
  if (!is_available(Backend::avx2)) return "there is no machine code";
  if (!output_of("gdb --version").starts_with("GNU gdb")) return "there is no gdb";
  const std::string text = under_gdb("run\n");
  if (text.find("exited normally") == text.npos) return "gdb may run no program here: " + text;
  return "";
}

std::size_t count_of(const std::string& part, const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++count;
  return count;
}

TEST(DebugGdb, a_backtrace_goes_through_the_code_by_name_to_main) {
  if (const std::string why = obstacle(); !why.empty()) GTEST_SKIP() << why;
  const std::string text =
      under_gdb("break is_compiled\nrun\nbreak stop_here\ncontinue\nbacktrace\n");
  const std::regex frames(
      "#0 +.*stop_here.*\\n(#.*\\n)+?#[0-9]+ +0x[0-9a-f]+ in chainrule:parabola#[0-9]+ \\(\\)\\n"
      "(#.*\\n)+?#[0-9]+ +0x[0-9a-f]+ in main \\(\\).*\\n");
  EXPECT_TRUE(std::regex_search(text, frames)) << text;
}

// Prologue and epilogue too. Pages of code cannot be written, so only hardware breakpoints work in
// them: one on the way back from each call.
TEST(DebugGdb, every_instruction_of_the_code_unwinds_to_main) {
  if (const std::string why = obstacle(); !why.empty()) GTEST_SKIP() << why;
  const std::string text = under_gdb(
      "break is_compiled\nrun\n"
      "set $begin = (long)&'chainrule:parabola#1'\n"
      "thbreak *$begin\ncontinue\n"
      "set $entry = $rsp\n"
      "while $rsp <= $entry\n"
      "  backtrace\n"
      "  stepi\n"
      "  if ($pc < $begin || $pc >= $begin + 4096) && $rsp <= $entry\n"
      "    thbreak *(*(long*)$rsp)\n"
      "    continue\n"
      "  end\n"
      "end\n");
  if (text.find("Could not insert hardware breakpoint") != text.npos) {
    GTEST_SKIP() << "there are no hardware breakpoints here: " << text;
  }
  const std::size_t steps = count_of("\n#0  0x", text);
  EXPECT_GT(steps, 30u) << text;
  EXPECT_EQ(count_of(" in chainrule:parabola#1 ()\n#1 ", text), steps) << text;
  EXPECT_EQ(count_of(" in main ()", text), steps) << text;
}

}  // namespace
}  // namespace chainrule

#endif
