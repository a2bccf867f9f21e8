// Generator's instructions: how each act is encoded.
//
// The order is always: operands are fetched, those read for the last time are given back, the
// result's register is taken, the instruction is written, the result is defined.
#include <algorithm>

#if CHAINRULE_WITH_ASMJIT

#include "chainrule/emit/x64/generator_internal.hpp"

namespace chainrule::x64 {

using asmjit::Imm;
using emit::Act;
using emit::Compare;
using emit::Instr;
using emit::kNone;
namespace x86 = asmjit::x86;
namespace I = asmjit::x86::Inst;

namespace {

constexpr unsigned kFirstActive = 4;  // mask registers 4 to 7 hold the active lanes

}  // namespace

void Generator::instruction(std::uint32_t i) {
  const Instr& instr = program_.code[i];
  switch (instr.act) {
    case Act::sum:
    case Act::sum_product: sum(i); return settle();
    case Act::block: return block(i);
    case Act::loop: return begin_loop(i);
    case Act::end: return end_loop(i);
    case Act::load:
    case Act::add:
    case Act::sub:
    case Act::mul:
    case Act::div:
    case Act::fma:
    case Act::fms:
    case Act::fnma:
    case Act::sqrt:
    case Act::bit_and:
    case Act::bit_andnot:
    case Act::bit_or:
    case Act::bit_xor:
    case Act::compare:
    case Act::blend:
    case Act::round:
    case Act::call:
    case Act::store:
    case Act::guard: break;
  }
  const unsigned count = instr.uniform ? 1 : row_vectors_;
  for (unsigned r = 0; r < count; ++r) {
    instruction(i, r);
    settle();
  }
}

void Generator::instruction(std::uint32_t i, unsigned r) {
  const Instr& instr = program_.code[i];
  switch (instr.act) {
    case Act::load: return load_now(i, r);
    case Act::add: return commutative(i, r, is_.add);
    case Act::sub: return binary(i, r, is_.sub);
    case Act::mul: return commutative(i, r, is_.mul);
    case Act::div: return binary(i, r, is_.div);
    case Act::fma:
    case Act::fms:
    case Act::fnma: return multiply_add(i, r);
    case Act::sqrt: return square_root(i, r);
    case Act::bit_and: return commutative(i, r, is_.bit_and);
    case Act::bit_andnot: return binary(i, r, is_.bit_andnot);
    case Act::bit_or: return commutative(i, r, is_.bit_or);
    case Act::bit_xor: return commutative(i, r, is_.bit_xor);
    case Act::compare: return compare(i, r);
    case Act::blend: return blend(i, r);
    case Act::round: return round(i, r);
    case Act::call: return call(i, r);
    case Act::store: return store(i, r);
    case Act::guard: return guard(i, r);
    case Act::sum:
    case Act::sum_product:
    case Act::block:
    case Act::loop:
    case Act::end: return;
  }
}

// ---- arithmetic -------------------------------------------------------------------------------

// a − b and the like: the second operand may be in memory.
void Generator::binary(std::uint32_t i, unsigned r, InstId id) {
  const Source a = fetch(i, 0, r, MayBe::in_register);
  const Source b = fetch(i, 1, r);
  finish(i, r, id, a.reg, b);
}

// a + b and the like: either may be.
void Generator::commutative(std::uint32_t i, unsigned r, InstId id) {
  Source a = fetch(i, 0, r),
         b = fetch(i, 1, r, a.is_register() ? MayBe::memory : MayBe::in_register);
  if (!a.is_register()) std::swap(a, b);
  finish(i, r, id, a.reg, b);
}

void Generator::finish(std::uint32_t i, unsigned r, InstId id, Register a, const Source& b) {
  const Operand operand = as_operand(b);
  advance(i, r);
  unpin();
  const Register to = take();
  emit(id, vec(to), vec(a), operand);
  define(i, r, to);
}

void Generator::square_root(std::uint32_t i, unsigned r) {
  const Source a = fetch(i, 0, r);
  const Operand operand = as_operand(a);
  advance(i, r);
  unpin();
  const Register to = take();
  emit(is_.sqrt, vec(to), operand);
  define(i, r, to);
}

void Generator::round(std::uint32_t i, unsigned r) {
  const Source a = fetch(i, 0, r);
  const Operand operand = as_operand(a);
  advance(i, r);
  unpin();
  const Register to = take();
  constexpr int kQuiet = 8;  // no exception for what is rounded away
  const Imm mode(program_.code[i].detail | kQuiet);
  emit(has_avx512() ? is_.round_avx512 : is_.round_avx2, vec(to), operand, mode);
  define(i, r, to);
}

// The result stands in the register of an operand: best in one that is not read again.
void Generator::multiply_add(std::uint32_t i, unsigned r) {
  const Act act = program_.code[i].act;
  const MultiplyAdd& forms = act == Act::fms ? is_.fms : act == Act::fnma ? is_.fnma : is_.fma;
  Source a = fetch(i, 0, r);
  Source b = fetch(i, 1, r, a.is_register() ? MayBe::memory : MayBe::in_register);
  const Source c =
      fetch(i, 2, r, a.is_register() && b.is_register() ? MayBe::memory : MayBe::in_register);
  if (!a.is_register()) std::swap(a, b);  // then b alone may be in memory
  const bool swapped = a.key != key(program_.code[i].a, r);
  const bool a_dies = dies(i, swapped ? 1 : 0, r), b_dies = dies(i, swapped ? 0 : 1, r);

  if (c.is_register() && dies(i, 2, r)) {  // c += a b
    const Operand operand = as_operand(b);
    advance(i, r);
    emit(forms.by_231, vec(c.reg), vec(a.reg), operand);
    define(i, r, c.reg);
  } else if (a_dies && !b.is_register()) {  // a = a b + c, b in memory
    const Operand operand = as_operand(b);
    advance(i, r);
    emit(forms.by_132, vec(a.reg), vec(c.reg), operand);
    define(i, r, a.reg);
  } else if (a_dies || (b_dies && b.is_register())) {  // a = b a + c
    const Register to = a_dies ? a.reg : b.reg, other = a_dies ? b.reg : a.reg;
    const Operand operand = as_operand(c);
    advance(i, r);
    emit(forms.by_213, vec(to), vec(other), operand);
    define(i, r, to);
  } else {
    const Register to = take();
    if (c.is_register()) {
      emit(is_.move, vec(to), vec(c.reg));
    } else {
      load(to, c.key);
    }
    const Operand operand = as_operand(b);
    advance(i, r);
    emit(forms.by_231, vec(to), vec(a.reg), operand);
    define(i, r, to);
  }
}

// ---- masks ------------------------------------------------------------------------------------

void Generator::compare(std::uint32_t i, unsigned r) {
  const auto how = static_cast<Compare>(program_.code[i].detail);
  const Source a = fetch(i, 0, r, MayBe::in_register);
  const Source b = fetch(i, 1, r);
  const Operand operand = as_operand(b);
  advance(i, r);
  unpin();
  const Register to = take();
  if (has_avx512()) {
    if (how == Compare::same_bits) {
      emit(is_.same_bits, x86::k1, vec(a.reg), operand);
    } else {
      emit(is_.compare, x86::k1, vec(a.reg), operand, Imm(program_.code[i].detail));
    }
    emit(is_.from_mask_register, vec(to), x86::k1);
  } else if (how == Compare::same_bits) {
    emit(is_.same_bits, vec(to), vec(a.reg), operand);
  } else {
    emit(is_.compare, vec(to), vec(a.reg), operand, Imm(program_.code[i].detail));
  }
  define(i, r, to);
}

// b where the mask a is set, else c.
void Generator::blend(std::uint32_t i, unsigned r) {
  if (!has_avx512()) {
    const Source mask = fetch(i, 0, r, MayBe::in_register);
    const Source c = fetch(i, 2, r, MayBe::in_register);
    const Source b = fetch(i, 1, r);
    const Operand operand = as_operand(b);
    advance(i, r);
    unpin();
    const Register to = take();
    emit(is_.blend, vec(to), vec(c.reg), operand, vec(mask.reg));
    return define(i, r, to);
  }
  const Source mask = fetch(i, 0, r, MayBe::in_register);
  const Source b = fetch(i, 1, r, MayBe::in_register);
  const Source c = fetch(i, 2, r);
  Register to = mask.reg;
  const bool is_alone = mask.key != b.key && mask.key != c.key;
  if (!dies(i, 0, r) || !is_alone) {
    to = take();
    emit(is_.move, vec(to), vec(mask.reg));
  }
  const Operand operand = as_operand(c);
  advance(i, r);
  constexpr int kBetween = 0xCA;  // the truth table of: first ? second : third
  emit(is_.ternary, vec(to), vec(b.reg), operand, Imm(kBetween));
  define(i, r, to);
}

void Generator::guard(std::uint32_t i, unsigned r) {
  const Source mask = fetch(i, 0, r, MayBe::in_register);
  if (has_avx512()) {
    const x86::KReg lanes = active(r);
    const Mem cell = x86::word_ptr(x86::r14, in_frame(Frame::active_bits(r)));
    emit(is_.to_mask_register, x86::k1, vec(mask.reg));
    emit(I::kIdKandw, lanes, lanes, x86::k1);
    emit(I::kIdKmovw, cell, lanes);
  } else {
    const Register both = take();
    const Mem cell = x86::ptr(x86::r14, in_frame(Frame::active_mask(r)));
    emit(is_.bit_and, vec(both), vec(mask.reg), cell);
    emit(is_.move, cell, vec(both));
  }
  advance(i, r);
}

// The mask register of the lanes that take part.
x86::KReg Generator::active(unsigned r) {
  const x86::KReg lanes = x86::k(kFirstActive + r);
  if ((active_loaded_ & (1u << r)) == 0) {
    emit(I::kIdKmovw, lanes, x86::word_ptr(x86::r14, in_frame(Frame::active_bits(r))));
    active_loaded_ |= 1u << r;
  }
  return lanes;
}

// ---- calls ------------------------------------------------------------------------------------

// Operands in registers 0, 1, 2, the result in 0; the callee may change every other.
void Generator::call(std::uint32_t i, unsigned r) {
  const Instr& instr = program_.code[i];
  const int arity = emit::value_operands(instr);
  flush(i, r);
  for (int number = 0; number < arity; ++number) {
    const Key wanted = key(operand(instr, number), r);
    const Key there = holds_[static_cast<std::size_t>(number)];
    if (there == wanted) continue;
    if (there != kNone) {  // an operand that comes later is read from memory then
      for (int later = number + 1; later < arity; ++later) {
        if (key(operand(instr, later), r) == there) {
          save(number);
          break;
        }
      }
      release(number);
    }
    const Register from = register_of_[wanted];
    if (from != kNoRegister) {
      emit(is_.move, vec(number), vec(from));
    } else {
      load(number, wanted);
    }
  }
  drop_all();
  call_address(vector_function(instr.op, options_.isa, program_.precision, options_.arithmetic));
  advance(i, r);
  define(i, r, 0);
}

// ---- memory -----------------------------------------------------------------------------------

void Generator::load_now(std::uint32_t i, unsigned r) {
  const emit::Place& place = program_.places[program_.code[i].a];
  if (program_.code[i].detail != emit::kNow) {  // read where it is needed
    next_[key(i, r)] = live_.after_def[i];
    return;
  }
  const Register to = take();
  emit(is_.move, vec(to), at(place, r));
  define(i, r, to);
}

void Generator::store(std::uint32_t i, unsigned r) {
  const Source a = fetch(i, 0, r, MayBe::in_register);
  const emit::Place& to = program_.places[program_.code[i].b];
  if (to.space == emit::Space::column) return store_column(i, r, a.reg, to);
  emit(is_.move, at(program_.places[program_.code[i].b], r), vec(a.reg));
  advance(i, r);
}

// In a user's table the rows that take no part are left alone.
void Generator::store_column(std::uint32_t i, unsigned r, Register from, const emit::Place& to) {
  if (has_avx512()) {
    const x86::KReg lanes = active(r);
    emit_masked(is_.move_anywhere, lanes, at(to, r), vec(from));
  } else {
    const Register lanes = take();
    emit(is_.move, vec(lanes), x86::ptr(x86::r14, in_frame(Frame::active_mask(r))));
    emit(is_.move_masked, at(to, r), vec(lanes), vec(from));
  }
  advance(i, r);
}

// Σ over the row vectors is added to the sums lane by lane; lanes that take no part are left out.
void Generator::sum(std::uint32_t i) {
  const Instr& instr = program_.code[i];
  const bool is_product = instr.act == Act::sum_product;
  const emit::Place& place = program_.places[is_product ? instr.c : instr.b];
  const bool is_plain = options_.compensation == Compensation::none;
  const bool is_narrow = place.space == emit::Space::narrow_sum;
  if (has_avx512() && row_vectors_ == 1 && is_plain && !is_narrow) return sum_masked(i, place);
  Register total = kNoRegister;
  for (unsigned r = 0; r < row_vectors_; ++r) {
    const Source a = fetch(i, 0, r, MayBe::in_register);
    const Source b = is_product ? fetch(i, 1, r) : Source{};
    const bool is_first = total == kNoRegister;
    if (is_first) total = take();
    pinned_[static_cast<std::size_t>(total)] = true;
    if (has_avx512()) {
      const x86::KReg lanes = active(r);
      if (is_product) {
        const Operand operand = as_operand(b);
        if (is_first) zero_unmasked();
        emit_masked(is_first ? is_.mul : is_.fma.by_231, lanes, vec(total), vec(a.reg), operand);
      } else if (is_first) {
        zero_unmasked();
        emit_masked(is_.move, lanes, vec(total), vec(a.reg));
      } else {
        emit_masked(is_.add, lanes, vec(total), vec(total), vec(a.reg));
      }
    } else {
      const Register part = is_first ? total : take();
      const Mem lanes = x86::ptr(x86::r14, in_frame(Frame::active_mask(r)));
      if (is_product) {
        emit(is_.mul, vec(part), vec(a.reg), as_operand(b));
        emit(is_.bit_and, vec(part), vec(part), lanes);
      } else {
        emit(is_.bit_and, vec(part), vec(a.reg), lanes);
      }
      if (!is_first) emit(is_.add, vec(total), vec(total), vec(part));
    }
    advance(i, r);
    unpin();
    pinned_[static_cast<std::size_t>(total)] = true;
    if (!is_plain) {  // one after another, as what they lose to each other is lost, too
      add_compensated(total, place);
      unpin();
      total = kNoRegister;
    }
  }
  if (is_narrow) {
    const std::uint32_t number = place.first % lanes_;
    if (number == 0) group_ = place;
    emit(is_.move, waiting(number), vec(total));
    waiting_ = number + 1;
    if (waiting_ == lanes_) add_group();
  } else if (is_plain) {
    const Mem cell = at(place, 0);
    emit(is_.add, vec(total), vec(total), cell);
    emit(is_.move, cell, vec(total));
  }
}

x86::Mem Generator::waiting(unsigned number) const {
  return x86::ptr(x86::r14, in_frame(frame_.waiting(number)));
}

// The vectors that wait become one, each its lane: their sums over all lanes. Halves are added and
// neighbours interleaved, as in transposing: first within 128 bits, where two doubles or four
// floats lie, then 128 bits as a whole.
void Generator::add_group() {
  if (waiting_ == 0) return;
  std::array<Register, 6> free;
  for (Register& r : free) {
    r = take();
    pinned_[static_cast<std::size_t>(r)] = true;
  }
  const Register x = free[0], y = free[1], t = free[2], a = free[3], b = free[4], c = free[5];
  if (waiting_ < lanes_) emit(is_.bit_xor, vec(x), vec(x), vec(x));
  for (unsigned k = waiting_; k < lanes_; ++k) emit(is_.move, waiting(k), vec(x));

  // Vectors k and k + 1, lanes in turn, neighbours added: to.
  const auto pair = [&](unsigned k, Register to) {
    emit(is_.move, vec(x), waiting(k));
    emit(is_.interleave_low, vec(y), vec(x), waiting(k + 1));
    emit(is_.interleave_high, vec(x), vec(x), waiting(k + 1));
    emit(is_.add, vec(to), vec(x), vec(y));
  };
  // As many vectors as 128 bits have numbers, from the one of that number on.
  const auto quarter = [&](unsigned number, Register to) {
    if (program_.precision == Precision::f64) return pair(2 * number, to);
    pair(4 * number, to);
    pair(4 * number + 2, t);
    emit(I::kIdVunpcklpd, vec(x), vec(to), vec(t));
    emit(I::kIdVunpckhpd, vec(y), vec(to), vec(t));
    emit(is_.add, vec(to), vec(x), vec(y));
  };
  // Of p and q the even 128 bits, and the odd ones, added: p.
  const auto halve = [&](Register p, Register q) {
    if (has_avx512()) {
      emit(I::kIdVshuff64x2, vec(x), vec(p), vec(q), Imm(0x88));
      emit(I::kIdVshuff64x2, vec(y), vec(p), vec(q), Imm(0xDD));
    } else {
      emit(I::kIdVperm2f128, vec(x), vec(p), vec(q), Imm(0x20));
      emit(I::kIdVperm2f128, vec(y), vec(p), vec(q), Imm(0x31));
    }
    emit(is_.add, vec(p), vec(x), vec(y));
  };
  quarter(0, a);
  quarter(1, b);
  halve(a, b);
  if (has_avx512()) {
    quarter(2, b);
    quarter(3, c);
    halve(b, c);
    halve(a, b);
  }
  const Mem cell = at(group_, 0);
  emit(is_.add, vec(a), vec(a), cell);
  emit(is_.move, cell, vec(a));
  waiting_ = 0;
  unpin();
}

// One row vector: what is masked is the store.
void Generator::sum_masked(std::uint32_t i, const emit::Place& place) {
  const x86::KReg lanes = active(0);
  const Source a = fetch(i, 0, 0, MayBe::in_register);
  if (program_.code[i].act == Act::sum_product) {
    const Source b = fetch(i, 1, 0);
    const Register to = take();
    const Operand operand = as_operand(b);
    const Mem cell = at(place, 0);
    emit(is_.move, vec(to), cell);
    emit(is_.fma.by_231, vec(to), vec(a.reg), operand);
    emit_masked(is_.move, lanes, cell, vec(to));
    return advance(i, 0);
  }
  const Register to = take();
  const Mem cell = at(place, 0);
  emit(is_.add, vec(to), vec(a.reg), cell);
  emit_masked(is_.move, lanes, cell, vec(to));
  advance(i, 0);
}

// s = sum + t; the rest is what rounding took away, exactly. Knuth's two-sum, TAOCP 4.2.2.
void Generator::add_compensated(Register t, const emit::Place& place) {
  const Mem cell = at(place, 0);
  emit::Place rest_place = place;
  rest_place.first += program_.sums;
  const Mem rest = at(rest_place, 0);
  const auto next = [&] {
    const Register r = take();
    pinned_[static_cast<std::size_t>(r)] = true;
    return r;
  };
  const Register before = next(), s = next(), part = next();
  emit(is_.move, vec(before), cell);
  emit(is_.add, vec(s), vec(before), vec(t));
  emit(is_.move, cell, vec(s));
  emit(is_.sub, vec(part), vec(s), vec(before));  // as much of t as arrived
  emit(is_.sub, vec(s), vec(s), vec(part));       // as much of the sum
  emit(is_.sub, vec(before), vec(before), vec(s));
  emit(is_.sub, vec(t), vec(t), vec(part));
  emit(is_.add, vec(t), vec(t), vec(before));
  emit(is_.add, vec(t), vec(t), rest);
  emit(is_.move, rest, vec(t));
}

}  // namespace chainrule::x64

#endif
