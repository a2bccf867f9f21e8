// Program: what a processor is asked to do, whatever its registers: a Trace lowered to a list of
// instructions over vectors of rows, in static single assignment.
//
// An instruction's value is named by its place in the list. Truths are masks: all bits set, or
// none. Numbers come from places in memory and go to them; loops repeat a stretch of the list, at
// places that move from step to step. Uniform values are the same in every row: they depend on
// shared numbers and constants alone, and are computed once however many row vectors a pass has.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "chainrule/op/op.hpp"
#include "chainrule/op/precision.hpp"

namespace chainrule {

class Block;

namespace emit {

inline constexpr std::uint32_t kNone = 0xFFFFFFFFu;
/// `detail` of a load from a cell that changes: it is not read again later in place of the value.
inline constexpr std::uint8_t kNow = 0xFF;

/// What a place is counted in, and from where.
enum class Space : std::uint8_t {
  shared,     ///< numbers that all rows share
  row,        ///< inputs of the rows, a vector each
  column,     ///< inputs or outputs of the rows where a user's table has them, side by side
  constant,   ///< Program::constants
  frame,      ///< cells for arrays and for what goes round a loop, a vector each
  out,        ///< outputs, a vector each
  sum,        ///< sums over rows, a vector each
  narrow_sum  ///< sums over rows, a number each, in groups of sum_group()
};
/// As many as the widest registers have lanes.
constexpr std::uint32_t sum_group(Precision precision) {
  return precision == Precision::f32 ? 16 : 8;
}
constexpr bool is_uniform(Space space) {
  return space == Space::shared || space == Space::constant;
}

struct Place {
  Space space;
  std::uint32_t first;
  std::uint32_t pointer = kNone;  ///< of Program::pointers: how far it has moved
  std::uint32_t table = 0;        ///< of Program::tables, in a column
  friend bool operator==(const Place&, const Place&) = default;
};

/// A distance that grows by `stride` elements a step of a loop, from where its parent stands.
struct Pointer {
  std::uint32_t loop;
  std::uint32_t parent;  ///< a pointer of an enclosing loop, or kNone
  std::uint32_t stride;
  Space space;  ///< what its elements are
  std::uint32_t table = 0;
};

enum class Act : std::uint8_t {
  load,  ///< from place a
  add,
  sub,
  mul,
  div,
  fma,   ///< a b + c
  fms,   ///< a b − c
  fnma,  ///< c − a b
  sqrt,
  bit_and,
  bit_andnot,  ///< ¬a ∧ b
  bit_or,
  bit_xor,
  compare,      ///< a with b, as `detail` says
  blend,        ///< b where the mask a is set, else c
  round,        ///< as `detail` says
  call,         ///< the row `op` of the table
  store,        ///< a, to place b
  sum,          ///< a, added over the rows to place b
  sum_product,  ///< a b, the same to place c
  guard,        ///< the mask a must hold in every row, or the row is answered elsewhere
  block,        ///< block number a: cells of the frame in, cells of the frame out
  loop,         ///< begins loop number a
  end           ///< ends it
};
constexpr bool has_value(Act act) { return act < Act::store; }

/// Values are those of the processor's immediate operands (Intel SDM, CMPPD and ROUNDPD).
enum class Compare : std::uint8_t {
  equal = 0,            // ordered, quiet
  not_equal = 4,        // unordered, quiet
  less = 17,            // ordered, quiet
  less_equal = 18,      // ordered, quiet
  not_less = 21,        // unordered, quiet
  not_less_equal = 22,  // unordered, quiet
  same_bits = 32        // of integers: no immediate operand
};
enum class Round : std::uint8_t { nearest = 0, floor = 1, ceil = 2, trunc = 3 };

struct Instr {
  Act act;
  std::uint8_t detail = 0;
  Op op = Op::add;
  bool uniform = false;
  std::uint32_t a = kNone, b = kNone, c = kNone;
};

/// How many of a, b, c are values.
constexpr int value_operands(const Instr& instr) {
  switch (instr.act) {
    case Act::load:
    case Act::block:
    case Act::loop:
    case Act::end: return 0;
    case Act::sqrt:
    case Act::round:
    case Act::store:
    case Act::sum:
    case Act::guard: return 1;
    case Act::add:
    case Act::sub:
    case Act::mul:
    case Act::div:
    case Act::bit_and:
    case Act::bit_andnot:
    case Act::bit_or:
    case Act::bit_xor:
    case Act::sum_product:
    case Act::compare: return 2;
    case Act::fma:
    case Act::fms:
    case Act::fnma:
    case Act::blend: return 3;
    case Act::call: return info(instr.op).arity;
  }
  __builtin_unreachable();
}

struct LoopSpan {
  std::uint32_t steps;      ///< at least 1
  bool descending;          ///< step steps − 1 comes first
  std::uint32_t begin = 0;  ///< its instructions
  std::uint32_t end = 0;
};

struct BlockUse {
  std::shared_ptr<const Block> block;
  std::uint32_t operands, results;  ///< first cells
};

struct Program {
  Precision precision = Precision::f64;  ///< of every number
  std::vector<Instr> code;
  std::vector<Place> places;
  std::vector<std::uint64_t> constants;  ///< bits of numbers
  std::vector<Pointer> pointers;
  std::vector<LoopSpan> loops;
  std::vector<BlockUse> blocks;
  std::vector<std::uint32_t> tables;  ///< from column to column, in numbers
  std::uint32_t cells = 0;            ///< vectors in the frame
  std::uint32_t outs = 0;             ///< vectors of outputs
  std::uint32_t sums = 0;             ///< sums over rows
};

}  // namespace emit
}  // namespace chainrule
