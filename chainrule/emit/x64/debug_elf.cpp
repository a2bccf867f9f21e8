// The symbol file of one function: an ELF header, a symbol table, strings, and a .debug_frame
// (DWARF 4, section 6.4) that says at which instruction the stack holds what. The function's own
// bytes are not in it: .text is at an address, and empty (SHT_NOBITS).
#include "chainrule/emit/x64/debug_internal.hpp"

#if defined(__linux__)

#include <elf.h>

#include <array>
#include <cstring>
#include <string_view>

namespace chainrule::x64 {
namespace {

// DWARF's names of what is written here (DWARF 4, figure 40).
enum Cfa : std::uint8_t {
  kNop = 0x00,
  kAdvanceLoc4 = 0x04,
  kDefCfa = 0x0c,
  kDefCfaOffset = 0x0e,
  kOffset = 0x80  // the register in its low bits
};

// Registers as DWARF numbers them on x86-64 (System V ABI, AMD64 supplement, figure 3.36), by the
// number that instructions have for them.
constexpr std::array<std::uint8_t, 16> kDwarfRegister = {0, 2, 1,  3,  7,  6,  4,  5,
                                                         8, 9, 10, 11, 12, 13, 14, 15};
constexpr std::uint8_t kReturnAddress = 16, kStackPointer = 7;
constexpr std::uint32_t kWord = 8;

class Bytes {
 public:
  template <class T>
  void add(const T& value) {
    const auto* const from = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), from, from + sizeof value);
  }
  void add(std::uint8_t first, std::uint8_t second) { add(first), add(second); }
  // Seven bits a byte, the lowest first.
  void add_uleb128(std::uint32_t value) {
    for (; value >= 0x80; value >>= 7) add(static_cast<std::uint8_t>(value | 0x80));
    add(static_cast<std::uint8_t>(value));
  }
  void add_string(std::string_view text) {
    for (const char c : text) add(c);
    add('\0');
  }
  void pad_to(std::size_t alignment) {
    bytes_.resize((size() + alignment - 1) / alignment * alignment);
  }
  // Fills in what was left open at a place.
  template <class T>
  void put(std::size_t at, const T& value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// An entry of .debug_frame is preceded by its length and padded to whole words.
template <class Write>
void add_entry(Bytes& to, const Write& write) {
  const std::size_t begin = to.size();
  to.add(std::uint32_t{0});
  write();
  to.pad_to(kWord);
  to.put(begin, static_cast<std::uint32_t>(to.size() - begin - sizeof(std::uint32_t)));
}

// The canonical frame address (CFA) is where the stack pointer was before the call; the address to
// return to stands right below it.
void add_frame_rules(Bytes& to, const CodeFacts& facts) {
  constexpr std::uint32_t kIsCommon = 0xFFFFFFFF;
  constexpr std::uint8_t kVersion = 1, kNoAugmentation = 0, kCodeUnit = 1, kDataUnit = 0x78;  // −8
  add_entry(to, [&] {
    to.add(kIsCommon);
    to.add(kVersion, kNoAugmentation);
    to.add(kCodeUnit, kDataUnit);
    to.add(kReturnAddress);
    to.add(kDefCfa);
    to.add(kStackPointer, kWord);
    to.add(static_cast<std::uint8_t>(kOffset | kReturnAddress), std::uint8_t{1});
  });
  add_entry(to, [&] {
    to.add(std::uint32_t{0});  // where its common entry stands
    to.add(facts.begin);
    to.add(std::uint64_t{facts.bytes});
    std::uint32_t at = 0;
    for (const StackChange& change : facts.stack) {
      to.add(kAdvanceLoc4);
      to.add(change.at - at);
      at = change.at;
      to.add(kDefCfaOffset);
      to.add_uleb128(change.pushed + kWord);
      if (change.saves == StackChange::kNothing) continue;
      const std::uint8_t saved = kDwarfRegister[static_cast<std::size_t>(change.saves)];
      to.add(static_cast<std::uint8_t>(kOffset | saved));
      to.add_uleb128(change.pushed / kWord + 1);
    }
  });
}

enum Section : std::uint16_t { kNull, kText, kFrame, kSymbols, kStrings, kSections };

// The string table: a name's place in it is where it begins.
constexpr std::string_view kNames[kSections] = {"", ".text", ".debug_frame", ".symtab", ".strtab"};

std::uint32_t name_at(std::size_t section) {
  std::size_t at = 0;
  for (std::size_t k = 0; k < section; ++k) at += kNames[k].size() + 1;
  return static_cast<std::uint32_t>(at);
}

Elf64_Ehdr header() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_shoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = kSections;
  header.e_shstrndx = kStrings;
  return header;
}

}  // namespace

std::vector<std::byte> symbol_file(const CodeFacts& facts) {
  Bytes file;
  file.add(header());
  std::array<Elf64_Shdr, kSections> sections{};
  file.add(sections);  // filled in below
  const auto section = [&](Section which, std::uint32_t type, auto&& write) {
    file.pad_to(kWord);
    Elf64_Shdr& s = sections[which];
    s.sh_name = name_at(which);
    s.sh_type = type;
    s.sh_offset = file.size();
    s.sh_addralign = kWord;
    write();
    s.sh_size = file.size() - s.sh_offset;
  };
  section(kText, SHT_NOBITS, [] {});
  sections[kText].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  sections[kText].sh_addr = reinterpret_cast<std::uintptr_t>(facts.begin);
  sections[kText].sh_size = facts.bytes;
  sections[kText].sh_addralign = 1;

  section(kFrame, SHT_PROGBITS, [&] { add_frame_rules(file, facts); });

  section(kSymbols, SHT_SYMTAB, [&] {
    file.add(Elf64_Sym{});
    Elf64_Sym symbol{};
    symbol.st_name = name_at(kSections);  // behind those of the sections
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    symbol.st_shndx = kText;
    symbol.st_size = facts.bytes;
    file.add(symbol);
  });
  sections[kSymbols].sh_link = kStrings;
  sections[kSymbols].sh_info = 1;  // the first that is not local
  sections[kSymbols].sh_entsize = sizeof(Elf64_Sym);

  section(kStrings, SHT_STRTAB, [&] {
    for (const std::string_view name : kNames) file.add_string(name);
    file.add_string(facts.name);
  });
  file.put(sizeof(Elf64_Ehdr), sections);
  return file.take();
}

}  // namespace chainrule::x64

#else

namespace chainrule::x64 {

std::vector<std::byte> symbol_file(const CodeFacts&) { return {}; }

}  // namespace chainrule::x64

#endif
