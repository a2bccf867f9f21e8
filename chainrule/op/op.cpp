#include "chainrule/op/op.hpp"

#include "chainrule/op/primitive.hpp"

namespace chainrule {

// The rows that are evaluated inside the library.
namespace plain {
#define CR_OP(...)
#define CR_FN(name, arity, ...) \
  double name(CR_DOUBLES_##arity) { return primitive::name(CR_NAMES_##arity); }
#define CR_DEF(name, arity, ...) \
  double name(CR_DOUBLES_##arity) { return Rule<Op::name>::value<double>(CR_NAMES_##arity); }
#include "chainrule/op/ops.def"
}  // namespace plain

const OpInfo* find_op(std::string_view name) {
  for (const OpInfo& row : kOps) {
    if (row.name == name) return &row;
  }
  for (const OpInfo& row : kOps) {
    if (!row.glyph.empty() && row.glyph == name) return &row;
  }
  return nullptr;
}

}  // namespace chainrule
