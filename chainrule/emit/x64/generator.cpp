#if CHAINRULE_WITH_ASMJIT

#include "chainrule/emit/x64/generator_internal.hpp"

#include <algorithm>

#include "chainrule/base/error.hpp"

namespace chainrule::x64 {

using asmjit::Imm;
using emit::Act;
using emit::Instr;
using emit::kNone;
using emit::Place;
using emit::Space;
namespace x86 = asmjit::x86;
namespace I = asmjit::x86::Inst;

namespace {

// Half of a first-level cache of instructions.
constexpr std::size_t kSegmentBytes = 16'384;

constexpr int kPointerRegisters = 8;
const x86::Gp kPointerPool[kPointerRegisters] = {x86::rcx, x86::rdx, x86::rsi, x86::rdi,
                                                 x86::r8,  x86::r9,  x86::r10, x86::r11};

const x86::Gp& base_of(Space space) {
  switch (space) {
    case Space::shared: return x86::rbx;
    case Space::row: return x86::r12;
    case Space::constant: return x86::r13;
    case Space::frame: return x86::r14;
    case Space::out: return x86::r15;
    case Space::sum:
    case Space::narrow_sum: return x86::rbp;
    case Space::column: break;  // each table has its own
  }
  __builtin_unreachable();
}

// In the pool of pointers a table's number has this bit.
constexpr std::uint32_t kTable = 1u << 31;

}  // namespace

Generator::Generator(const emit::Program& program, const CodeOptions& options,
                     asmjit::CodeHolder& holder)
    : program_(program),
      options_(options),
      row_vectors_(options.row_vectors),
      is_(instructions_of(program.precision)),
      lanes_(static_cast<unsigned>(lanes(options.isa, program.precision))),
      number_bytes_(bytes_of(program.precision)),
      vector_bytes_(lanes_ * number_bytes_),
      registers_(has_avx512() ? 32 : 16),
      live_(program),
      frame_(program, row_vectors_, vector_bytes_),
      assembler_(&holder),
      register_of_(program.code.size() * row_vectors_, kNoRegister),
      slot_(program.code.size() * row_vectors_, kNone),
      next_(program.code.size() * row_vectors_, kNever),
      freed_at_end_(program.loops.size()) {
  holds_.fill(kNone);
  pointer_in_.fill(kNone);
  for (std::size_t k = 0; k < program.loops.size(); ++k) labels_.push_back(assembler_.newLabel());
}

void Generator::check(asmjit::Error error) {
  if (error != asmjit::kErrorOk) {
    fail("compile", std::string("the assembler refuses an instruction: ") +
                        asmjit::DebugUtils::errorAsString(error));
  }
}

void Generator::run() {
  prologue();
  begin_segment();
  if (options_.form == Form::whole) begin_blocks();
  for (now_ = 0; now_ < program_.code.size(); ++now_) {
    if (!live_.needed[now_]) continue;
    const bool is_long = assembler_.offset() - segment_offset_ > kSegmentBytes;
    if (options_.form == Form::segments && is_long && waiting_ == 0) {
      flush_all();
      end_segment();
      begin_segment();
    }
    instruction(now_);
  }
  add_group();
  drop_all();
  end_segment();
  if (options_.form == Form::whole) next_block();
  epilogue();
}

// ---- places in memory -------------------------------------------------------------------------

x86::Vec Generator::vec(Register r) const {
  const auto id = static_cast<std::uint32_t>(r);
  if (has_avx512()) return x86::zmm(id);
  return x86::ymm(id);
}

std::size_t Generator::element_bytes(Space space, std::uint32_t table) const {
  switch (space) {
    case Space::column: return program_.tables[table] * number_bytes_;
    case Space::shared:
    case Space::narrow_sum: return number_bytes_;
    case Space::constant: return has_avx512() ? number_bytes_ : vector_bytes_;
    case Space::row:
    case Space::frame:
    case Space::out: return row_vectors_ * vector_bytes_;
    case Space::sum: return vector_bytes_;
  }
  __builtin_unreachable();
}

std::int32_t Generator::in_frame(std::size_t offset) const {
  return distance(offset) - distance(frame_.base());
}

x86::Mem Generator::at(const Place& place, unsigned r) {
  const std::size_t first = place.first * element_bytes(place.space, place.table);
  const bool is_column = place.space == Space::column;
  const bool has_vectors = place.space == Space::row || place.space == Space::out || is_column;
  const std::int32_t displacement = place.space == Space::frame
                                        ? in_frame(frame_.cell(place.first, r))
                                        : distance(first + (has_vectors ? r * vector_bytes_ : 0));
  const x86::Gp base = is_column ? table(place.table) : base_of(place.space);
  if (place.pointer == kNone) return x86::ptr(base, displacement);
  keep_in_pool(base);
  return x86::ptr(base, pointer(place.pointer), 0, displacement);
}

// Where memory has a value that is a place's, or was saved.
x86::Mem Generator::home(Key k) {
  const std::uint32_t value = value_of(k);
  if (slot_[k] != kNone) return slot(slot_[k]);
  return at(program_.places[program_.code[value].a], k % row_vectors_);
}

asmjit::Operand Generator::as_operand(const Source& source) {
  if (source.is_register()) return vec(source.reg);
  Mem mem = home(source.key);
  if (is_broadcast(source.key)) mem.setBroadcast(is_.to_all);
  return mem;
}

x86::Mem Generator::slot(std::uint32_t number) const {
  return x86::ptr(x86::r14, in_frame(frame_.slot(number)));
}

// Whether memory has one number for all lanes.
bool Generator::is_broadcast(Key k) const {
  if (slot_[k] != kNone) return false;
  const Place& place = program_.places[program_.code[value_of(k)].a];
  return place.space == Space::shared || (place.space == Space::constant && has_avx512());
}

x86::Mem Generator::pointer_cell(std::uint32_t number) const {
  return x86::qword_ptr(x86::r14, in_frame(frame_.pointer(number)));
}
x86::Mem Generator::counter_cell(std::uint32_t loop) const {
  return x86::qword_ptr(x86::r14, in_frame(frame_.counter(loop)));
}

x86::Gp Generator::pointer(std::uint32_t number) { return in_pool(number, pointer_cell(number)); }

x86::Gp Generator::table(std::uint32_t number) {
  return in_pool(kTable | number, x86::qword_ptr(x86::r14, in_frame(Frame::table(number))));
}

// The next one that is loaded does not take this register.
void Generator::keep_in_pool(const x86::Gp& reg) {
  if (kPointerPool[next_pointer_ % kPointerRegisters].id() == reg.id()) ++next_pointer_;
}

x86::Gp Generator::in_pool(std::uint32_t name, const Mem& cell) {
  for (unsigned k = 0; k < kPointerRegisters; ++k) {
    if (pointer_in_[k] == name) return kPointerPool[k];
  }
  const unsigned k = next_pointer_++ % kPointerRegisters;
  pointer_in_[k] = name;
  emit(I::kIdMov, kPointerPool[k], cell);
  return kPointerPool[k];
}

// ---- registers --------------------------------------------------------------------------------

void Generator::bind(Register r, Key k) {
  const auto at = static_cast<std::size_t>(r);
  if (holds_[at] != kNone) register_of_[holds_[at]] = kNoRegister;
  holds_[at] = k;
  register_of_[k] = static_cast<std::int8_t>(r);
}

void Generator::release(Register r) {
  const auto at = static_cast<std::size_t>(r);
  if (holds_[at] == kNone) return;
  register_of_[holds_[at]] = kNoRegister;
  holds_[at] = kNone;
}

// A register that is free, or made so. Those of the instruction in hand are left alone.
Generator::Register Generator::take() {
  for (Register r = 0; r < registers_; ++r) {
    const auto at = static_cast<std::size_t>(r);
    if (holds_[at] == kNone && !pinned_[at]) return r;
  }
  const Register r = furthest(Among::all);
  evict(r);
  return r;
}

// What is clean costs nothing to drop, so it counts as twice as far.
Generator::Register Generator::furthest(Among among) const {
  Register best = kNoRegister;
  std::uint64_t best_distance = 0;
  for (Register r = 0; r < registers_; ++r) {
    const auto at = static_cast<std::size_t>(r);
    if (pinned_[at] || holds_[at] == kNone) continue;
    const bool is_clean = in_memory(holds_[at]);
    if (among == Among::clean && !is_clean) continue;
    const std::uint64_t distance =
        (static_cast<std::uint64_t>(next_[holds_[at]]) - now_) * (is_clean ? 2 : 1) + 1;
    if (distance > best_distance) best = r, best_distance = distance;
  }
  return best;
}

void Generator::save(Register r) {
  const Key k = holds_[static_cast<std::size_t>(r)];
  if (in_memory(k)) return;
  slot_[k] = frame_.take();
  emit(is_.move, slot(slot_[k]), vec(r));
}

void Generator::evict(Register r) {
  if (next_[holds_[static_cast<std::size_t>(r)]] != kNever) save(r);
  release(r);
}

void Generator::load(Register r, Key k) {
  const Mem from = home(k);
  emit(is_broadcast(k) ? is_.broadcast : is_.move_anywhere, vec(r), from);
}

Generator::Register Generator::into_register(Key k) {
  const Register r = take();
  load(r, k);
  bind(r, k);
  return r;
}

// Read as an instruction's operand, memory costs a load but no instruction of its own, and front
// end and code size are what is scarce; so a value is loaded for its own sake only where several
// row vectors read it at once.
bool Generator::is_worth_a_register(std::uint32_t i, int number, unsigned r) const {
  const std::uint32_t value = operand(program_.code[i], number);
  constexpr unsigned kReaders = 4;
  return program_.code[value].uniform && !program_.code[i].uniform && r == 0 &&
         row_vectors_ >= kReaders;
}

// Operand number k of instruction i.
Generator::Source Generator::fetch(std::uint32_t i, int number, unsigned r, MayBe may_be) {
  const Key k = key(operand(program_.code[i], number), r);
  Register reg = register_of_[k];
  if (reg == kNoRegister) {
    const bool as_operand = may_be == MayBe::memory && (has_avx512() || !is_broadcast(k)) &&
                            !is_worth_a_register(i, number, r);
    if (as_operand) return {kNoRegister, k};
    reg = into_register(k);
  }
  pinned_[static_cast<std::size_t>(reg)] = true;
  return {reg, k};
}

std::uint32_t Generator::next_after(std::uint32_t i, int number, unsigned r) const {
  const std::uint32_t value = operand(program_.code[i], number);
  if (program_.code[value].uniform && !program_.code[i].uniform && r + 1 < row_vectors_) return i;
  return live_.after_use[3 * i + static_cast<unsigned>(number)];
}

bool Generator::dies(std::uint32_t i, int number, unsigned r) const {
  return next_after(i, number, r) == kNever;
}

// Operands that have been read for the last time give back what they hold.
void Generator::advance(std::uint32_t i, unsigned r) {
  const Instr& instr = program_.code[i];
  for (int number = 0; number < emit::value_operands(instr); ++number) {
    const std::uint32_t value = operand(instr, number);
    const Key k = key(value, r);
    next_[k] = next_after(i, number, r);
    if (next_[k] != kNever) continue;
    // In x x what x held is given back once.
    bool is_repeated = false;
    for (int other = 0; other < number; ++other) {
      is_repeated = is_repeated || operand(instr, other) == value;
    }
    if (is_repeated) continue;
    if (register_of_[k] != kNoRegister) release(register_of_[k]);
    if (slot_[k] == kNone) continue;
    const std::uint32_t end = live_.kept_until[value];
    if (end > i) {
      freed_at_end_[program_.code[end].a].push_back(slot_[k]);
    } else {
      released_.push_back(slot_[k]);  // the instruction in hand may still read it
      slot_[k] = kNone;
    }
  }
}

void Generator::unpin() { pinned_.fill(false); }

// After an instruction: what it read for the last time may be overwritten.
void Generator::settle() {
  unpin();
  for (const std::uint32_t slot : released_) frame_.give_back(slot);
  released_.clear();
}

void Generator::define(std::uint32_t i, unsigned r, Register to) {
  const Key k = key(i, r);
  next_[k] = live_.after_def[i];
  bind(to, k);
  if (options_.allocation != nullptr) note(i, r, to);
}

// What is read again later goes to memory; then nothing is in a register.
void Generator::flush(std::uint32_t i, unsigned r) {
  const Instr& instr = program_.code[i];
  for (Register reg = 0; reg < registers_; ++reg) {
    const Key k = holds_[static_cast<std::size_t>(reg)];
    if (k == kNone) continue;
    std::uint32_t next = next_[k];
    for (int number = 0; number < emit::value_operands(instr); ++number) {
      if (key(operand(instr, number), r) == k) next = next_after(i, number, r);
    }
    if (next != kNever) save(reg);
  }
}

void Generator::flush_all() {
  for (Register reg = 0; reg < registers_; ++reg) {
    const Key k = holds_[static_cast<std::size_t>(reg)];
    if (k != kNone && next_[k] != kNever) save(reg);
  }
  drop_all();
}

void Generator::drop_all() {
  for (Register reg = 0; reg < registers_; ++reg) release(reg);
  pointer_in_.fill(kNone);
  active_loaded_ = 0;
}

// ---- the frame of the code --------------------------------------------------------------------

namespace {

// On the stack: how many packs are still to be run, and the Context.
const x86::Mem kPacksLeft = x86::qword_ptr(x86::rsp, 0), kContext = x86::qword_ptr(x86::rsp, 8);
constexpr int kStackBytes = 24;  // with them, calls find the stack aligned to 16 bytes

x86::Mem field(const x86::Gp& context, std::size_t offset) {
  return x86::qword_ptr(context, static_cast<std::int32_t>(offset));
}

}  // namespace

void Generator::prologue() {
  for (const x86::Gp& reg : {x86::rbx, x86::rbp, x86::r12, x86::r13, x86::r14, x86::r15}) {
    emit(I::kIdPush, reg);
    stack_moved(8, static_cast<int>(reg.id()));
  }
  emit(I::kIdSub, x86::rsp, Imm(kStackBytes));
  stack_moved(kStackBytes);
  emit(I::kIdMov, kContext, x86::rdi);
  emit(I::kIdMov, x86::rbx, field(x86::rdi, offsetof(Context, shared)));
  emit(I::kIdMov, x86::r13, field(x86::rdi, offsetof(Context, constants)));
  emit(I::kIdMov, x86::rbp, field(x86::rdi, offsetof(Context, sums)));
}

// The first pack.
void Generator::begin_segment() {
  emit(I::kIdMov, x86::rax, kContext);
  emit(I::kIdMov, x86::r12, field(x86::rax, offsetof(Context, rows)));
  emit(I::kIdMov, x86::r14, field(x86::rax, offsetof(Context, frame)));
  emit(I::kIdAdd, x86::r14, Imm(distance(frame_.base())));
  emit(I::kIdMov, x86::r15, field(x86::rax, offsetof(Context, out)));
  if (options_.form == Form::whole) return;
  emit(I::kIdMov, x86::rax, field(x86::rax, offsetof(Context, packs)));
  emit(I::kIdMov, kPacksLeft, x86::rax);
  segment_ = assembler_.newLabel();
  check(assembler_.bind(segment_));
  segment_offset_ = assembler_.offset();
}

void Generator::begin_blocks() {
  emit(I::kIdMov, x86::rax, kContext);
  emit(I::kIdMov, x86::rax, field(x86::rax, offsetof(Context, packs)));
  emit(I::kIdMov, kPacksLeft, x86::rax);
  blocks_ = assembler_.newLabel();
  check(assembler_.bind(blocks_));
}

// The next rows of the tables, where there are more; nothing is in a register.
void Generator::next_block() {
  const asmjit::Label done = assembler_.newLabel();
  emit(I::kIdSub, kPacksLeft, Imm(1));
  emit(I::kIdJz, done);
  for (std::uint32_t table = 0; table < program_.tables.size(); ++table) {
    emit(I::kIdAdd, x86::qword_ptr(x86::r14, in_frame(Frame::table(table))),
         Imm(distance(row_vectors_ * vector_bytes_)));
  }
  emit(I::kIdJmp, blocks_);
  check(assembler_.bind(done));
}

// The next pack; nothing is in a register. After the last, r14 is the first one's again.
void Generator::end_segment() {
  if (options_.form == Form::whole) return;
  emit(I::kIdMov, x86::rax, kContext);
  emit(I::kIdAdd, x86::r12, field(x86::rax, offsetof(Context, rows_stride)));
  emit(I::kIdAdd, x86::r14, field(x86::rax, offsetof(Context, frame_stride)));
  emit(I::kIdAdd, x86::r15, field(x86::rax, offsetof(Context, out_stride)));
  emit(I::kIdSub, kPacksLeft, Imm(1));
  emit(I::kIdJnz, segment_);
  emit(I::kIdMov, x86::r14, field(x86::rax, offsetof(Context, frame)));
  emit(I::kIdAdd, x86::r14, Imm(distance(frame_.base())));
}

void Generator::epilogue() {
  emit(I::kIdVzeroupper);
  emit(I::kIdAdd, x86::rsp, Imm(kStackBytes));
  stack_moved(-kStackBytes);
  for (const x86::Gp& reg : {x86::r15, x86::r14, x86::r13, x86::r12, x86::rbp, x86::rbx}) {
    emit(I::kIdPop, reg);
    stack_moved(-8);
  }
  emit(I::kIdRet);
}

// For debuggers: by the instruction before.
void Generator::stack_moved(int bytes, int saves) {
  const std::uint32_t pushed = stack_.empty() ? 0 : stack_.back().pushed;
  stack_.push_back({static_cast<std::uint32_t>(assembler_.offset()),
                    pushed + static_cast<std::uint32_t>(bytes), saves});
}

void Generator::call_address(const void* address) {
  emit(I::kIdMov, x86::rax, Imm(reinterpret_cast<std::uintptr_t>(address)));
  emit(I::kIdCall, x86::rax);
}

void Generator::note(std::uint32_t i, unsigned r, Register to) {
  const Instr& instr = program_.code[i];
  std::string& text = *options_.allocation;
  text += std::to_string(i) + (row_vectors_ > 1 ? "." + std::to_string(r) : "") + " in " +
          std::to_string(to) + ":";
  for (int number = 0; number < emit::value_operands(instr); ++number) {
    text += " " + std::to_string(operand(instr, number));
  }
  text += "\n";
}

// ---- loops and blocks -------------------------------------------------------------------------

void Generator::begin_loop(std::uint32_t i) {
  add_group();
  flush(i, 0);
  drop_all();
  const std::uint32_t number = program_.code[i].a;
  set_pointers(number);
  emit(I::kIdMov, counter_cell(number), Imm(distance(program_.loops[number].steps)));
  end_segment();
  check(assembler_.bind(labels_[number]));
  if (options_.form == Form::segments) begin_segment();
}

void Generator::end_loop(std::uint32_t i) {
  add_group();
  drop_all();
  const std::uint32_t number = program_.code[i].a;
  add_pointers(number);
  emit(I::kIdSub, counter_cell(number), Imm(1));
  end_segment();
  if (options_.form == Form::segments) emit(I::kIdCmp, counter_cell(number), Imm(0));
  emit(I::kIdJnz, labels_[number]);
  for (const std::uint32_t slot : freed_at_end_[number]) frame_.give_back(slot);
  if (options_.form == Form::segments) begin_segment();
}

// To the loop's first step.
void Generator::set_pointers(std::uint32_t number) {
  const emit::LoopSpan& loop = program_.loops[number];
  for (std::uint32_t p = 0; p < program_.pointers.size(); ++p) {
    const emit::Pointer& pointer = program_.pointers[p];
    if (pointer.loop != number) continue;
    if (pointer.parent == kNone) {
      emit(I::kIdXor, x86::eax, x86::eax);
    } else {
      emit(I::kIdMov, x86::rax, pointer_cell(pointer.parent));
    }
    if (loop.descending) {
      const std::size_t far =
          (loop.steps - 1) * pointer.stride * element_bytes(pointer.space, pointer.table);
      emit(I::kIdAdd, x86::rax, Imm(distance(far)));
    }
    emit(I::kIdMov, pointer_cell(p), x86::rax);
  }
}

// To its next step.
void Generator::add_pointers(std::uint32_t number) {
  const emit::LoopSpan& loop = program_.loops[number];
  for (std::uint32_t p = 0; p < program_.pointers.size(); ++p) {
    const emit::Pointer& pointer = program_.pointers[p];
    if (pointer.loop != number) continue;
    const Imm step(distance(pointer.stride * element_bytes(pointer.space, pointer.table)));
    emit(loop.descending ? I::kIdSub : I::kIdAdd, pointer_cell(p), step);
  }
}

std::int32_t Generator::distance(std::size_t bytes) const {
  if (bytes > 0x7FFFFFFFu) fail("compile", "the function is too large: its data pass 2 GiB");
  return static_cast<std::int32_t>(bytes);
}

void Generator::block(std::uint32_t i) {
  flush(i, 0);
  drop_all();
  const emit::BlockUse& use = program_.blocks[program_.code[i].a];
  const auto cell = [&](std::uint32_t number) {
    return x86::ptr(x86::r14, in_frame(frame_.cell(number, 0)));
  };
  emit(I::kIdMov, x86::rdi, Imm(reinterpret_cast<std::uintptr_t>(use.block.get())));
  emit(I::kIdLea, x86::rsi, cell(use.operands));
  emit(I::kIdLea, x86::rdx, cell(use.results));
  emit(I::kIdLea, x86::rcx, x86::ptr(x86::r14, in_frame(0)));
  emit(I::kIdMov, x86::r8, Imm(row_vectors_));
  emit(I::kIdVzeroupper);
  call_address(block_caller(options_.isa, program_.precision));
}

}  // namespace chainrule::x64

#endif
