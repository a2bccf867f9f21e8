#include "chainrule/tape/scalar.hpp"

#include <cfloat>
#include <cmath>
#include <string>

#include "chainrule/tape/inspect.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

using detail::Code;

Scalar leaf(Code kind, double value, std::string_view label, Location at) {
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  state.make_room();
  const std::uint32_t row = state.rows.append(kind, 0, 0, value);
  if (!label.empty()) state.set_label(row, label);
  state.keep_line(at);
  return ScalarAccess::make(value, row, state.rows.stamp);
}

// A placeholder without a value: its row holds a NaN that carries the handle's stamp, so that a
// handle from before a rewind is not taken for the placeholder that stands there now.
double unfed_value(std::uint32_t stamp) {
  return std::bit_cast<double>(0x7FF8'0000'0000'0000u | stamp);
}

bool is_unfed(const Tape::State& state, std::uint32_t row, std::uint32_t stamp) {
  return row < state.rows.size && state.rows.codes[row] == Code::placeholder &&
         std::bit_cast<std::uint64_t>(state.rows.values[row]) ==
             std::bit_cast<std::uint64_t>(unfed_value(stamp));
}

}  // namespace

Scalar variable(double value, std::string_view label, Location at) {
  return leaf(Code::variable, value, label, at);
}

Scalar constant(double value, std::string_view label, Location at) {
  return leaf(Code::constant, value, label, at);
}

Scalar placeholder(std::string_view label, Location at) {
  const std::uint32_t stamp = TapeAccess::state(Tape::active()).new_stamp(detail::kUnfedSlot);
  const Scalar node = leaf(Code::placeholder, unfed_value(stamp), label, at);
  return ScalarAccess::make(ScalarAccess::value(node), ScalarAccess::row(node), stamp);
}

NodeId Scalar::node() const { return Tape::active().node_of(*this, "node"); }

Scalar& Scalar::label(std::string_view text) & {
  Tape& tape = Tape::active();
  const NodeId id = tape.node_of(*this, "label");
  TapeAccess::state(tape).set_label(id.index, text);
  return *this;
}

std::string Scalar::name() const {
  Tape& tape = Tape::active();
  return name_of(tape, tape.node_of(*this, "name"));
}

void Scalar::assign(double value, Location at) {
  Tape& tape = Tape::active();
  const Tape::State& state = TapeAccess::state(tape);
  const bool unfed = is_unfed(state, ScalarAccess::row(*this), ScalarAccess::stamp(*this));
  const NodeId node = unfed ? NodeId{ScalarAccess::row(*this)} : tape.node_of(*this, "assign");
  const Code code = state.rows.codes[node.index];
  if (code != Code::variable && code != Code::placeholder) {
    fail("assign", name_of(tape, node) + (code == Code::constant
                                              ? " is a constant: it cannot be assigned"
                                              : " is the result of an operation: only a variable "
                                                "or a placeholder can be assigned"));
  }
  const std::string* label = state.label_of(node.index);
  const std::string name = label != nullptr ? *label : unfed ? name_of(tape, node) : "";
  *this = leaf(code, value, name, at);
}

Condition::operator Scalar() const {
  if (x_.is_number() && y_.is_number()) return Scalar(value_ ? 1.0 : 0.0);
  const Scalar operands[] = {x_, y_};
  const Scalar truth = apply(op_, operands, at_);
  return negated_ ? negate(truth, at_) : truth;
}

Scalar apply(Op op, const Scalar* operands, Location at) {
  const auto value_of = [](const Scalar& s) { return ScalarAccess::value(s); };
  return visit(op, [&]<class Row>(Row) {
    if constexpr (Row::arity == 1) {
      const double z = Row::template apply<double>(value_of(operands[0]));
      return detail::record<Row::op>(z, at, operands[0]);
    } else if constexpr (Row::arity == 2) {
      const double z = Row::template apply<double>(value_of(operands[0]), value_of(operands[1]));
      return detail::record<Row::op>(z, at, operands[0], operands[1]);
    } else {
      const double z = Row::template apply<double>(value_of(operands[0]), value_of(operands[1]),
                                                   value_of(operands[2]));
      return detail::record<Row::op>(z, at, operands[0], operands[1], operands[2]);
    }
  });
}

// Each of these is a guard on its result: on a row of the tape that holds it.
Scalar frexp(const Scalar& x, int* exponent, Location at) {
  std::frexp(primal(x), exponent);
  if (detail::watched(x) && isfinite(x, at) && bool(x != 0.0)) {
    *exponent = static_cast<int>(logb(x, at).value(at)) + 1;
  }
  return ldexp(x, -*exponent);
}

Scalar modf(const Scalar& x, Scalar* integer) {
  *integer = trunc(x);
  return isinf(x) ? x * 0.0 : x - *integer;
}

Scalar remquo(const Scalar& x, const Scalar& y, int* quotient, Location at) {
  const Scalar rest = remainder(x, y, at);
  if (detail::watched(x) || detail::watched(y)) rint((x - rest) / y, at).value(at);
  std::remquo(primal(x), primal(y), quotient);
  return rest;
}

bool isnan(const Scalar& x, Location at) { return Operand(x, at.file, at.line) != x; }
bool isinf(const Scalar& x, Location at) {
  if (!detail::watched(x)) return std::isinf(primal(x));
  return Operand(abs(x, at), at.file, at.line) == HUGE_VAL;
}
bool isfinite(const Scalar& x, Location at) {
  if (!detail::watched(x)) return std::isfinite(primal(x));
  return Operand(abs(x, at), at.file, at.line) < HUGE_VAL;
}
bool isnormal(const Scalar& x, Location at) {
  if (!detail::watched(x)) return std::isnormal(primal(x));
  return isfinite(x, at) && Operand(abs(x, at), at.file, at.line) >= DBL_MIN;
}
bool signbit(const Scalar& x, Location at) {
  if (!detail::watched(x)) return std::signbit(primal(x));
  return Operand(copysign(Scalar(1.0), x, at), at.file, at.line) < 0.0;
}
int ilogb(const Scalar& x, Location at) {
  if (detail::watched(x)) logb(x, at).value(at);
  return std::ilogb(primal(x));
}
long lround(const Scalar& x, Location at) {
  return std::lround(detail::watched(x) ? round(x, at).value(at) : primal(x));
}
long long llround(const Scalar& x, Location at) {
  return std::llround(detail::watched(x) ? round(x, at).value(at) : primal(x));
}
long lrint(const Scalar& x, Location at) {
  return std::lrint(detail::watched(x) ? rint(x, at).value(at) : primal(x));
}
long long llrint(const Scalar& x, Location at) {
  return std::llrint(detail::watched(x) ? rint(x, at).value(at) : primal(x));
}

}  // namespace chainrule
