#include "chainrule/tape/scalar.hpp"

#include <cmath>
#include <string>

#include "chainrule/tape/inspect.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

using detail::Code;

Scalar leaf(Code kind, double value, std::string_view label) {
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  state.make_room();
  const std::uint32_t row = state.rows.append(kind, 0, 0, value);
  if (!label.empty()) state.set_label(row, label);
  if (state.keeps_lines) state.lines.resize(row + 1);
  return ScalarAccess::make(value, row, state.rows.stamp);
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Scalar variable(double value, std::string_view label) { return leaf(Code::variable, value, label); }
Scalar constant(double value, std::string_view label) { return leaf(Code::constant, value, label); }

Scalar placeholder(std::string_view label) {
  const Scalar node = leaf(Code::placeholder, kNan, label);
  Tape::State& state = TapeAccess::state(Tape::active());
  return ScalarAccess::make(kNan, ScalarAccess::row(node), state.new_stamp(detail::kUnfedSlot));
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

void Scalar::assign(double value) {
  Tape& tape = Tape::active();
  Tape::State& state = TapeAccess::state(tape);
  const bool unfed = detail::slot_of(stamp_) == detail::kUnfedSlot;
  const std::uint32_t row = unfed ? node_ : tape.node_of(*this, "assign").index;
  if (row >= state.rows.size) fail_handle("assign", state.reason(row, stamp_, value_));
  const Code code = state.rows.codes[row];
  if (code != Code::variable && code != Code::placeholder) {
    fail("assign", name_of(tape, {row}) + (code == Code::constant
                                               ? " is a constant: it cannot be assigned"
                                               : " is the result of an operation: only a variable "
                                                 "or a placeholder can be assigned"));
  }
  const std::string* label = state.label_of(row);
  *this = leaf(code, value, label == nullptr ? std::string() : *label);
}

Condition::operator Scalar() const {
  if (x_.is_number() && y_.is_number()) return Scalar(value_ ? 1.0 : 0.0);
  const Scalar operands[] = {x_, y_};
  const Scalar truth = apply(op_, operands, at_);
  return negated_ ? negate(truth, at_) : truth;
}

Scalar apply(Op op, const Scalar* operands, Location at) {
  return visit(op, [&]<class Row>(Row) {
    if constexpr (Row::arity == 1) {
      const double z = Row::template apply<double>(operands[0].value());
      return detail::record<Row::op>(z, at, operands[0]);
    } else if constexpr (Row::arity == 2) {
      const double z = Row::template apply<double>(operands[0].value(), operands[1].value());
      return detail::record<Row::op>(z, at, operands[0], operands[1]);
    } else {
      const double z = Row::template apply<double>(operands[0].value(), operands[1].value(),
                                                   operands[2].value());
      return detail::record<Row::op>(z, at, operands[0], operands[1], operands[2]);
    }
  });
}

Scalar frexp(const Scalar& x, int* exponent) {
  std::frexp(x.value(), exponent);
  return ldexp(x, -*exponent);
}

Scalar modf(const Scalar& x, Scalar* integer) {
  *integer = Scalar(std::trunc(x.value()));
  return std::isinf(x.value()) ? x * 0.0 : x - *integer;
}

Scalar remquo(const Scalar& x, const Scalar& y, int* quotient) {
  std::remquo(x.value(), y.value(), quotient);
  return remainder(x, y);
}

bool isnan(const Scalar& x) { return std::isnan(x.value()); }
bool isinf(const Scalar& x) { return std::isinf(x.value()); }
bool isfinite(const Scalar& x) { return std::isfinite(x.value()); }
bool isnormal(const Scalar& x) { return std::isnormal(x.value()); }
bool signbit(const Scalar& x) { return std::signbit(x.value()); }
int ilogb(const Scalar& x) { return std::ilogb(x.value()); }
long lround(const Scalar& x) { return std::lround(x.value()); }
long long llround(const Scalar& x) { return std::llround(x.value()); }
long lrint(const Scalar& x) { return std::lrint(x.value()); }
long long llrint(const Scalar& x) { return std::llrint(x.value()); }

}  // namespace chainrule
