// Code: one byte that says what a row of the tape is: a leaf, or an operation together with which
// of its operands are plain numbers. So a sweep never asks at run time whether an operand needs an
// adjoint.
#pragma once

#include <cstdint>

#include "chainrule/op/op.hpp"

namespace chainrule::detail {

// CR_CODES_n(name) says CR_CODE(name, mask) for every mask of an operation of n operands.
#define CR_CODES_1(name) CR_CODE(name, 0)
#define CR_CODES_2(name) CR_CODE(name, 0) CR_CODE(name, 1) CR_CODE(name, 2)
#define CR_CODES_3(name) \
  CR_CODES_2(name) CR_CODE(name, 3) CR_CODE(name, 4) CR_CODE(name, 5) CR_CODE(name, 6)

enum class Code : std::uint8_t {
  variable,
  constant,
  placeholder,
  third_operand,  ///< the row before a ternary operation holds its third operand
  block,          ///< the header of a block: links are its place among the blocks, and its outputs
  block_output,   ///< one value of a block: links are the header's row, and which one
  array,          ///< an array: the link is its place in the table of arrays
  element,        ///< one number of an array: links are the array's row, and which one
#define CR_CODE(name, mask)     name##_##mask,
#define CR_OP(name, arity, ...) CR_CODES_##arity(name)
#define CR_FN                   CR_OP
#define CR_DEF                  CR_OP
#include "chainrule/op/ops.def"
#undef CR_CODE
  first_operation = 8
};

/// Number of masks of an operation: bit k is set where operand k is a plain number. An operation on
/// numbers alone is a number and not recorded.
constexpr unsigned mask_count(int arity) { return (1u << arity) - 1u; }

struct CodeTable {
  std::uint8_t first[static_cast<unsigned>(kOpCount)] = {};
  Op op[256] = {};
  std::uint8_t mask[256] = {};
  unsigned count = static_cast<unsigned>(Code::first_operation);

  constexpr CodeTable() {
    for (const OpInfo& row : kOps) {
      first[static_cast<unsigned>(row.op)] = static_cast<std::uint8_t>(count);
      for (unsigned m = 0; m < mask_count(row.arity); ++m, ++count) {
        op[count & 255u] = row.op;
        mask[count & 255u] = static_cast<std::uint8_t>(m);
      }
    }
  }
};

inline constexpr CodeTable kCodes;
static_assert(kCodes.count <= 256, "a code is one byte");

constexpr Code code_of(Op op, unsigned mask) {
  return static_cast<Code>(kCodes.first[static_cast<unsigned>(op)] + mask);
}
constexpr bool is_operation(Code code) { return code >= Code::first_operation; }
/// Whether a row is a node of its own, and not part of another one.
constexpr bool is_node(Code code) { return code != Code::third_operand && code != Code::block; }
constexpr Op op_of(Code code) { return kCodes.op[static_cast<unsigned>(code)]; }
constexpr unsigned mask_of(Code code) { return kCodes.mask[static_cast<unsigned>(code)]; }

/// Calls visitor.operation<op, mask>(), .leaf(), .block(), .block_output(), .array() or
/// .element(); a third_operand row is passed over.
template <class Visitor>
[[gnu::always_inline]] inline void visit_code(Code code, Visitor&& visitor) {
  switch (code) {
    case Code::variable:
    case Code::constant:
    case Code::placeholder: return visitor.leaf();
    case Code::third_operand: return;
    case Code::block: return visitor.block();
    case Code::block_output: return visitor.block_output();
    case Code::array: return visitor.array();
    case Code::element: return visitor.element();
#define CR_CODE(name, mask) \
  case Code::name##_##mask: \
    return visitor.template operation<Op::name, mask>();
#define CR_OP(name, arity, ...) CR_CODES_##arity(name)
#define CR_FN                   CR_OP
#define CR_DEF                  CR_OP
#include "chainrule/op/ops.def"
#undef CR_CODE
  }
  __builtin_unreachable();
}

#undef CR_CODES_1
#undef CR_CODES_2
#undef CR_CODES_3

}  // namespace chainrule::detail
