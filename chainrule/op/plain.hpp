// Op, the enumeration of the table's rows, and plain::NAME, each row as a function of doubles.
#pragma once

#include <cstdint>

#include "chainrule/op/algebra.hpp"

namespace chainrule {

/// The operations, in the order of the table.
enum class Op : std::uint8_t {
#define CR_OP(name, ...) name,
#define CR_FN            CR_OP
#define CR_DEF           CR_OP
#include "chainrule/op/ops.def"
};

// Shared by the expansions below. CR_LIST drops the parentheses round a list.
#define CR_LIST(...) __VA_ARGS__
#define CR_DOUBLES_1 double x
#define CR_DOUBLES_2 double x, double y
#define CR_DOUBLES_3 double x, double y, double w
#define CR_NAMES_1   x
#define CR_NAMES_2   x, y
#define CR_NAMES_3   x, y, w
#define CR_VALUES_1  [[maybe_unused]] const V& x
#define CR_VALUES_2  [[maybe_unused]] const V &x, [[maybe_unused]] const V &y
#define CR_VALUES_3 \
  [[maybe_unused]] const V &x, [[maybe_unused]] const V &y, [[maybe_unused]] const V &w

/// The rows over double: plain::sigmoid(0.5). Functions of the C library and compound formulas are
/// evaluated inside the library, so that a caller's compiler flags cannot change a digit.
namespace plain {
using rules::choose;
#define CR_OP(name, arity, ...) inline double name(CR_DOUBLES_##arity);
#define CR_FN(name, arity, ...) double name(CR_DOUBLES_##arity);
#define CR_DEF                  CR_FN
#include "chainrule/op/ops.def"
}  // namespace plain

}  // namespace chainrule
