// Generator: one pass over a Program that assigns registers and encodes.
//
// A value that must leave its register is the one that is read furthest ahead (Belady 1966), which
// is optimal on straight-line code; of two alike the one that memory has already. What memory has
// is read from there as an instruction's operand, unless it is read again soon. Nothing stays in a
// register across a call or the border of a loop.
#pragma once

#include <asmjit/x86.h>

#include <array>

#include "chainrule/emit/x64/code_internal.hpp"
#include "chainrule/emit/x64/debug_internal.hpp"
#include "chainrule/emit/x64/frame_internal.hpp"
#include "chainrule/emit/x64/instruction_set_internal.hpp"
#include "chainrule/emit/x64/liveness_internal.hpp"

namespace chainrule::x64 {

/// The address of void f(const Block*, const Lane* operands, Lane* results, std::byte* frame,
/// std::size_t row_vectors), which runs a block on every lane: operand k of row vector r, lane i at
/// operands[(k · row_vectors + r) · lanes + i]. A lane in which it throws is active no more.
const void* block_caller(Isa isa, Precision precision);

class Generator {
 public:
  Generator(const emit::Program& program, const CodeOptions& options, asmjit::CodeHolder& holder);
  void run();

  std::size_t frame_bytes() const { return frame_.bytes(); }
  std::size_t spill_bytes() const { return frame_.spills() * vector_bytes_; }
  std::span<const StackChange> stack() const { return stack_; }

 private:
  using Key = std::uint32_t;  // value · row vectors + row vector
  using Register = int;
  using Mem = asmjit::x86::Mem;
  using Vec = asmjit::x86::Vec;
  using Operand = asmjit::Operand;
  using InstId = asmjit::InstId;
  static constexpr Register kNoRegister = -1;

  // An operand as an instruction takes it: in a register, or where memory has it.
  struct Source {
    Register reg = kNoRegister;
    Key key = emit::kNone;
    bool is_register() const { return reg != kNoRegister; }
  };

  bool has_avx512() const { return options_.isa == Isa::avx512; }
  Vec vec(Register r) const;
  Key key(std::uint32_t value, unsigned r) const {
    return value * row_vectors_ + (program_.code[value].uniform ? 0 : r);
  }
  std::uint32_t value_of(Key key) const { return key / row_vectors_; }
  bool is_place(std::uint32_t value) const {
    const emit::Instr& instr = program_.code[value];
    return instr.act == emit::Act::load && instr.detail != emit::kNow;
  }
  bool in_memory(Key k) const { return is_place(value_of(k)) || slot_[k] != emit::kNone; }

  enum class Among : std::uint8_t { all, clean };
  enum class MayBe : std::uint8_t { in_register, memory };

  // ---- memory --------------------------------------------------------------------------------
  std::size_t element_bytes(emit::Space space, std::uint32_t table) const;
  std::int32_t distance(std::size_t bytes) const;
  std::int32_t in_frame(std::size_t offset) const;
  Mem at(const emit::Place& place, unsigned r);
  Mem home(Key k);
  Operand as_operand(const Source& source);
  Mem slot(std::uint32_t number) const;
  bool is_broadcast(Key k) const;
  asmjit::x86::Gp pointer(std::uint32_t number);
  asmjit::x86::Gp table(std::uint32_t number);
  asmjit::x86::Gp in_pool(std::uint32_t name, const Mem& cell);
  void keep_in_pool(const asmjit::x86::Gp& reg);
  Mem pointer_cell(std::uint32_t number) const;
  Mem counter_cell(std::uint32_t loop) const;

  // ---- registers -----------------------------------------------------------------------------
  Register take();
  Register furthest(Among among) const;
  void evict(Register r);
  void save(Register r);
  void bind(Register r, Key k);
  void release(Register r);
  void load(Register r, Key k);
  Register into_register(Key k);
  bool is_worth_a_register(std::uint32_t i, int number, unsigned r) const;
  Source fetch(std::uint32_t i, int number, unsigned r, MayBe may_be = MayBe::memory);
  std::uint32_t next_after(std::uint32_t i, int number, unsigned r) const;
  bool dies(std::uint32_t i, int number, unsigned r) const;
  void advance(std::uint32_t i, unsigned r);
  void unpin();
  void settle();
  void define(std::uint32_t i, unsigned r, Register to);
  void flush(std::uint32_t i, unsigned r);
  void flush_all();
  void drop_all();

  // ---- instructions --------------------------------------------------------------------------
  void prologue();
  void epilogue();
  void stack_moved(int bytes, int saves = StackChange::kNothing);
  void instruction(std::uint32_t i);
  void instruction(std::uint32_t i, unsigned r);

  void binary(std::uint32_t i, unsigned r, InstId id);
  void commutative(std::uint32_t i, unsigned r, InstId id);
  void finish(std::uint32_t i, unsigned r, InstId id, Register a, const Source& b);
  void square_root(std::uint32_t i, unsigned r);
  void round(std::uint32_t i, unsigned r);
  void multiply_add(std::uint32_t i, unsigned r);
  void compare(std::uint32_t i, unsigned r);
  void blend(std::uint32_t i, unsigned r);
  void call(std::uint32_t i, unsigned r);
  void load_now(std::uint32_t i, unsigned r);
  void store(std::uint32_t i, unsigned r);
  void store_column(std::uint32_t i, unsigned r, Register from, const emit::Place& to);
  void sum(std::uint32_t i);
  Mem waiting(unsigned number) const;
  void add_group();
  void sum_masked(std::uint32_t i, const emit::Place& place);
  void add_compensated(Register t, const emit::Place& place);
  void guard(std::uint32_t i, unsigned r);
  void block(std::uint32_t i);
  void begin_loop(std::uint32_t i);
  void end_loop(std::uint32_t i);
  void call_address(const void* address);
  void begin_segment();
  void end_segment();
  void begin_blocks();
  void next_block();
  void add_pointers(std::uint32_t loop);
  void set_pointers(std::uint32_t loop);
  asmjit::x86::KReg active(unsigned r);

  template <class... Operands>
  void emit(InstId id, const Operands&... operands) {
    check(assembler_.emit(id, operands...));
  }
  // Lanes where the mask is not set stay as they are.
  template <class... Operands>
  void emit_masked(InstId id, const asmjit::x86::KReg& mask, const Operands&... operands) {
    assembler_.setExtraReg(mask);
    emit(id, operands...);
  }
  // The next masked instruction zeroes lanes where the mask is not set.
  void zero_unmasked() { assembler_.addInstOptions(asmjit::InstOptions::kX86_ZMask); }
  void check(asmjit::Error error);
  void note(std::uint32_t i, unsigned r, Register to);

  const emit::Program& program_;
  const CodeOptions& options_;
  const unsigned row_vectors_;
  const InstructionSet& is_;
  const unsigned lanes_;
  const std::size_t number_bytes_;
  const std::size_t vector_bytes_;
  const int registers_;
  Liveness live_;
  Frame frame_;
  asmjit::x86::Assembler assembler_;

  std::uint32_t now_ = 0;
  std::array<Key, 32> holds_;
  std::array<bool, 32> pinned_{};
  std::vector<std::int8_t> register_of_;  // by key
  std::vector<std::uint32_t> slot_;       // by key
  std::vector<std::uint32_t> next_;       // by key: the next instruction that reads it
  std::vector<std::uint32_t> released_;   // slots that the instruction in hand read last
  std::vector<std::vector<std::uint32_t>> freed_at_end_;  // by loop: slots to give back
  std::vector<asmjit::Label> labels_;                     // by loop
  std::array<std::uint32_t, 8> pointer_in_;
  unsigned next_pointer_ = 0;
  emit::Place group_{};   // of narrow sums, and
  unsigned waiting_ = 0;  // how many of its vectors wait
  asmjit::Label segment_, blocks_;
  std::size_t segment_offset_ = 0;
  std::vector<StackChange> stack_;
  unsigned active_loaded_ = 0;  // bits by row vector: its mask register is up to date
};

}  // namespace chainrule::x64
